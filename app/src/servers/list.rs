//! The list of servers, with its filter and its pages in the address.

mod filter;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::ServerId;
use wire::servers::ServerSummary;

use self::filter::{ATTENTION, Filter, FilterBox, address, matches};
use super::header::address_of;
use super::stand::{ServerBadge, Stand};
use crate::layout::AllServers;
use crate::ui::{Ago, Icon, Shape, live_page, row_of, row_tint};

/// From this many rows on there is a filter.
const FILTER_FROM: usize = 21;
/// Rows of one page.
const PAGE: usize = 100;

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
    let filter = Filter::of_address();
    let is_empty = Memo::new(move |_| servers.with(Vec::is_empty));
    let is_long = Memo::new(move |_| {
        servers.with(|servers| servers.len() >= FILTER_FROM)
            || filter.words.with(|words| !words.is_empty())
    });
    let troubled = Memo::new(move |_| {
        servers.with(|servers| {
            servers
                .iter()
                .filter(|server| Stand::of(server).needs_attention())
                .count()
        })
    });
    let found = Memo::new(move |_| {
        let words = filter.words.with(|words| words.to_lowercase());
        servers.with(|servers| {
            servers
                .iter()
                .filter(|server| matches(server, &words))
                .map(|server| server.id)
                .collect::<Vec<_>>()
        })
    });
    let pages = Memo::new(move |_| found.with(Vec::len).div_ceil(PAGE).max(1));
    let page = Memo::new(move |_| filter.page.get().min(pages.get()));
    let shown = Memo::new(move |_| {
        found.with(|found| {
            found
                .iter()
                .skip((page.get() - 1) * PAGE)
                .take(PAGE)
                .copied()
                .collect::<Vec<_>>()
        })
    });
    view! {
        <div class="page-head">
            <h1>"Servers"</h1>
            <Show when=move || { troubled.get() > 0 }>
                <a href=address(ATTENTION, 1) class="status is-link" data-status="failed">
                    <Icon shape=Shape::Warning/>
                    {Signal::derive(move || need_attention(troubled.get()))}
                </a>
            </Show>
            <Show when=move || !is_empty.get()>
                <A href="/servers/new" attr:class="button is-primary">
                    <Icon shape=Shape::Plus/>
                    "Add a server"
                </A>
            </Show>
        </div>
        <Show when=move || !is_empty.get() fallback=|| view! { <NoServers/> }>
            <Show when=move || is_long.get()>
                <FilterBox filter/>
            </Show>
            <Show
                when=move || !found.with(Vec::is_empty)
                fallback=move || view! { <NothingFound/> }
            >
                <table class="rows">
                    <caption class="visually-hidden">"Your servers"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            <th scope="col">"Address"</th>
                            <th scope="col">"Provider"</th>
                            <th scope="col">"System"</th>
                            <th scope="col">"Status"</th>
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
                <Show when=move || { pages.get() > 1 }>
                    <Pager filter page pages count=Memo::new(move |_| found.with(Vec::len))/>
                </Show>
            </Show>
        </Show>
    }
}

fn need_attention(count: usize) -> String {
    match count {
        1 => format!("1 needs {ATTENTION}"),
        _ => format!("{count} need {ATTENTION}"),
    }
}

#[component]
fn Pager(
    filter: Filter,
    page: Memo<usize>,
    pages: Memo<usize>,
    count: Memo<usize>,
) -> impl IntoView {
    let link = move |to: usize, label: &'static str| {
        if (1..=pages.get()).contains(&to) {
            let href = filter.words.with(|words| address(words, to));
            view! { <A href attr:class="button">{label}</A> }.into_any()
        } else {
            ().into_any()
        }
    };
    let range = Signal::derive(move || {
        let first = (page.get() - 1) * PAGE + 1;
        let last = (page.get() * PAGE).min(count.get());
        format!("{first} to {last} of {}", count.get())
    });
    view! {
        <nav class="pager" aria-label="Pages">
            {move || link(page.get() - 1, "Previous")}
            <span>{range}</span>
            {move || link(page.get() + 1, "Next")}
        </nav>
    }
}

#[component]
fn NoServers() -> impl IntoView {
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

#[component]
fn NothingFound() -> impl IntoView {
    view! {
        <section class="empty">
            <h2>"No matching servers"</h2>
            <p>"The filter looks at names, addresses, providers, systems and statuses."</p>
            <A href="/servers" attr:class="button">
                "Show all servers"
            </A>
        </section>
    }
}

#[component]
fn ServerRow(id: ServerId, servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let Some(server) = row_of(servers, move |server| server.id == id) else {
        return ().into_any();
    };
    let is_changed = row_tint(server);
    let name = Signal::derive(move || server.with(|server| server.name.clone()));
    let address = Signal::derive(move || server.with(address_of));
    let provider = Signal::derive(move || server.with(|server| server.provider.clone()));
    let system = Signal::derive(move || server.with(|server| server.os.clone()));
    view! {
        <tr data-server-id=id.0 class:is-changed=is_changed>
            <th scope="row">
                <A href=format!("/servers/{id}")>{name}</A>
            </th>
            <td class="is-code" data-label="Address">
                {address}
            </td>
            <td data-label="Provider">{provider}</td>
            <td data-label="System">{system}</td>
            <td data-label="Status">
                <ServerBadge server/>
            </td>
            <td class="is-end" data-label="Last change">
                <Ago at=Signal::derive(move || server.with(|server| server.updated_at))/>
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::need_attention;

    #[test]
    fn the_heading_counts_in_words() {
        assert_eq!(need_attention(1), "1 needs attention");
        assert_eq!(need_attention(3), "3 need attention");
    }
}
