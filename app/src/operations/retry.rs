//! Beginning again what has failed.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use wire::operations::OperationInput;
use wire::{OperationId, ServerId};

use super::retry;
use crate::lifecycle::operation_path;
use crate::ui::{ButtonMessage, Icon, Shape, Submission};

/// Queues the same work again. On the failed operation's own page it leads to the new one; elsewhere the page shows it
/// by itself.
#[component]
pub fn RetryButton(
    server: ServerId,
    operation: OperationId,
    /// What it is called, where more than one stands on a page.
    #[prop(optional, into)]
    name: Option<Signal<String>>,
) -> impl IntoView {
    let hydrated = expect_context::<crate::Hydrated>();
    let submission = Submission::bare();
    let navigate = use_navigate();
    let path = use_location().pathname;
    let start = move |_| {
        let navigate = navigate.clone();
        let input = OperationInput {
            operation_id: operation,
        };
        submission.run(retry(input), move |next| {
            if path.try_get_untracked() == Some(operation_path(server, operation)) {
                navigate(&operation_path(server, next), NavigateOptions::default());
            }
        });
    };
    view! {
        <button
            type="button"
            class="button"
            class:is-small=name.is_some()
            class:is-primary=name.is_none()
            aria-label=move || name.map(|name| format!("Retry {}", name.get()))
            disabled=move || !hydrated.get()
            aria-disabled=move || submission.aria_disabled()
            on:click=start
        >
            <Icon shape=Shape::Retry/>
            {move || if submission.is_busy() { "Retrying..." } else { "Retry" }}
        </button>
        <ButtonMessage submission/>
    }
}
