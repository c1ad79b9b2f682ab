//! One operation as a row of a list.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::operations::OperationState;
use wire::operations::list::ListedOperation;

use super::badge::OperationBadge;
use super::cancel::{Asked, CancelButton};
use super::retry::RetryButton;
use crate::lifecycle::operation_path;
use crate::ui::{Ago, Clock, duration, row_tint};

/// What, where, how far, by whom, when, how long, why it failed, and what can be done about it.
#[component]
pub fn OperationRow(
    operation: Memo<ListedOperation>,
    /// Whether rows of other servers stand beside it.
    is_of_all: bool,
    about: RwSignal<Option<Asked>>,
) -> impl IntoView {
    let ListedOperation {
        id,
        server_id: server,
        kind,
        ..
    } = operation.get_untracked();
    let state = Memo::new(move |_| operation.with(|operation| operation.state));
    let title = Signal::derive(move || operation.with(|operation| operation.title.clone()));
    let is_asked = Memo::new(move |_| operation.with(|operation| operation.is_being_cancelled));
    let clock = expect_context::<Clock>();
    let took = Memo::new(move |_| {
        operation.with(|operation| {
            let started = operation.started_at?;
            let ended = operation.ended_at.unwrap_or_else(|| clock.now());
            Some(duration(ended.millis_since(started)))
        })
    });
    let is_changed = row_tint(operation);
    view! {
        <tr
            data-operation-id=id.0
            data-operation-state=move || state.get().as_str()
            class:is-changed=is_changed
        >
            <th scope="row">
                <A href=operation_path(server, id)>{title}</A>
                {move || operation.with(remark)}
            </th>
            {is_of_all
                .then(|| {
                    view! {
                        <td data-label="Server">
                            <A href=format!("/servers/{server}/operations")>
                                {move || operation.with(|operation| operation.server_name.clone())}
                            </A>
                        </td>
                    }
                })}
            <td data-label="Status">
                <OperationBadge state/>
            </td>
            <td data-label="Requested">
                <Ago at=Signal::derive(move || operation.with(|operation| operation.created_at))/>
                " by "
                {move || operation.with(|operation| operation.requested_by.clone())}
            </td>
            <td data-label="Duration" class="is-number">{took}</td>
            <td class="row-actions">
                <CancelButton of=Asked { id, kind } state is_asked name=title about/>
                <Show when=move || operation.with(|operation| operation.can_retry)>
                    <RetryButton server operation=id name=title/>
                </Show>
            </td>
        </tr>
    }
}

/// The step that runs, or the one that failed and why.
fn remark(operation: &ListedOperation) -> Option<AnyView> {
    let (step, error) = (operation.step.clone(), operation.error.clone());
    match operation.state {
        OperationState::Running if operation.is_being_cancelled => {
            Some(view! { <p class="row-remark">"Cancelling"</p> }.into_any())
        }
        OperationState::Running => {
            step.map(|step| view! { <p class="row-remark">{step}</p> }.into_any())
        }
        OperationState::Failed => {
            error.map(|error| view! { <p class="row-error">{error}</p> }.into_any())
        }
        OperationState::Cancelled => {
            error.map(|error| view! { <p class="row-remark">{error}</p> }.into_any())
        }
        OperationState::Queued | OperationState::Succeeded => None,
    }
}
