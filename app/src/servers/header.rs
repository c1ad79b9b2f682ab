//! What stays on top of every page about one server.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use wire::servers::ServerSummary;

use super::stand::ServerBadge;
use crate::ui::CopyButton;

/// The pages beside the overview: the part of the path, and the title.
const TABS: [(&str, &str); 5] = [
    ("firewall", "Firewall"),
    ("scheduler", "Scheduler"),
    ("programs", "Programs"),
    ("operations", "Operations"),
    ("settings", "Settings"),
];

/// Name, address, system, status, and the server's pages.
#[component]
pub fn ServerHeader(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let place = Memo::new(move |_| server.with(address_of));
    let path = use_location().pathname;
    let base = server.with_untracked(|server| format!("/servers/{}", server.id));
    view! {
        <header class="subject">
            <div class="subject-line">
                <h1 data-path=move || path.get()>
                    {move || server.with(|server| server.name.clone())}
                    // Whoever sees the tabs sees which one is open.
                    <span class="visually-hidden">
                        ": " {move || path.with(|path| title_of(path))}
                    </span>
                </h1>
                <ServerBadge server/>
                <span class="subject-place">
                    <span class="subject-fact is-code">{place}</span>
                    <CopyButton
                        text=Signal::derive(move || server.with(|server| server.address.clone()))
                        label="Copy the address"
                        is_small=true
                    />
                </span>
                <span class="subject-fact">{move || server.with(|server| server.os.clone())}</span>
                <span class="subject-fact">{move || server.with(|server| server.provider.clone())}</span>
            </div>
            <nav class="tabs" aria-label="Server">
                <A href=base.clone() exact=true>
                    "Overview"
                </A>
                {TABS
                    .map(|(part, title)| view! { <A href=format!("{base}/{part}")>{title}</A> })
                    .collect_view()}
            </nav>
        </header>
    }
}

/// The page of a server at `path`.
fn title_of(path: &str) -> &'static str {
    let Some(part) = path.split('/').nth(3) else {
        return "Overview";
    };
    TABS.into_iter()
        .find(|(known, _)| *known == part)
        .map_or("", |(_, title)| title)
}

/// `root@203.0.113.7:22`; an IPv6 address in brackets.
pub fn address_of(server: &ServerSummary) -> String {
    let ServerSummary {
        user,
        address,
        port,
        ..
    } = server;
    if address.contains(':') {
        format!("{user}@[{address}]:{port}")
    } else {
        format!("{user}@{address}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::title_of;

    #[test]
    fn a_page_is_told_by_its_path() {
        for (path, title) in [
            ("/servers/5", "Overview"),
            ("/servers/5/firewall", "Firewall"),
            ("/servers/5/operations/7", "Operations"),
            ("/servers/5/nowhere", ""),
        ] {
            assert_eq!(title_of(path), title);
        }
    }
}
