//! An operation that is followed: on a page of its own, or on the page of what it is about.

use leptos::prelude::*;
use wire::event::Channel;
use wire::operations::{OperationInput, OperationResource, OutputInput};
use wire::{ApiError, OperationId, ServerId};

use super::{OperationView, output, show};
use crate::live::live;
use crate::ui::live_page;

/// Fetches an operation and follows it; `around` puts it into the page.
pub(super) fn follow(
    server: ServerId,
    operation: OperationId,
    around: impl FnOnce(Signal<OperationResource>, AnyView) -> AnyView + Send + 'static,
) -> impl IntoView {
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
        let view = view! {
            <Suspense>
                {Suspend::new(async move {
                    let printed = printed.await;
                    view! { <OperationView operation printed/> }
                })}
            </Suspense>
        };
        around(operation, view.into_any())
    })
}

/// Shows the latest operation, with what it prints, if it began while the page is open or is under way as that opens.
#[component]
pub fn UnderWay(
    server: ServerId,
    #[prop(into)] latest: Signal<Option<OperationId>>,
    #[prop(into)] is_under_way: Signal<bool>,
) -> impl IntoView {
    let shown = RwSignal::new(None);
    Effect::new(move |before: Option<Option<OperationId>>| {
        let latest = latest.get();
        // One that fails at once is over before anybody has seen it under way.
        let is_new = match before {
            Some(before) => before != latest,
            None => is_under_way.get_untracked(),
        };
        if is_new {
            shown.set(latest);
        }
        latest
    });
    move || {
        shown
            .get()
            .map(|operation| follow(server, operation, |_, view| view))
    }
}
