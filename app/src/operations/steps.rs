//! One step: what it is, how long it takes, what it prints.

use leptos::html;
use leptos::prelude::*;
use wire::colours::plain;
use wire::operations::{OperationKind, OperationResource, StepResource, StepStatus};

use super::badge::{step_shape, step_word};
use super::failure::{Failure, diagnosed_step};
use super::feed::{Feed, Reach};
use super::printed::Printed;
use crate::browser;
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
    let following = StoredValue::new(true);
    // What somebody's own command printed is what they came for.
    let is_their_command = operation.with_untracked(|operation| {
        let last = operation.steps.last().map(|step| step.position);
        operation.kind == OperationKind::RunTask && last == Some(position)
    });
    let touched = open_with_status(node, status, following, is_their_command);
    let reach = feed.reach();
    let silence =
        Memo::new(move |_| (!has_output.get()).then(|| silence(&reach.get(), status.get())));
    view! {
        <li class="step" data-step=position data-status=move || status.get().as_str()>
            <details node_ref=node open=opens_by_itself(status.get_untracked())>
                <summary on:click=move |_| touched.set_value(true)>
                    <Icon shape=Signal::derive(move || step_shape(status.get()))/>
                    <span class="step-title">{move || step.with(|step| step.title.clone())}</span>
                    <span class="visually-hidden">{move || step_word(status.get())}</span>
                    <span class="step-time">{elapsed}</span>
                    <span class="step-summary">{summary}</span>
                </summary>
                <Show when=move || is_diagnosed.get()>
                    <Failure operation/>
                </Show>
                <Output
                    pieces
                    title=Signal::derive(move || step.with(|step| step.title.clone()))
                    following
                />
                {move || silence.get().map(|words| view! { <p class="field-note step-silence">{words}</p> })}
            </details>
        </li>
    }
}

/// Opens a step when it runs or fails, and closes it afterwards unless somebody is reading it. Gives back whether the
/// reader opened or closed it: from then on it stays as they put it until it has something new to show.
fn open_with_status(
    node: NodeRef<html::Details>,
    status: Memo<StepStatus>,
    following: StoredValue<bool>,
    stays_open: bool,
) -> StoredValue<bool> {
    let touched = StoredValue::new(false);
    Effect::new(move |before: Option<StepStatus>| {
        let status = status.get();
        let Some(details) = node.get_untracked() else {
            return status;
        };
        match before {
            // Opened or closed before the program took over the page.
            None => touched.set_value(details.open() != opens_by_itself(status)),
            Some(before) if before == status => {}
            Some(_) if opens_by_itself(status) => {
                if !details.open() {
                    details.set_open(true);
                    touched.set_value(false);
                }
            }
            Some(_) => {
                let is_read =
                    touched.get_value() || !following.get_value() || browser::is_in_use(&details);
                if !is_read && !stays_open {
                    details.set_open(false);
                }
            }
        }
        status
    });
    touched
}

fn opens_by_itself(status: StepStatus) -> bool {
    match status {
        StepStatus::Running | StepStatus::Failed => true,
        StepStatus::Waiting | StepStatus::Succeeded | StepStatus::Skipped => false,
    }
}

/// What stands where a step has no output: that there is none is said only when that is known.
fn silence(reach: &Reach, status: StepStatus) -> &'static str {
    match (reach, status) {
        (_, StepStatus::Waiting) => "Not started yet.",
        (_, StepStatus::Skipped) => "Not run.",
        (Reach::Failed(_), _) => "The output could not be loaded.",
        (Reach::Part, _) => "Loading the output...",
        (Reach::All | Reach::Pruned, StepStatus::Running) => "No output yet.",
        (Reach::Pruned, StepStatus::Succeeded | StepStatus::Failed) => {
            "What it printed is not kept any more."
        }
        (Reach::All, StepStatus::Succeeded | StepStatus::Failed) => "No output.",
    }
}

/// What the step prints. It follows its end unless the reader has scrolled up.
#[component]
fn Output(
    pieces: ArcRwSignal<Vec<super::feed::Piece>>,
    #[prop(into)] title: Signal<String>,
    following: StoredValue<bool>,
) -> impl IntoView {
    let node = NodeRef::<html::Pre>::new();
    let grown = pieces.clone();
    Effect::new(move || {
        grown.track();
        if let Some(output) = node.get()
            && following.get_value()
        {
            request_animation_frame(move || output.set_scroll_top(output.scroll_height()));
        }
    });
    // Output that grows meanwhile moves the end away; only the reader moves up.
    let last_top = StoredValue::new(0);
    let scrolled = move |_| {
        if let Some(output) = node.try_get_untracked().flatten() {
            let top = output.scroll_top();
            let went_up = last_top.try_get_value().is_some_and(|last| top < last);
            last_top.try_set_value(top);
            if output.scroll_height() - output.client_height() - top <= NEAR_END_PX {
                following.try_set_value(true);
            } else if went_up {
                following.try_set_value(false);
            }
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
    use wire::operations::StepStatus;

    use super::{Reach, last_line_of, silence};

    #[test]
    fn no_output_is_said_only_of_what_was_fetched() {
        let failed = Reach::Failed("The panel could not be reached.".into());
        for status in StepStatus::ALL {
            assert_ne!(silence(&failed, status), "No output.");
            assert_ne!(silence(&Reach::Part, status), "No output.");
            assert_ne!(silence(&Reach::Pruned, status), "No output.");
        }
        assert_eq!(silence(&Reach::All, StepStatus::Succeeded), "No output.");
    }

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
