//! Lists of operations: of one server, and of all. What is filtered and which page is shown stands in the address.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use wire::ServerId;
use wire::event::Channel;
use wire::operations::list::{
    ListedOperation, OperationFilter, OperationList, OperationListInput, PAGE,
};
use wire::servers::ServerSummary;

use super::cancel::CancelDialog;
use super::list;
use super::row::OperationRow;
use crate::layout::AllServers;
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{ACTIONS, NotFound, Rows, live_page, row_of};

/// The operations of all servers.
#[component]
pub fn OperationsPage() -> impl IntoView {
    view! {
        <Title text="Operations"/>
        <div class="page-head">
            <h1>"Operations"</h1>
        </div>
        <Operations server=None/>
    }
}

/// The operations of one server.
#[component]
pub fn ServerOperationsPage() -> impl IntoView {
    let id = use_server_id();
    let AllServers(servers) = expect_context();
    move || match id.get() {
        Some(id) => live_page(servers, move |servers| {
            match row_of(servers, move |server: &ServerSummary| server.id == id) {
                Some(server) => view! {
                    <Title text=move || {
                        format!("Operations of {}", server.with(|server| server.name.clone()))
                    }/>
                    <Operations server=Some(id)/>
                }
                .into_any(),
                None => view! { <NotFound/> }.into_any(),
            }
        })
        .into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Operations(server: Option<ServerId>) -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| OperationListInput {
            server_id: server,
            filter: OperationFilter::parse(&query.get("state").unwrap_or_default()),
            page: query
                .get("page")
                .and_then(|page| page.parse().ok())
                .unwrap_or(1),
        })
    });
    let channel = server.map_or(Channel::Servers, Channel::Server);
    let listed = live(channel, move || list(asked.get_untracked()));
    // The rows of before stay until those of the new address are there.
    Effect::new(move |ran_before: Option<()>| {
        asked.track();
        if ran_before.is_some() {
            listed.ask_again();
        }
    });
    live_page(listed, move |listed| {
        view! { <Listed server asked listed/> }.into_any()
    })
}

#[component]
fn Listed(
    server: Option<ServerId>,
    asked: Memo<OperationListInput>,
    listed: Signal<OperationList>,
) -> impl IntoView {
    let rows = Memo::new(move |_| listed.with(|listed| listed.operations.clone()));
    let ids = move || rows.with(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>());
    let filter = Memo::new(move |_| listed.with(|listed| listed.filter));
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    let is_of_all = server.is_none();
    let about = RwSignal::new(None);
    let columns: &[&str] = if is_of_all {
        &[
            "Operation",
            "Server",
            "Status",
            "Requested",
            "Duration",
            ACTIONS,
        ]
    } else {
        &["Operation", "Status", "Requested", "Duration", ACTIONS]
    };
    view! {
        <nav class="choices-line" aria-label="Filter">
            {OperationFilter::ALL
                .map(|it| {
                    view! {
                        <a
                            href=address(server, it, 1)
                            class="button is-small"
                            aria-current=move || (asked.get().filter == it).then_some("true")
                        >
                            {word(it)}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
        <Show when=move || !is_empty.get() fallback=move || view! { <Nothing server filter/> }>
            <Rows caption="Operations, newest first" class="is-operations" columns>
                <tbody>
                    <For each=ids key=|id| *id let:id>
                        {row_of(rows.into(), move |row: &ListedOperation| row.id == id)
                            .map(|operation| view! { <OperationRow operation is_of_all about/> })}
                    </For>
                </tbody>
            </Rows>
            <Pager server listed/>
        </Show>
        <CancelDialog about/>
    }
}

/// What stands where there are no rows.
#[component]
fn Nothing(server: Option<ServerId>, filter: Memo<OperationFilter>) -> impl IntoView {
    let show_all = move || {
        view! {
            <a href=address(server, OperationFilter::All, 1) class="button">
                "Show all operations"
            </a>
        }
        .into_any()
    };
    move || match filter.get() {
        OperationFilter::All => {
            let (href, label) = match server {
                Some(id) => (format!("/servers/{id}"), "Go to the server"),
                None => ("/servers".to_owned(), "Go to servers"),
            };
            empty(
                "No operations yet",
                "Everything the panel does on a server is recorded here: who requested it, the commands, their output and the result.",
                view! { <A href attr:class="button is-primary">{label}</A> }.into_any(),
            )
        }
        OperationFilter::UnderWay => empty(
            "Nothing is running",
            "Queued and running operations appear here.",
            show_all(),
        ),
        OperationFilter::Failed => empty(
            "No failed operations",
            "Failed operations are listed here with the reason.",
            show_all(),
        ),
    }
}

fn empty(title: &'static str, text: &'static str, next: AnyView) -> AnyView {
    view! {
        <section class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {next}
        </section>
    }
    .into_any()
}

#[component]
fn Pager(server: Option<ServerId>, listed: Signal<OperationList>) -> impl IntoView {
    let place = Memo::new(move |_| listed.with(|it| (it.filter, it.page, it.pages(), it.count)));
    let link = move |to: u64, label: &'static str| {
        let (filter, _, pages, _) = place.get();
        (1..=pages).contains(&to).then(|| {
            view! {
                <a href=address(server, filter, to) class="button">
                    {label}
                </a>
            }
        })
    };
    view! {
        <Show when=move || { place.get().2 > 1 }>
            <nav class="pager" aria-label="Pages">
                {move || link(place.get().1 - 1, "Newer")}
                <span>
                    {move || {
                        let (_, page, _, count) = place.get();
                        let first = (page - 1) * PAGE + 1;
                        format!("{first} to {} of {count}", (page * PAGE).min(count))
                    }}
                </span>
                {move || link(place.get().1 + 1, "Older")}
            </nav>
        </Show>
    }
}

fn word(filter: OperationFilter) -> &'static str {
    match filter {
        OperationFilter::All => "All",
        OperationFilter::UnderWay => "Running",
        OperationFilter::Failed => "Failed",
    }
}

/// The address of a list, of its filter and of its page.
fn address(server: Option<ServerId>, filter: OperationFilter, page: u64) -> String {
    let of = server.map_or_else(String::new, |id| format!("/servers/{id}"));
    let state = (filter != OperationFilter::All).then(|| format!("state={}", filter.as_str()));
    let page = (page > 1).then(|| format!("page={page}"));
    let query: Vec<_> = state.into_iter().chain(page).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{of}/operations{mark}{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_is_filtered_and_which_page_is_shown() {
        let (all, failed) = (OperationFilter::All, OperationFilter::Failed);
        assert_eq!(address(None, all, 1), "/operations");
        assert_eq!(address(None, all, 3), "/operations?page=3");
        assert_eq!(
            address(Some(ServerId(7)), failed, 2),
            "/servers/7/operations?state=failed&page=2"
        );
    }
}
