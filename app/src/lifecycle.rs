//! What every managed resource shares: its badge, retry and removal.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::json::Json;
use wire::lifecycle::ManagedInput;
use wire::{ApiError, OperationId, ServerId, Status, Timestamp};

use crate::operations::CancelInRow;
use crate::ui::{Clock, Icon, Shape, Submission, Toasts};

/// Tries failed work again.
#[server(prefix = "/api", endpoint = "lifecycle/retry", input = Json, output = Json)]
pub async fn retry(input: ManagedInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::managed::retry(&panel, &who, &server, input.kind, input.id).await?)
}

/// Takes a managed resource off its server.
#[server(prefix = "/api", endpoint = "lifecycle/remove", input = Json, output = Json)]
pub async fn remove(input: ManagedInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::managed::request_removal(&panel.db, &who, &server, input.kind, input.id).await?)
}

/// A status as icon, word and colour.
#[component]
pub fn StatusBadge(
    #[prop(into)] status: Signal<Status>,
    /// Since when; it shows on hover.
    #[prop(optional, into)]
    since: Option<Signal<Timestamp>>,
) -> impl IntoView {
    let clock = expect_context::<Clock>();
    view! {
        <Badge
            tone=Signal::derive(move || status.get().as_str())
            shape=Signal::derive(move || shape_of(status.get()))
            word=Signal::derive(move || word_of(status.get()))
            title=Signal::derive(move || {
                since.map(|since| format!("Since {}", clock.exact(since.get())))
            })
        />
    }
}

/// Icon, word and colour.
#[component]
pub fn Badge(
    /// A status' word; it picks the colour.
    #[prop(into)]
    tone: Signal<&'static str>,
    #[prop(into)] shape: Signal<Shape>,
    #[prop(into)] word: Signal<&'static str>,
    #[prop(optional, into)] title: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <span class="status" data-status=tone title=title>
            <Icon shape/>
            {word}
        </span>
    }
}

/// Retry, details and removal of one resource, as far as its status allows them.
#[component]
pub fn LifecycleActions(
    resource: ManagedInput,
    #[prop(into)] status: Signal<Status>,
    /// The operation that is under way for it, or else the last one.
    #[prop(into)]
    operation: Signal<Option<OperationId>>,
    /// What it is called, for those who cannot see the row.
    #[prop(into)]
    name: Signal<String>,
    /// Asks before it removes.
    on_remove: Callback<()>,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let submission = Submission::bare();
    let try_again = move |_| {
        submission.run(retry(resource), |_| {});
    };
    Effect::new(move || {
        if let Some(message) = submission.message() {
            toasts.complain(message);
        }
    });
    view! {
        <Show when=move || status.get() == Status::Failed>
            <button
                type="button"
                class="button is-small"
                aria-label=move || format!("Retry {}", name.get())
                aria-disabled=move || submission.aria_disabled()
                on:click=try_again
            >
                <Icon shape=Shape::Retry/>
                {move || if submission.is_busy() { "Retrying..." } else { "Retry" }}
            </button>
        </Show>
        <Show when=move || status.get().is_transitional() && operation.get().is_some()>
            <CancelInRow operation name/>
        </Show>
        {move || {
            operation
                .get()
                .map(|operation| {
                    view! {
                        <A
                            href=operation_path(resource.server_id, operation)
                            attr:class="button is-small is-quiet"
                            attr:aria-label=format!("Details of {}", name.get_untracked())
                        >
                            "Details"
                        </A>
                    }
                })
        }}
        <button
            type="button"
            class="icon-button is-danger"
            aria-label=move || format!("Remove {}", name.get())
            title="Remove"
            disabled=move || !status.get().may_become(Status::Removing)
            on:click=move |_| on_remove.run(())
        >
            <Icon shape=Shape::Trash/>
        </button>
    }
}

/// The page of an operation.
pub fn operation_path(server: ServerId, operation: OperationId) -> String {
    format!("/servers/{server}/operations/{operation}")
}

fn shape_of(status: Status) -> Shape {
    match status {
        Status::Pending => Shape::Clock,
        Status::Installing | Status::Removing => Shape::Loader,
        Status::Active => Shape::Check,
        Status::Paused => Shape::Pause,
        Status::Failed => Shape::Cross,
    }
}

/// A status as it is said.
pub fn word_of(status: Status) -> &'static str {
    match status {
        Status::Pending => "Pending",
        Status::Installing => "Installing",
        Status::Active => "Active",
        Status::Paused => "Paused",
        Status::Failed => "Failed",
        Status::Removing => "Removing",
    }
}
