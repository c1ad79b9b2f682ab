//! The frame around the pages of one server: its header stays while they change.

use leptos::prelude::*;
use leptos_router::components::Outlet;
use wire::ServerId;
use wire::servers::ServerSummary;

use super::header::ServerHeader;
use super::use_server_id;
use crate::layout::AllServers;
use crate::ui::row_of;

/// Header and page.
#[component]
pub fn ServerFrame() -> impl IntoView {
    let id = use_server_id();
    let AllServers(servers) = expect_context();
    view! {
        <Suspense>
            {move || {
                id.get()
                    .map(|id| Suspend::new(async move {
                        servers.first().await.ok().map(|servers| view! { <Header id servers/> })
                    }))
            }}
        </Suspense>
        <Outlet/>
    }
}

/// A server that was just added may come into the list a moment later; one that is gone keeps its header, and its page
/// says that it is gone.
#[component]
fn Header(id: ServerId, servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let has_come = Memo::new(move |before: Option<&bool>| {
        before.copied().unwrap_or_default()
            || servers.with(|servers| servers.iter().any(|server| server.id == id))
    });
    move || {
        has_come
            .get()
            .then(|| row_of(servers, move |server| server.id == id))
            .flatten()
            .map(|server| view! { <ServerHeader server/> })
    }
}
