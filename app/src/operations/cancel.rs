//! Ending an operation before its time.

use leptos::prelude::*;
use wire::OperationId;
use wire::operations::{OperationInput, OperationKind, OperationResource, OperationState};

use super::cancel;
use crate::ui::{ButtonMessage, Dialog, FormMessage, Icon, Shape, Submission};

/// What somebody may be about to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub id: OperationId,
    pub kind: OperationKind,
}

/// Cancels an operation as long as it is not over; one that runs is asked about first, in the page's one dialog.
#[component]
pub fn CancelButton(
    of: Asked,
    #[prop(into)] state: Signal<OperationState>,
    /// Whether its end was asked for already.
    #[prop(into)]
    is_asked: Signal<bool>,
    /// What it is called, where more than one stands on a page.
    #[prop(optional, into)]
    name: Option<Signal<String>>,
    about: RwSignal<Option<Asked>>,
) -> impl IntoView {
    let hydrated = expect_context::<crate::Hydrated>();
    let submission = Submission::bare();
    let id = of.id;
    let ask = move |_| match state.get_untracked() {
        OperationState::Running => about.set(Some(of)),
        OperationState::Queued
        | OperationState::Succeeded
        | OperationState::Failed
        | OperationState::Cancelled => {
            submission.run(cancel(OperationInput { operation_id: id }), |()| {});
        }
    };
    // It ended while somebody was still thinking.
    Effect::new(move || {
        if (state.get().is_over() || is_asked.get()) && about.get_untracked() == Some(of) {
            about.set(None);
        }
    });
    view! {
        <Show when=move || !state.get().is_over() && !is_asked.get()>
            <button
                type="button"
                class="button is-small"
                aria-label=move || name.map(|name| format!("Cancel {}", name.get()))
                disabled=move || !hydrated.get()
                aria-disabled=move || submission.aria_disabled()
                on:click=ask
            >
                <Icon shape=Shape::Cross/>
                {move || if submission.is_busy() { "Cancelling..." } else { "Cancel" }}
            </button>
            <ButtonMessage submission/>
        </Show>
    }
}

/// Asks before work that runs is stopped, and says what is left behind.
#[component]
pub fn CancelDialog(about: RwSignal<Option<Asked>>) -> impl IntoView {
    let submission = Submission::bare();
    let open = RwSignal::new(false);
    Effect::new(move || open.set(about.with(Option::is_some)));
    Effect::new(move || {
        if !open.get() && about.with_untracked(Option::is_some) {
            about.set(None);
        }
    });
    let send = move |_| {
        if let Some(Asked { id, .. }) = about.get_untracked() {
            submission.run(cancel(OperationInput { operation_id: id }), move |()| {
                about.set(None);
            });
        }
    };
    view! {
        <Dialog open title="Cancel this operation" id="cancel-operation">
            <p>{move || about.get().map(|asked| consequence(asked.kind))}</p>
            <FormMessage submission/>
            <div class="form-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    "Keep running"
                </button>
                <button
                    type="button"
                    class="button is-danger"
                    aria-disabled=move || submission.aria_disabled()
                    on:click=send
                >
                    {move || if submission.is_busy() { "Cancelling..." } else { "Cancel operation" }}
                </button>
            </div>
        </Dialog>
    }
}

/// That somebody wants it to end, and what the operation waits for.
#[component]
pub fn Waiting(operation: Signal<OperationResource>) -> impl IntoView {
    let text = Memo::new(move |_| {
        operation.with(|operation| {
            if operation.state.is_over() {
                return None;
            }
            let by = operation.cancel_requested_by.as_ref();
            let cancelling = by.map(|by| {
                format!("Cancelling, requested by {by}: stopping what runs on the server.")
            });
            match (cancelling, operation.note.clone()) {
                (Some(cancelling), Some(note)) => Some(format!("{cancelling} {note}")),
                (one, other) => one.or(other),
            }
        })
    });
    view! {
        <div role="status">
            {move || {
                text.get()
                    .map(|text| view! { <p class="field-note step-silence" data-testid="operation-note">{text}</p> })
            }}
        </div>
    }
}

/// A button for a row: no dialog, for work that a server takes back by itself or that is begun again
/// by a click.
#[component]
pub fn CancelInRow(
    #[prop(into)] operation: Signal<Option<OperationId>>,
    #[prop(into)] name: Signal<String>,
) -> impl IntoView {
    let submission = Submission::bare();
    let send = move |_| {
        if let Some(operation_id) = operation.get_untracked() {
            submission.run(cancel(OperationInput { operation_id }), |()| {});
        }
    };
    view! {
        <button
            type="button"
            class="button is-small"
            aria-label=move || format!("Cancel {}", name.get())
            aria-disabled=move || submission.aria_disabled()
            on:click=send
        >
            <Icon shape=Shape::Cross/>
            {move || if submission.is_busy() { "Cancelling..." } else { "Cancel" }}
        </button>
        <ButtonMessage submission/>
    }
}

/// What is left behind.
fn consequence(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Authorize => {
            "The panel stops at once and forgets the password. Enter it again to start over."
        }
        OperationKind::Provision => {
            "The running step is stopped, with everything it started. What earlier steps did stays on the server; \
             provisioning again continues from there."
        }
        OperationKind::Reboot => {
            "The panel stops waiting. A reboot that has already begun continues."
        }
        OperationKind::RunTask => {
            "The command is stopped, with everything it started. What it has done until then stays done."
        }
        OperationKind::Install(_) => {
            "The running step is stopped, with everything it started. Its changes may be incomplete; a retry finishes them."
        }
        OperationKind::Change(_) | OperationKind::Remove(_) => {
            "The running step is stopped, with everything it started. The record stays as it was."
        }
    }
}
