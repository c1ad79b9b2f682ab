//! The runs of a task, newest first, each with what it printed once somebody wants to see that.

use leptos::prelude::*;
use wire::scheduler::{RunInput, RunResource, RunState, RunsInput, RunsPage, Trigger};
use wire::{RunId, ServerId, TaskId};

use super::{run_output, runs};
use crate::lifecycle::Badge;
use crate::operations::Printed;
use crate::ui::{Ago, ButtonMessage, Rows, Shape, Submission, duration, row_of, row_tint};

/// The newest runs, live, and older ones as they are asked for.
#[component]
pub fn Runs(server: ServerId, task: TaskId, newest: Memo<RunsPage>) -> impl IntoView {
    let older = RwSignal::new(RunsPage::default());
    let asked = RwSignal::new(false);
    let shown = Memo::new(move |_| {
        let mut runs = newest.with(|page| page.runs.clone());
        older.with(|page| {
            for run in &page.runs {
                if !runs.iter().any(|known| known.id == run.id) {
                    runs.push(run.clone());
                }
            }
        });
        runs
    });
    let has_older = Memo::new(move |_| {
        if asked.get() {
            older.with(|page| page.has_older)
        } else {
            newest.with(|page| page.has_older)
        }
    });
    let submission = Submission::bare();
    let more = move |_| {
        let input = RunsInput {
            server_id: server,
            task_id: task,
            before: shown.with_untracked(|runs| runs.last().map(|run| run.id)),
        };
        submission.run(runs(input), move |page| {
            older.update(|older| {
                older.runs.extend(page.runs);
                older.has_older = page.has_older;
            });
            asked.set(true);
        });
    };
    let ids = move || shown.with(|runs| runs.iter().map(|run| run.id).collect::<Vec<_>>());
    view! {
        <section aria-labelledby="runs">
            <h3 id="runs">"Runs"</h3>
            <Show
                when=move || !shown.with(Vec::is_empty)
                fallback=|| {
                    view! {
                        <p class="field-note">
                            "No runs yet. Each one appears here as it begins, whether cron or you began it."
                        </p>
                    }
                }
            >
                <Rows
                    caption="Runs"
                    class="is-runs"
                    columns=&["Started", "State", "Exit code", "Took", "Begun by", "Output"]
                >
                    <tbody>
                        <For each=ids key=|id| *id let:id>
                            <RunRow server task id runs=shown/>
                        </For>
                    </tbody>
                </Rows>
            </Show>
            <Show when=move || has_older.get()>
                <p class="after">
                    <button
                        type="button"
                        class="button"
                        aria-disabled=move || submission.aria_disabled()
                        on:click=more
                    >
                        "Show older runs"
                    </button>
                    <ButtonMessage submission/>
                </p>
            </Show>
        </section>
    }
}

#[component]
fn RunRow(
    server: ServerId,
    task: TaskId,
    id: RunId,
    runs: Memo<Vec<RunResource>>,
) -> impl IntoView {
    let Some(run) = row_of(runs.into(), move |run: &RunResource| run.id == id) else {
        return ().into_any();
    };
    let is_changed = row_tint(run);
    view! {
        <tr
            data-run-id=id.0
            data-run-state=move || run.with(|run| run.state.as_str())
            class:is-changed=is_changed
        >
            <th scope="row">
                <Ago at=Signal::derive(move || run.with(|run| run.started_at))/>
            </th>
            <td data-label="State">{move || view! { <RunBadge state=run.with(|run| run.state)/> }}</td>
            <td class="is-code" data-label="Exit code">
                {move || run.with(|run| run.exit_code).map(|code| code.to_string())}
            </td>
            <td data-label="Took">
                {move || run.with(|run| Some(duration(run.ended_at?.millis_since(run.started_at))))}
            </td>
            <td data-label="Begun by">
                {move || match run.with(|run| run.trigger) {
                    Trigger::Cron => "cron",
                    Trigger::Panel => "hand",
                }}
            </td>
            <td data-label="Output">
                {move || match run.with(|run| run.output_bytes) {
                    0 => "none".into_any(),
                    _ => view! { <RunOutput server task id/> }.into_any(),
                }}
            </td>
        </tr>
    }
    .into_any()
}

/// What a run printed, fetched when it is opened.
#[component]
fn RunOutput(server: ServerId, task: TaskId, id: RunId) -> impl IntoView {
    let text = RwSignal::new(None::<String>);
    let submission = Submission::bare();
    let open = move |_| {
        if text.with_untracked(Option::is_some) {
            text.set(None);
            return;
        }
        let input = RunInput {
            server_id: server,
            task_id: task,
            run_id: id,
        };
        submission.run(run_output(input), move |output| text.set(Some(output)));
    };
    view! {
        <button
            type="button"
            class="button is-small is-quiet"
            aria-expanded=move || text.with(Option::is_some).to_string()
            aria-disabled=move || submission.aria_disabled()
            on:click=open
        >
            {move || if text.with(Option::is_some) { "Hide" } else { "Show" }}
        </button>
        <ButtonMessage submission/>
        {move || {
            text.get()
                .map(|text| view! { <pre class="output" tabindex="0"><Printed text/></pre> })
        }}
    }
}

/// How a run stands, as icon, word and colour.
#[component]
pub fn RunBadge(state: RunState) -> impl IntoView {
    let (tone, shape, word) = match state {
        RunState::Running => ("installing", Shape::Loader, "Running"),
        RunState::Succeeded => ("active", Shape::Check, "Succeeded"),
        RunState::Failed => ("failed", Shape::Cross, "Failed"),
        RunState::TimedOut => ("failed", Shape::Clock, "Timed out"),
        RunState::Skipped => ("paused", Shape::Minus, "Skipped"),
        RunState::Stopped => ("paused", Shape::Minus, "Stopped"),
        RunState::Lost => ("failed", Shape::Warning, "Lost"),
    };
    view! { <Badge tone shape word/> }
}
