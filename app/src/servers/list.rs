//! The list of servers, with its filter and its pages in the address.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;
use wire::ServerId;
use wire::servers::ServerSummary;

use super::header::{ServerBadge, address_of};
use crate::layout::AllServers;
use crate::ui::{Ago, Icon, Shape, live_page, row_of, row_tint};

/// From this many rows on there is a filter.
const FILTER_FROM: usize = 21;
/// Rows of one page.
const PAGE: usize = 100;
/// How long the typing must rest before the address says what is filtered: browsers refuse to write it at every key.
const REST: Duration = Duration::from_millis(300);

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
    let found = Memo::new(move |_| {
        let words = filter.words.with(|words| words.trim().to_lowercase());
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

/// Whether a server is among what the words ask for: by name, address or label.
fn matches(server: &ServerSummary, words: &str) -> bool {
    [
        Some(&server.name),
        Some(&server.address),
        server.provider.as_ref(),
    ]
    .into_iter()
    .flatten()
    .any(|text| text.to_lowercase().contains(words))
}

/// What is filtered and which page is shown. The address has both, so that they can be passed on and come back.
#[derive(Clone, Copy)]
struct Filter {
    words: RwSignal<String>,
    page: Memo<usize>,
    /// What this page has written into the address itself.
    written: StoredValue<String>,
}

impl Filter {
    fn of_address() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| query.with(|query| query.get("q").unwrap_or_default()));
        let first = asked.get_untracked();
        let filter = Self {
            words: RwSignal::new(first.clone()),
            page: Memo::new(move |_| {
                let page = query.with(|query| query.get("page"));
                page.and_then(|page| page.parse().ok())
                    .filter(|page| *page > 0)
                    .unwrap_or(1)
            }),
            written: StoredValue::new(first),
        };
        // A link to another filter, as the one to all servers.
        Effect::new(move || {
            let asked = asked.get();
            if filter.written.with_value(|written| *written != asked) {
                filter.written.set_value(asked.clone());
                filter.words.set(asked);
            }
        });
        filter
    }
}

#[component]
fn FilterBox(filter: Filter) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let first = filter.words.get_untracked();
    // What was typed before the program took over counts, too.
    Effect::new(move |ran_before: Option<()>| {
        let words = filter.words.get();
        if let Some(input) = node.get()
            && input.value() != words
        {
            if ran_before.is_none() {
                filter.words.set(input.value());
            } else {
                input.set_value(&words);
            }
        }
    });
    let navigate = use_navigate();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    let typed = move |text: String| {
        filter.words.set(text.clone());
        stop();
        let navigate = navigate.clone();
        let write = move || {
            // As the address says it: a space typed last is no other filter.
            filter.written.set_value(text.trim().to_owned());
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&address(&text, 1), options);
        };
        timer.set_value(set_timeout_with_handle(write, REST).ok());
    };
    view! {
        <div class="field filter">
            <label for="filter">"Filter by name, address or provider"</label>
            <input
                node_ref=node
                id="filter"
                type="search"
                autocomplete="off"
                value=first
                on:input:target=move |event| typed(event.target().value())
            />
        </div>
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
    view! {
        <nav class="pager" aria-label="Pages">
            {move || link(page.get() - 1, "Previous")}
            <span>
                {move || {
                    let first = (page.get() - 1) * PAGE + 1;
                    let last = (page.get() * PAGE).min(count.get());
                    format!("{first} to {last} of {}", count.get())
                }}
            </span>
            {move || link(page.get() + 1, "Next")}
        </nav>
    }
}

/// The list's address for a filter and a page.
fn address(words: &str, page: usize) -> String {
    let mut query = ParamsMap::new();
    if !words.trim().is_empty() {
        query.insert("q", words.trim().to_owned());
    }
    if page > 1 {
        query.insert("page", page.to_string());
    }
    format!("/servers{}", query.to_query_string())
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
            <h2>"No server is called that"</h2>
            <p>"The filter looks at names, addresses and providers."</p>
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
    view! {
        <tr data-server-id=id.0 class:is-changed=is_changed>
            <th scope="row">
                <A href=format!("/servers/{id}")>{move || server.with(|server| server.name.clone())}</A>
            </th>
            <td class="is-code" data-label="Address">
                {move || server.with(address_of)}
            </td>
            <td data-label="Provider">{move || server.with(|server| server.provider.clone())}</td>
            <td data-label="System">{move || server.with(|server| server.os.clone())}</td>
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
    use super::address;

    #[test]
    fn the_address_says_what_is_filtered_and_which_page_is_shown() {
        assert_eq!(address("", 1), "/servers");
        assert_eq!(address(" web 1&2 ", 1), "/servers?q=web%201%262");
        assert_eq!(address("web", 3), "/servers?q=web&page=3");
    }
}
