//! One step: what it is, how long it takes, what it prints.

use leptos::html;
use leptos::prelude::*;
use wire::colours::plain;
use wire::operations::{OperationResource, StepResource, StepStatus};

use super::badge::{step_shape, step_word};
use super::failure::{Failure, diagnosed_step};
use super::feed::Feed;
use super::printed::Printed;
use crate::ui::{Clock, Icon, duration};

/// So close to the end a reader counts as following.
const NEAR_END_PX: i32 = 24;

/// A line that opens: the running step and the failed one by themselves, the others on demand.
#[component]
pub fn StepView(
    #[prop(into)] step: Signal<StepResource>,
    feed: Feed,
    operation: Signal<OperationResource>,
) -> impl IntoView {
    let position = step.with_untracked(|step| step.position);
    let status = Memo::new(move |_| step.with(|step| step.status));
    let pieces = feed.of_step(position);
    let has_output = {
        let pieces = pieces.clone();
        Memo::new(move |_| pieces.with(|pieces| !pieces.is_empty()))
    };
    let last_line = {
        let pieces = pieces.clone();
        Memo::new(move |_| {
            pieces.with(|pieces| pieces.last().map(|piece| last_line_of(&plain(&piece.text))))
        })
    };
    let clock = expect_context::<Clock>();
    let elapsed = Memo::new(move |_| {
        step.with(|step| {
            let started = step.started_at?;
            let ended = step.ended_at.unwrap_or_else(|| clock.now());
            Some(duration(ended.millis_since(started)))
        })
    });
    let summary = move || match status.get() {
        StepStatus::Running => last_line
            .get()
            .or_else(|| step.with(|step| step.summary.clone())),
        StepStatus::Failed => step.with(|step| step.exit.clone().or_else(|| step.summary.clone())),
        StepStatus::Succeeded => step.with(done_summary),
        StepStatus::Waiting | StepStatus::Skipped => step.with(|step| step.summary.clone()),
    };
    let is_diagnosed =
        Memo::new(move |_| operation.with(|it| diagnosed_step(it) == Some(position)));
    let node = NodeRef::<html::Details>::new();
    let opens = move |status| matches!(status, StepStatus::Running | StepStatus::Failed);
    // Only a change of status opens or closes; in between the reader decides.
    Effect::new(move |before: Option<StepStatus>| {
        let status = status.get();
        if let (Some(before), Some(details)) = (before, node.get_untracked())
            && before != status
        {
            details.set_open(opens(status));
        }
        status
    });
    view! {
        <li class="step" data-step=position data-status=move || status.get().as_str()>
            <details node_ref=node open=opens(status.get_untracked())>
                <summary>
                    <Icon shape=Signal::derive(move || step_shape(status.get()))/>
                    <span class="step-title">{move || step.with(|step| step.title.clone())}</span>
                    <span class="visually-hidden">{move || step_word(status.get())}</span>
                    <span class="step-time">{elapsed}</span>
                    <span class="step-summary">{summary}</span>
                </summary>
                <Show when=move || is_diagnosed.get()>
                    <Failure operation/>
                </Show>
                <Output pieces title=Signal::derive(move || step.with(|step| step.title.clone()))/>
                <Show when=move || !has_output.get()>
                    <p class="field-note step-silence">"No output."</p>
                </Show>
            </details>
        </li>
    }
}

/// What the step prints. It follows its end unless the reader has scrolled up.
#[component]
fn Output(
    pieces: ArcRwSignal<Vec<super::feed::Piece>>,
    #[prop(into)] title: Signal<String>,
) -> impl IntoView {
    let node = NodeRef::<html::Pre>::new();
    let following = StoredValue::new(true);
    let grown = pieces.clone();
    Effect::new(move || {
        grown.track();
        if let Some(output) = node.get()
            && following.get_value()
        {
            request_animation_frame(move || output.set_scroll_top(output.scroll_height()));
        }
    });
    let scrolled = move |_| {
        if let Some(output) = node.try_get_untracked().flatten() {
            let below = output.scroll_height() - output.client_height() - output.scroll_top();
            following.try_set_value(below <= NEAR_END_PX);
        }
    };
    let is_empty = {
        let pieces = pieces.clone();
        Memo::new(move |_| pieces.with(Vec::is_empty))
    };
    view! {
        <pre
            node_ref=node
            class="output"
            class:is-empty=move || is_empty.get()
            tabindex="0"
            role="log"
            aria-live="off"
            aria-label=move || format!("Output of {}", title.get())
            on:scroll=scrolled
        >
            <For each=move || pieces.get() key=|piece| piece.id let:piece>
                <Printed text=piece.text.to_string()/>
            </For>
        </pre>
    }
}

/// What was done, and where, if that was before this operation.
fn done_summary(step: &StepResource) -> Option<String> {
    let Some(operation) = step.done_in else {
        return step.summary.clone();
    };
    let done = format!("done in operation #{operation}");
    Some(match &step.summary {
        Some(summary) => format!("{done}: {summary}"),
        None => done,
    })
}

fn last_line_of(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::last_line_of;

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        assert_eq!(
            last_line_of("a\nSetting up nginx ...\n\n  \n"),
            "Setting up nginx ..."
        );
        assert_eq!(last_line_of("\n"), "");
        assert_eq!(last_line_of(&"x".repeat(500)).len(), 200);
    }
}
