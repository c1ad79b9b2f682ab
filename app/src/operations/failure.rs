//! Why an operation failed, and the next thing to do.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use wire::ResourceKind;
use wire::operations::{OperationKind, OperationResource, StepStatus};

use super::retry::RetryButton;
use crate::lifecycle::operation_path;
use crate::ui::{Icon, Shape};

/// The step that failed on the server and told why, if one did: the reason stands there then, beside
/// what the step printed.
pub fn diagnosed_step(operation: &OperationResource) -> Option<i32> {
    operation
        .steps
        .iter()
        .find(|step| step.status == StepStatus::Failed && step.diagnosis.is_some())
        .map(|step| step.position)
}

/// What happened, what to do about it, and a button that goes on.
#[component]
pub fn Failure(operation: Signal<OperationResource>) -> impl IntoView {
    let reason = Memo::new(move |_| operation.with(Reason::of));
    let (id, kind, server) =
        operation.with_untracked(|operation| (operation.id, operation.kind, operation.server_id));
    let can_retry = Memo::new(move |_| operation.with(|operation| operation.can_retry));
    let pathname = use_location().pathname;
    let next = move || {
        if can_retry.get() {
            return view! { <RetryButton server operation=id/> }.into_any();
        }
        // Elsewhere it stands on the page of what failed, and there is nowhere to go.
        if pathname.with(|here| *here != operation_path(server, id)) {
            return ().into_any();
        }
        let (href, label) = match kind {
            OperationKind::Authorize | OperationKind::Provision | OperationKind::Reboot => {
                (format!("/servers/{server}"), "Go to the server")
            }
            OperationKind::RunTask => (
                format!("/servers/{server}/scheduler"),
                "Go to the scheduler",
            ),
            OperationKind::Install(resource)
            | OperationKind::Change(resource)
            | OperationKind::Remove(resource) => match resource {
                ResourceKind::FirewallRule => {
                    (format!("/servers/{server}/firewall"), "Go to the firewall")
                }
                ResourceKind::ScheduledTask | ResourceKind::Scheduler => (
                    format!("/servers/{server}/scheduler"),
                    "Go to the scheduler",
                ),
                ResourceKind::Program => {
                    (format!("/servers/{server}/programs"), "Go to the programs")
                }
            },
        };
        view! { <A href attr:class="button is-primary">{label}</A> }.into_any()
    };
    view! {
        <div role="status">
            {move || {
                reason
                    .get()
                    .map(|reason| {
                        view! {
                            <div
                                class="callout is-error"
                                data-testid="operation-error"
                                data-cause=reason.cause
                            >
                                <Icon shape=Shape::Warning/>
                                <div class="callout-text">
                                    <p>{reason.what}</p>
                                    {reason.action.map(|action| view! { <p>{action}</p> })}
                                </div>
                                <div>{next()}</div>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// The reason in its parts.
#[derive(Clone, PartialEq, Eq)]
struct Reason {
    cause: Option<&'static str>,
    what: String,
    action: Option<String>,
}

impl Reason {
    fn of(operation: &OperationResource) -> Option<Self> {
        let error = operation.error.clone()?;
        let at = diagnosed_step(operation);
        let step = operation
            .steps
            .iter()
            .find(|step| Some(step.position) == at);
        Some(match step.and_then(|step| step.diagnosis.as_ref()) {
            Some(diagnosis) => Self {
                cause: Some(diagnosis.kind.as_str()),
                what: diagnosis.sentence.clone(),
                action: Some(diagnosis.action.clone()).filter(|action| !action.is_empty()),
            },
            None => Self {
                cause: None,
                what: error,
                action: None,
            },
        })
    }
}
