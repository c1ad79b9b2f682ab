//! The list of servers.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::ServerId;
use wire::servers::ServerSummary;

use super::header::{ServerBadge, address_of};
use crate::layout::AllServers;
use crate::ui::{Ago, Icon, Shape, live_page, row_tint};

/// From this many rows on there is a filter.
const FILTER_FROM: usize = 21;

/// All servers of the account.
#[component]
pub fn ServersPage() -> impl IntoView {
    let AllServers(servers) = expect_context();
    view! {
        <Title text="Servers"/>
        {live_page(servers, |servers| view! { <Servers servers/> }.into_any())}
    }
}

#[component]
fn Servers(servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let words = RwSignal::new(String::new());
    let is_empty = Memo::new(move |_| servers.with(Vec::is_empty));
    let is_long = Memo::new(move |_| servers.with(|servers| servers.len() >= FILTER_FROM));
    let shown = Memo::new(move |_| {
        let words = words.with(|words| words.trim().to_lowercase());
        servers.with(|servers| {
            servers
                .iter()
                .filter(|server| {
                    server.name.to_lowercase().contains(&words) || server.address.contains(&words)
                })
                .map(|server| server.id)
                .collect::<Vec<_>>()
        })
    });
    view! {
        <div class="page-head">
            <h1>"Servers"</h1>
            <Show when=move || !is_empty.get()>
                <A href="/servers/new" attr:class="button is-primary">
                    <Icon shape=Shape::Plus/>
                    "Add a server"
                </A>
            </Show>
        </div>
        <Show when=move || is_long.get()>
            <div class="field filter">
                <label for="filter">"Filter by name or address"</label>
                <input
                    id="filter"
                    type="search"
                    autocomplete="off"
                    on:input:target=move |event| words.set(event.target().value())
                />
            </div>
        </Show>
        <Show
            when=move || !is_empty.get()
            fallback=|| {
                view! {
                    <section class="empty">
                        <h2>"No servers yet"</h2>
                        <p>
                            "Add a plain Debian server you can reach over SSH. The panel provisions it and keeps its "
                            "firewall the way you asked."
                        </p>
                        <A href="/servers/new" attr:class="button is-primary">
                            <Icon shape=Shape::Plus/>
                            "Add a server"
                        </A>
                    </section>
                }
            }
        >
            <table class="rows">
                <caption class="visually-hidden">"Your servers"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Address"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"System"</th>
                        <th scope="col" class="is-end">
                            "Last change"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || shown.get() key=|id| *id let:id>
                        <ServerRow id servers/>
                    </For>
                </tbody>
            </table>
        </Show>
    }
}

#[component]
fn ServerRow(id: ServerId, servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let Some(first) = servers.with_untracked(|servers| find(servers, id)) else {
        return ().into_any();
    };
    let server = Memo::new(move |before: Option<&ServerSummary>| {
        servers
            .with(|servers| find(servers, id))
            .or_else(|| before.cloned())
            .unwrap_or_else(|| first.clone())
    });
    let is_changed = row_tint(server);
    view! {
        <tr data-server-id=id.0 class:is-changed=is_changed>
            <th scope="row">
                <A href=format!("/servers/{id}")>{move || server.with(|server| server.name.clone())}</A>
            </th>
            <td class="is-code" data-label="Address">
                {move || server.with(address_of)}
            </td>
            <td data-label="Status">
                <ServerBadge server/>
            </td>
            <td data-label="System">{move || server.with(|server| server.os.clone())}</td>
            <td class="is-end" data-label="Last change">
                <Ago at=Signal::derive(move || server.with(|server| server.updated_at))/>
            </td>
        </tr>
    }
    .into_any()
}

fn find(servers: &[ServerSummary], id: ServerId) -> Option<ServerSummary> {
    servers.iter().find(|server| server.id == id).cloned()
}
