//! The table of rules.

use leptos::prelude::*;
use wire::firewall::{Action, Protocol, RuleResource};
use wire::lifecycle::ManagedInput;
use wire::{ResourceKind, RuleId, ServerId, Status};

use super::base::BasePort;
use crate::lifecycle::{LifecycleActions, StatusBadge};
use crate::ui::{ACTIONS, Icon, Rows, Shape, row_of, row_tint};

/// All rules, and the ports that stay open by themselves.
#[component]
pub fn Rules(
    server: ServerId,
    rules: Memo<Vec<RuleResource>>,
    base_ports: Memo<Vec<u16>>,
    edited: RwSignal<Option<RuleResource>>,
    removed: RwSignal<Option<RuleResource>>,
) -> impl IntoView {
    let ids = move || rules.with(|rules| rules.iter().map(|rule| rule.id).collect::<Vec<_>>());
    view! {
        <section aria-labelledby="rules">
            <h3 id="rules">"Rules"</h3>
            <Rows
                caption="Firewall rules"
                class="is-rules"
                columns=&["Name", "Port", "Protocol", "Source", "Action", "Status", ACTIONS]
            >
                <tbody>
                    <For each=ids key=|id| *id let:id>
                        <RuleRow server id rules edited removed/>
                    </For>
                </tbody>
                <tbody>
                    <For each=move || base_ports.get() key=|port| *port let:port>
                        <BasePort port/>
                    </For>
                </tbody>
            </Rows>
            <Show when=move || rules.with(Vec::is_empty)>
                <p class="field-note">
                    "No rules of your own yet. The panel opens no other ports; a rule that was made on the server itself is not shown here."
                </p>
            </Show>
        </section>
    }
}

#[component]
fn RuleRow(
    server: ServerId,
    id: RuleId,
    rules: Memo<Vec<RuleResource>>,
    edited: RwSignal<Option<RuleResource>>,
    removed: RwSignal<Option<RuleResource>>,
) -> impl IntoView {
    let Some(rule) = row_of(rules.into(), move |rule: &RuleResource| rule.id == id) else {
        return ().into_any();
    };
    let status = Memo::new(move |_| rule.with(|rule| rule.status));
    let name = Signal::derive(move || rule.with(|rule| rule.name.clone()));
    let is_changed = row_tint(rule);
    view! {
        <tr
            data-rule-id=id.0
            data-status=move || status.get().as_str()
            class:is-changed=is_changed
        >
            <th scope="row">
                {name}
                {move || {
                    rule.with(|rule| rule.error_log.clone())
                        .map(|error| view! { <p class="row-error">{error}</p> })
                }}
            </th>
            <td class="is-code" data-label="Port">
                {move || rule.with(|rule| rule.port.clone())}
            </td>
            <td data-label="Protocol">{move || protocol_word(rule.with(|rule| rule.protocol))}</td>
            <td data-label="Source" class:is-code=move || rule.with(|rule| rule.source.is_some())>
                {move || rule.with(|rule| rule.source.clone()).unwrap_or_else(|| "Anywhere".to_owned())}
            </td>
            <td data-label="Action">{move || action_word(rule.with(|rule| rule.action))}</td>
            <td data-label="Status">
                <StatusBadge status since=Signal::derive(move || rule.with(|rule| rule.updated_at))/>
            </td>
            <td class="row-actions">
                <button
                    type="button"
                    class="icon-button"
                    aria-label=move || format!("Edit {}", name.get())
                    title="Edit"
                    disabled=move || !status.get().may_become(Status::Installing) || status.get() == Status::Pending
                    on:click=move |_| edited.set(Some(rule.get_untracked()))
                >
                    <Icon shape=Shape::Pencil/>
                </button>
                <LifecycleActions
                    resource=ManagedInput {
                        server_id: server,
                        kind: ResourceKind::FirewallRule,
                        id: id.0,
                    }
                    status
                    operation=Memo::new(move |_| rule.with(|rule| rule.operation_id))
                    name
                    on_remove=Callback::new(move |()| removed.set(Some(rule.get_untracked())))
                />
            </td>
        </tr>
    }
    .into_any()
}

fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Any => "Any",
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

fn action_word(action: Action) -> &'static str {
    match action {
        Action::Allow => "Allow",
        Action::Deny => "Deny",
    }
}
