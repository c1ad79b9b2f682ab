//! The page of one operation.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use wire::{OperationId, ServerId};

use super::follow::follow;
use crate::servers::use_server_id;
use crate::ui::NotFound;

/// An operation, followed live.
#[component]
pub fn OperationPage() -> impl IntoView {
    let params = use_params_map();
    let server = use_server_id();
    let operation = Memo::new(move |_| {
        params.with(|params| params.get("operation")?.parse::<OperationId>().ok())
    });
    move || match (server.get(), operation.get()) {
        (Some(server), Some(operation)) => view! { <Followed server operation/> }.into_any(),
        (None, _) | (_, None) => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Followed(server: ServerId, operation: OperationId) -> impl IntoView {
    follow(server, operation, move |operation, view| {
        view! {
            <Title text=move || operation.with(|operation| operation.title.clone())/>
            {view}
            <p class="after">
                <A href=format!("/servers/{server}/operations")>"All operations of this server"</A>
            </p>
        }
        .into_any()
    })
}
