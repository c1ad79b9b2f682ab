//! The page of one operation.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use wire::event::Channel;
use wire::operations::{OperationInput, OperationResource, OutputInput, OutputPage};
use wire::{ApiError, OperationId, ServerId};

use super::{OperationView, output, show};
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{NotFound, live_page};

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
    let followed = live(Channel::Server(server), move || async move {
        let found = show(OperationInput {
            operation_id: operation,
        })
        .await?;
        // An operation has one address: under its own server.
        if found.server_id == server {
            Ok(found)
        } else {
            Err(ApiError::NotFound)
        }
    });
    let printed = OnceResource::new(output(OutputInput {
        operation_id: operation,
        after: 0,
    }));
    live_page(followed, move |operation| {
        view! {
            <Title text=move || operation.with(|operation| operation.title.clone())/>
            <Suspense>
                {Suspend::new(async move {
                    let printed = printed.await;
                    view! { <Body server operation printed/> }
                })}
            </Suspense>
        }
        .into_any()
    })
}

#[component]
fn Body(
    server: ServerId,
    operation: Signal<OperationResource>,
    printed: Result<OutputPage, ApiError>,
) -> impl IntoView {
    view! {
        <OperationView operation printed/>
        <p class="after">
            <A href=format!("/servers/{server}/operations")>"All operations of this server"</A>
        </p>
    }
}
