//! An operation as a reader follows it.

use leptos::prelude::*;
use wire::ApiError;
use wire::operations::{OperationResource, OperationState, OutputPage};

use super::badge::OperationBadge;
use super::cancel::{Asked, CancelButton, CancelDialog, Waiting};
use super::failure::{Failure, diagnosed_step};
use super::feed::{Feed, Reach};
use super::plan::{Steps, Wanted};
use super::steps::StepView;
use crate::ui::{Ago, Clock, Icon, Shape, duration};

/// Steps, output, commands, and what to do after a failure.
#[component]
pub fn OperationView(
    #[prop(into)] operation: Signal<OperationResource>,
    /// What it had printed when the page was asked for, or why that is not known.
    printed: Result<OutputPage, ApiError>,
) -> impl IntoView {
    let (id, server, kind) =
        operation.with_untracked(|operation| (operation.id, operation.server_id, operation.kind));
    let about = RwSignal::new(None);
    let is_being_cancelled =
        Memo::new(move |_| operation.with(|operation| operation.cancel_requested_by.is_some()));
    let feed = Feed::follow(server, id, printed);
    let clock = expect_context::<Clock>();
    let state = Memo::new(move |_| operation.with(|operation| operation.state));
    let elapsed = Memo::new(move |_| {
        operation.with(|operation| {
            let started = operation.started_at?;
            let ended = operation.ended_at.unwrap_or_else(|| clock.now());
            Some(duration(ended.millis_since(started)))
        })
    });
    let is_undiagnosed =
        Memo::new(move |_| operation.with(|operation| diagnosed_step(operation).is_none()));
    let positions = move || {
        operation.with(|operation| {
            operation
                .steps
                .iter()
                .map(|step| step.position)
                .collect::<Vec<_>>()
        })
    };
    let step_count = Memo::new(move |_| operation.with(|operation| operation.steps.len()));
    let title_id = format!("operation-{id}");
    view! {
        <article
            class="operation"
            data-operation-id=id.0
            data-operation-state=move || state.get().as_str()
            aria-labelledby=title_id
        >
            <header class="operation-head">
                <h2 id=title_id.clone()>{move || operation.with(|operation| operation.title.clone())}</h2>
                <OperationBadge state/>
                <span class="operation-time">{elapsed}</span>
                <span class="operation-by">
                    {move || operation.with(|operation| operation.requested_by.clone())} ", "
                    <Ago at=Signal::derive(move || operation.with(|operation| operation.created_at))/>
                </span>
                <CancelButton of=Asked { id, kind } state is_asked=is_being_cancelled about/>
            </header>
            <CancelDialog about/>
            <Show when=move || is_undiagnosed.get()>
                <Failure operation/>
            </Show>
            <Waiting operation/>
            <Show when=move || state.get() == OperationState::Queued && operation.with(|it| it.note.is_none())>
                <p class="field-note step-silence">"Waiting to start."</p>
            </Show>
            <OutputTrouble feed/>
            <ol class="steps">
                <For each=positions key=|position| *position let:position>
                    {
                        let first = operation.with_untracked(|it| find(it, position));
                        first
                            .map(|first| {
                                let step = Memo::new(move |_| {
                                    operation
                                        .with(|operation| find(operation, position))
                                        .unwrap_or_else(|| first.clone())
                                });
                                view! { <StepView step feed operation/> }
                            })
                    }
                </For>
            </ol>
            <Steps summary="Commands" wanted=Signal::derive(move || Some(Wanted::Of(id, step_count.get())))/>
        </article>
    }
}

/// That the output is not all there, and why.
#[component]
fn OutputTrouble(feed: Feed) -> impl IntoView {
    let reach = feed.reach();
    let trouble = Memo::new(move |_| match reach.get() {
        Reach::Failed(sentence) => Some(sentence),
        Reach::All | Reach::Pruned | Reach::Part => None,
    });
    view! {
        <div role="alert">
            <Show when=move || trouble.with(Option::is_some)>
                <div class="callout is-error" data-testid="output-error">
                    <Icon shape=Shape::Warning/>
                    <div class="callout-text">
                        <p>"The output could not be loaded, so some of it may be missing here."</p>
                        <p>{trouble}</p>
                    </div>
                    <div>
                        <button type="button" class="button" on:click=move |_| feed.try_again()>
                            <Icon shape=Shape::Retry/>
                            "Load it again"
                        </button>
                    </div>
                </div>
            </Show>
        </div>
    }
}

fn find(operation: &OperationResource, position: i32) -> Option<wire::operations::StepResource> {
    operation
        .steps
        .iter()
        .find(|step| step.position == position)
        .cloned()
}
