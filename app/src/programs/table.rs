//! The table of programs.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::lifecycle::ManagedInput;
use wire::programs::{ProgramAct, ProgramResource};
use wire::{ProgramId, ResourceKind, ServerId, Status};

use super::dialogs::Asked;
use super::processes::{ProgramBadge, Trouble, running_of, runs_whole};
use crate::lifecycle::LifecycleActions;
use crate::ui::{ACTIONS, Icon, Rows, Shape, row_of, row_tint};

/// All programs of a server.
#[component]
pub fn Programs(
    server: ServerId,
    programs: Memo<Vec<ProgramResource>>,
    asked: Asked,
) -> impl IntoView {
    let ids = move || programs.with(|programs| programs.iter().map(|it| it.id).collect::<Vec<_>>());
    view! {
        <section aria-labelledby="programs">
            <h3 id="programs">"Programs"</h3>
            <Show
                when=move || !programs.with(Vec::is_empty)
                fallback=|| {
                    view! {
                        <p class="field-note">
                            "No programs yet. A program is a command that the server keeps running: a queue worker, a WebSocket server, a bot."
                        </p>
                    }
                }
            >
                <Rows
                    caption="Background programs"
                    class="is-programs"
                    columns=&["Name", "Runs as", "Processes", "Status", ACTIONS]
                >
                    <tbody>
                        <For each=ids key=|id| *id let:id>
                            <ProgramRow server id programs asked/>
                        </For>
                    </tbody>
                </Rows>
            </Show>
        </section>
    }
}

#[component]
fn ProgramRow(
    server: ServerId,
    id: ProgramId,
    programs: Memo<Vec<ProgramResource>>,
    asked: Asked,
) -> impl IntoView {
    let is_it = move |program: &ProgramResource| program.id == id;
    let Some(program) = row_of(programs.into(), is_it) else {
        return ().into_any();
    };
    let status = Memo::new(move |_| program.with(|program| program.status));
    let name = Signal::derive(move || program.with(|program| program.settings.name.clone()));
    let is_changed = row_tint(program);
    view! {
        <tr
            data-program-id=id.0
            data-status=move || status.get().as_str()
            class:is-changed=is_changed
        >
            <th scope="row">
                <A href=format!("/servers/{server}/programs/{id}")>{name}</A>
                {move || {
                    program
                        .with(|program| program.error_log.clone())
                        .map(|error| view! { <p class="row-error">{error}</p> })
                }}
                <Trouble program/>
            </th>
            <td data-label="Runs as">
                {move || program.with(|program| program.settings.run_as.as_str())}
            </td>
            <td data-label="Processes">{move || program.with(running_of)}</td>
            <td data-label="Status">
                <ProgramBadge program/>
            </td>
            <td class="row-actions">
                <ProgramActions server program asked/>
            </td>
        </tr>
    }
    .into_any()
}

/// Everything that can be done to a program.
#[component]
pub fn ProgramActions(
    server: ServerId,
    program: Memo<ProgramResource>,
    asked: Asked,
) -> impl IntoView {
    let id = program.with_untracked(|program| program.id);
    let status = Memo::new(move |_| program.with(|program| program.status));
    let name = Signal::derive(move || program.with(|program| program.settings.name.clone()));
    let buttons = Memo::new(move |_| program.with(buttons_of));
    view! {
        {move || {
            buttons
                .get()
                .iter()
                .map(|act| view! { <ActButton act=*act program name asked/> })
                .collect_view()
        }}
        <button
            type="button"
            class="icon-button"
            aria-label=move || format!("Edit {}", name.get())
            title="Edit"
            disabled=move || !may_be_changed(status.get())
            on:click=move |_| asked.edited.set(Some(program.get_untracked()))
        >
            <Icon shape=Shape::Pencil/>
        </button>
        <LifecycleActions
            resource=ManagedInput {
                server_id: server,
                kind: ResourceKind::Program,
                id: id.0,
            }
            status
            operation=Memo::new(move |_| program.with(|program| program.operation_id))
            name
            on_remove=Callback::new(move |()| asked.removed.set(Some(program.get_untracked())))
        />
    }
}

#[component]
fn ActButton(
    act: ProgramAct,
    program: Memo<ProgramResource>,
    name: Signal<String>,
    asked: Asked,
) -> impl IntoView {
    let shape = match act {
        ProgramAct::Start => Shape::Play,
        ProgramAct::Stop => Shape::Power,
        ProgramAct::Restart => Shape::Retry,
    };
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=move || format!("{} {}", act.label(), name.get())
            title=act.label()
            on:click=move |_| asked.controlled.set(Some((act, program.get_untracked())))
        >
            <Icon shape/>
        </button>
    }
}

fn buttons_of(program: &ProgramResource) -> &'static [ProgramAct] {
    use ProgramAct::{Restart, Start, Stop};
    match program.status {
        Status::Active if runs_whole(program) => &[Restart, Stop],
        Status::Active => &[Start, Restart, Stop],
        Status::Paused => &[Start],
        Status::Pending | Status::Installing | Status::Failed | Status::Removing => &[],
    }
}

/// Whether the fields of a program in this status can be changed.
fn may_be_changed(status: Status) -> bool {
    status.may_become(Status::Installing) && status != Status::Pending
}
