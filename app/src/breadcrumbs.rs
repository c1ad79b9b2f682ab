//! The way up, over every page.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use wire::servers::ServerSummary;

/// What a page calls itself that its address does not tell.
#[derive(Clone, Copy, Default)]
pub struct Names(RwSignal<Option<Crumb>>);

/// Names the page in the browser's tab and among the breadcrumbs.
#[component]
pub fn PageName(#[prop(into)] name: Signal<String>) -> impl IntoView {
    let names = expect_context::<Names>();
    let path = use_location().pathname;
    // Not while the page is rendered: by then the breadcrumbs are on their way.
    Effect::new(move || {
        names.0.set(Some(Crumb {
            title: name.get(),
            href: path.get_untracked(),
        }));
    });
    view! { <Title text=name/> }
}

/// The way up, by the address of the page.
#[component]
pub fn Breadcrumbs(servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let path = use_location().pathname;
    let names = expect_context::<Names>();
    let crumbs = Memo::new(move |_| {
        let mut crumbs = servers.with(|servers| crumbs_of(&path.get(), servers));
        if let (Some(last), Some(named)) = (crumbs.last_mut(), names.0.get())
            && last.href == named.href
        {
            last.title = named.title;
        }
        crumbs
    });
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                {move || {
                    let crumbs = crumbs.get();
                    let last = crumbs.len().saturating_sub(1);
                    crumbs
                        .into_iter()
                        .enumerate()
                        .map(|(place, Crumb { title, href })| {
                            view! {
                                <li>
                                    {if place == last {
                                        view! { <span aria-current="page">{title}</span> }.into_any()
                                    } else {
                                        view! { <A href=href exact=true>{title}</A> }.into_any()
                                    }}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ol>
        </nav>
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Crumb {
    title: String,
    href: String,
}

fn crumbs_of(path: &str, servers: &[ServerSummary]) -> Vec<Crumb> {
    let mut crumbs = Vec::new();
    let mut href = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        href = format!("{href}/{part}");
        let title = match (crumbs.len(), part) {
            (0, "account") => "Account".to_owned(),
            (0, "accounts") => "Accounts".to_owned(),
            (0, "servers") => "Servers".to_owned(),
            (0 | 2, "operations") => "Operations".to_owned(),
            (1, "new") => "Add a server".to_owned(),
            (1, id) => servers
                .iter()
                .find(|server| server.id.to_string() == id)
                .map_or_else(|| "Server".to_owned(), |server| server.name.clone()),
            (2, "firewall") => "Firewall".to_owned(),
            (2, "scheduler") => "Scheduler".to_owned(),
            (2, "programs") => "Programs".to_owned(),
            (2, "settings") => "Settings".to_owned(),
            (3, id) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                if path.contains("/scheduler/") {
                    format!("Task {id}")
                } else if path.contains("/programs/") {
                    format!("Program {id}")
                } else {
                    format!("Operation {id}")
                }
            }
            _ => break,
        };
        crumbs.push(Crumb {
            title,
            href: href.clone(),
        });
    }
    crumbs
}

#[cfg(test)]
mod tests {
    use super::crumbs_of;

    fn titles(path: &str) -> Vec<String> {
        crumbs_of(path, &[])
            .into_iter()
            .map(|crumb| crumb.title)
            .collect()
    }

    #[test]
    fn the_path_is_told_in_words() {
        assert_eq!(titles("/servers"), ["Servers"]);
        assert_eq!(titles("/account"), ["Account"]);
        assert_eq!(titles("/servers/new"), ["Servers", "Add a server"]);
        assert_eq!(
            titles("/servers/5/firewall"),
            ["Servers", "Server", "Firewall"]
        );
        assert_eq!(
            titles("/servers/5/operations/7"),
            ["Servers", "Server", "Operations", "Operation 7"]
        );
        assert_eq!(
            titles("/servers/5/scheduler/7"),
            ["Servers", "Server", "Scheduler", "Task 7"]
        );
        assert_eq!(
            titles("/servers/5/programs/7"),
            ["Servers", "Server", "Programs", "Program 7"]
        );
    }
}
