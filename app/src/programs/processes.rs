//! The processes of a program, as the panel saw them last.

use leptos::prelude::*;
use wire::programs::{ProcessResource, ProcessState, ProgramResource};
use wire::{Status, Timestamp};

use crate::lifecycle::{Badge, StatusBadge};
use crate::ui::{Ago, Rows, Shape, row_of, row_tint};

/// Each process of a program.
#[component]
pub fn Processes(program: Memo<ProgramResource>) -> impl IntoView {
    let processes = Memo::new(move |_| program.with(|program| program.processes.clone()));
    let numbers =
        move || processes.with(|all| all.iter().map(|one| one.number).collect::<Vec<_>>());
    view! {
        <section aria-labelledby="processes">
            <h3 id="processes">"Processes"</h3>
            <Show
                when=move || !processes.with(Vec::is_empty)
                fallback=|| {
                    view! {
                        <p class="field-note">
                            "Not seen yet. The panel looks every 10 s, and after each change."
                        </p>
                    }
                }
            >
                <Rows
                    caption="Processes"
                    class="is-processes"
                    columns=&["Process", "State", "Running since", "PID", "Restarts", "Last end"]
                >
                    <tbody>
                        <For each=numbers key=|number| *number let:number>
                            <ProcessRow number processes/>
                        </For>
                    </tbody>
                </Rows>
            </Show>
        </section>
    }
}

#[component]
fn ProcessRow(number: i32, processes: Memo<Vec<ProcessResource>>) -> impl IntoView {
    let is_it = move |process: &ProcessResource| process.number == number;
    let Some(process) = row_of(processes.into(), is_it) else {
        return ().into_any();
    };
    let is_changed = row_tint(process);
    view! {
        <tr
            data-process=number
            data-process-state=move || process.with(|process| process.state.as_str())
            class:is-changed=is_changed
        >
            <th scope="row">{number}</th>
            <td data-label="State">
                {move || view! { <ProcessBadge state=process.with(|process| process.state)/> }}
            </td>
            <td data-label="Running since">
                {move || time_or_nothing(process.with(|process| process.started_at))}
            </td>
            <td class="is-code" data-label="PID">
                {move || process.with(|process| process.pid).map(|pid| pid.to_string())}
            </td>
            <td data-label="Restarts">{move || process.with(|process| process.restarts)}</td>
            <td data-label="Last end">
                {move || match process.with(|process| process.last_end.clone()) {
                    Some(end) => {
                        view! {
                            {end}
                            ", "
                            {time_or_nothing(process.with(|process| process.last_end_at))}
                        }
                            .into_any()
                    }
                    None => "none".into_any(),
                }}
            </td>
        </tr>
    }
    .into_any()
}

fn time_or_nothing(at: Option<Timestamp>) -> AnyView {
    match at {
        Some(at) => view! { <Ago at=Signal::stored(at)/> }.into_any(),
        None => ().into_any(),
    }
}

/// How a process stands, as icon, word and colour.
#[component]
fn ProcessBadge(state: ProcessState) -> impl IntoView {
    let (tone, shape, word) = match state {
        ProcessState::Starting => ("installing", Shape::Loader, "Starting"),
        ProcessState::Running => ("active", Shape::Check, "Running"),
        ProcessState::Restarting => ("installing", Shape::Retry, "Restarting"),
        ProcessState::Stopping => ("removing", Shape::Loader, "Stopping"),
        ProcessState::Stopped => ("paused", Shape::Minus, "Not running"),
        ProcessState::Failed => ("failed", Shape::Cross, "Failed"),
    };
    view! { <Badge tone shape word/> }
}

/// A program's status; one that somebody stopped is not just paused.
#[component]
pub fn ProgramBadge(program: Memo<ProgramResource>) -> impl IntoView {
    let status = Memo::new(move |_| program.with(|program| program.status));
    let since = Signal::derive(move || program.with(|program| program.updated_at));
    let standing = Memo::new(move |_| program.with(standing));
    move || match status.get() {
        Status::Paused => {
            view! { <Badge tone="paused" shape=Shape::Minus word="Stopped"/> }.into_any()
        }
        Status::Active if standing.get() == Standing::Ended => {
            view! { <Badge tone="paused" shape=Shape::Minus word="Not running"/> }.into_any()
        }
        Status::Active if standing.get() == Standing::Failed => {
            view! { <Badge tone="failed" shape=Shape::Cross word="Does not run"/> }.into_any()
        }
        Status::Pending
        | Status::Installing
        | Status::Active
        | Status::Failed
        | Status::Removing => view! { <StatusBadge status since/> }.into_any(),
    }
}

/// How a program that is on its server stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// As far as anybody knows.
    Up,
    /// Every process has ended, and none of them badly.
    Ended,
    /// No process is up, and one at least has given up.
    Failed,
}

fn standing(program: &ProgramResource) -> Standing {
    let states = || program.processes.iter().map(|process| process.state);
    let is_down = |state| matches!(state, ProcessState::Stopped | ProcessState::Failed);
    if program.processes.is_empty() || !states().all(is_down) {
        Standing::Up
    } else if states().any(|state| state == ProcessState::Failed) {
        Standing::Failed
    } else {
        Standing::Ended
    }
}

/// `2 of 3 running`; `not seen yet`
pub fn running_of(program: &ProgramResource) -> String {
    match program.processes.len() {
        0 => "not seen yet".to_owned(),
        all => format!("{} of {all} running", running(program)),
    }
}

/// Whether every process was seen running.
pub fn runs_whole(program: &ProgramResource) -> bool {
    running(program) >= usize::from(program.settings.processes.get())
}

fn running(program: &ProgramResource) -> usize {
    let processes = program.processes.iter();
    processes
        .filter(|process| process.state == ProcessState::Running)
        .count()
}

/// What the page says of processes that do not stay up.
#[component]
pub fn Trouble(program: Memo<ProgramResource>) -> impl IntoView {
    let trouble = Memo::new(move |_| program.with(trouble_of));
    move || {
        trouble
            .get()
            .map(|sentence| view! { <p class="row-error" data-testid="trouble">{sentence}</p> })
    }
}

fn trouble_of(program: &ProgramResource) -> Option<String> {
    if program.status == Status::Paused {
        return None;
    }
    let first_in = |state| {
        program
            .processes
            .iter()
            .find(|process| process.state == state)
    };
    if let Some(process) = first_in(ProcessState::Failed) {
        let end = process.last_end.as_deref().unwrap_or("no end known");
        let again = if program.settings.auto_restart {
            "ended again and again and is not started any more"
        } else {
            "failed"
        };
        return Some(format!(
            "Process {} {again}: {end}. Look at the log, then start the program.",
            process.number
        ));
    }
    let process = first_in(ProcessState::Restarting)?;
    let end = process.last_end.as_deref().unwrap_or("no end known");
    Some(format!(
        "Process {} ended and is about to be started again: {end}.",
        process.number
    ))
}

#[cfg(test)]
mod tests {
    use wire::ProgramId;
    use wire::programs::{ProcessCount, ProgramSettings, StopSignal, StopWait};
    use wire::scheduler::RunAs;

    use super::*;

    fn program(states: &[ProcessState]) -> ProgramResource {
        let processes = states
            .iter()
            .zip(1..)
            .map(|(state, number)| ProcessResource {
                number,
                state: *state,
                pid: None,
                started_at: None,
                restarts: 0,
                last_end: Some("exit code 3".into()),
                last_end_at: None,
            });
        ProgramResource {
            id: ProgramId(1),
            settings: ProgramSettings {
                name: "Worker".into(),
                command: "true".into(),
                directory: String::new(),
                run_as: RunAs::App,
                processes: ProcessCount::ONE,
                auto_restart: true,
                stop_signal: StopSignal::Term,
                stop_wait: StopWait::DEFAULT,
            },
            variables: Vec::new(),
            status: Status::Active,
            error_log: None,
            operation_id: None,
            processes: processes.collect(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn what_does_not_stay_up_is_said_with_how_it_ended_unless_it_was_stopped() {
        let running = program(&[ProcessState::Running]);
        assert_eq!(trouble_of(&running), None);
        let mut failed = program(&[ProcessState::Running, ProcessState::Failed]);
        let said = trouble_of(&failed).expect("is trouble");
        assert!(
            said.contains("Process 2") && said.contains("exit code 3"),
            "{said}"
        );
        failed.status = Status::Paused;
        assert_eq!(trouble_of(&failed), None);
    }

    #[test]
    fn how_many_run_is_counted() {
        let two = program(&[ProcessState::Running, ProcessState::Restarting]);
        assert_eq!(running_of(&two), "1 of 2 running");
        assert_eq!(running_of(&program(&[])), "not seen yet");
    }
}
