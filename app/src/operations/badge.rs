//! States of operations and of their steps as icon, word and colour.

use leptos::prelude::*;
use wire::operations::{OperationState, StepStatus};

use crate::lifecycle::Badge;
use crate::ui::Shape;

/// How far an operation is.
#[component]
pub fn OperationBadge(#[prop(into)] state: Signal<OperationState>) -> impl IntoView {
    view! {
        <Badge
            tone=Signal::derive(move || state.get().as_str())
            shape=Signal::derive(move || match state.get() {
                OperationState::Queued => Shape::Clock,
                OperationState::Running => Shape::Loader,
                OperationState::Succeeded => Shape::Check,
                OperationState::Failed => Shape::Cross,
                OperationState::Cancelled => Shape::Minus,
            })
            word=Signal::derive(move || match state.get() {
                OperationState::Queued => "Queued",
                OperationState::Running => "Running",
                OperationState::Succeeded => "Done",
                OperationState::Failed => "Failed",
                OperationState::Cancelled => "Cancelled",
            })
        />
    }
}

pub fn step_shape(status: StepStatus) -> Shape {
    match status {
        StepStatus::Waiting => Shape::Dot,
        StepStatus::Running => Shape::Loader,
        StepStatus::Succeeded => Shape::Check,
        StepStatus::Failed => Shape::Cross,
        StepStatus::Skipped => Shape::Minus,
    }
}

/// What a step's icon says to those who cannot see it.
pub fn step_word(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Waiting => "waiting",
        StepStatus::Running => "running",
        StepStatus::Succeeded => "done",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
    }
}
