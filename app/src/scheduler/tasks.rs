//! The table of tasks.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::lifecycle::ManagedInput;
use wire::scheduler::{RunResource, TaskInput, TaskResource};
use wire::{ResourceKind, ServerId, Status, TaskId};

use super::runs::RunBadge;
use super::{pause, resume, run};
use crate::lifecycle::{LifecycleActions, StatusBadge, operation_path};
use crate::ui::{ACTIONS, Ago, Icon, Rows, Shape, Submission, Toast, Toasts, row_of, row_tint};

/// All tasks of a server.
#[component]
pub fn Tasks(
    server: ServerId,
    tasks: Memo<Vec<TaskResource>>,
    edited: RwSignal<Option<TaskResource>>,
    removed: RwSignal<Option<TaskResource>>,
) -> impl IntoView {
    let ids = move || tasks.with(|tasks| tasks.iter().map(|task| task.id).collect::<Vec<_>>());
    view! {
        <section aria-labelledby="tasks">
            <h3 id="tasks">"Tasks"</h3>
            <Show
                when=move || !tasks.with(Vec::is_empty)
                fallback=|| {
                    view! {
                        <p class="field-note">
                            "No tasks yet. A task is a command that the server runs by itself: a backup, a report, a clean-up."
                        </p>
                    }
                }
            >
                <Rows
                    caption="Scheduled tasks"
                    class="is-tasks"
                    columns=&["Name", "When", "Last run", "Last success", "Next run", "Status", ACTIONS]
                >
                    <tbody>
                        <For each=ids key=|id| *id let:id>
                            <TaskRow server id tasks edited removed/>
                        </For>
                    </tbody>
                </Rows>
            </Show>
        </section>
    }
}

#[component]
fn TaskRow(
    server: ServerId,
    id: TaskId,
    tasks: Memo<Vec<TaskResource>>,
    edited: RwSignal<Option<TaskResource>>,
    removed: RwSignal<Option<TaskResource>>,
) -> impl IntoView {
    let Some(task) = row_of(tasks.into(), move |task: &TaskResource| task.id == id) else {
        return ().into_any();
    };
    let status = Memo::new(move |_| task.with(|task| task.status));
    let name = Signal::derive(move || task.with(|task| task.name.clone()));
    let is_changed = row_tint(task);
    view! {
        <tr data-task-id=id.0 data-status=move || status.get().as_str() class:is-changed=is_changed>
            <th scope="row">
                <A href=format!("/servers/{server}/scheduler/{id}")>{name}</A>
                {move || {
                    task.with(|task| task.error_log.clone())
                        .map(|error| view! { <p class="row-error">{error}</p> })
                }}
                <Missed task/>
            </th>
            <td class="is-code" data-label="When">
                {move || task.with(|task| task.expression.clone())}
            </td>
            <td data-label="Last run">{move || last_run(task.with(|task| task.last_run.clone()))}</td>
            <td data-label="Last success">
                {move || match task.with(|task| task.last_success_at) {
                    Some(at) => view! { <Ago at=Signal::stored(at)/> }.into_any(),
                    None => "never".into_any(),
                }}
            </td>
            <td data-label="Next run">
                {move || {
                    task.with(|task| task.next_run.clone()).map_or_else(|| "none".to_owned(), |next| next.words)
                }}
            </td>
            <td data-label="Status">
                <StatusBadge status since=Signal::derive(move || task.with(|task| task.updated_at))/>
            </td>
            <td class="row-actions">
                <TaskButtons server id status name/>
                <button
                    type="button"
                    class="icon-button"
                    aria-label=move || format!("Edit {}", name.get())
                    title="Edit"
                    disabled=move || !may_be_changed(status.get())
                    on:click=move |_| edited.set(Some(task.get_untracked()))
                >
                    <Icon shape=Shape::Pencil/>
                </button>
                <LifecycleActions
                    resource=ManagedInput {
                        server_id: server,
                        kind: ResourceKind::ScheduledTask,
                        id: id.0,
                    }
                    status
                    operation=Memo::new(move |_| task.with(|task| task.operation_id))
                    name
                    on_remove=Callback::new(move |()| removed.set(Some(task.get_untracked())))
                />
            </td>
        </tr>
    }
    .into_any()
}

/// Says that a task should have run and did not.
#[component]
pub fn Missed(task: Memo<TaskResource>) -> impl IntoView {
    let missed = Memo::new(move |_| task.with(|task| task.missed_at));
    move || {
        missed.get().map(|at| {
            view! {
                <p class="row-error" data-testid="missed">
                    "Did not run when it was due, " <Ago at=Signal::stored(at)/>
                    ". Look whether cron runs and whether the server was off."
                </p>
            }
        })
    }
}

/// Run it now, pause it, resume it.
#[component]
pub fn TaskButtons(
    server: ServerId,
    id: TaskId,
    status: Memo<Status>,
    #[prop(into)] name: Signal<String>,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let submission = Submission::bare();
    let input = TaskInput {
        server_id: server,
        task_id: id,
    };
    Effect::new(move || {
        if let Some(message) = submission.message() {
            toasts.complain(message);
        }
    });
    let run_now = move |_| {
        submission.run(run(input), move |operation| {
            toasts.show(Toast {
                message: format!("{} is about to run.", name.get_untracked()),
                is_error: false,
                about: None,
                link: Some((operation_path(server, operation), "Follow it")),
            });
        });
    };
    view! {
        <button
            type="button"
            class="button is-small"
            aria-label=move || format!("Run now: {}", name.get())
            aria-disabled=move || submission.aria_disabled()
            disabled=move || !matches!(status.get(), Status::Active | Status::Paused)
            on:click=run_now
        >
            <Icon shape=Shape::Play/>
            "Run now"
        </button>
        {move || match status.get() {
            Status::Active => {
                view! {
                    <button
                        type="button"
                        class="icon-button"
                        aria-label=format!("Pause {}", name.get_untracked())
                        title="Pause"
                        aria-disabled=move || submission.aria_disabled()
                        on:click=move |_| submission.run(pause(input), |()| {})
                    >
                        <Icon shape=Shape::Pause/>
                    </button>
                }
                    .into_any()
            }
            Status::Paused => {
                view! {
                    <button
                        type="button"
                        class="button is-small"
                        aria-label=format!("Resume {}", name.get_untracked())
                        aria-disabled=move || submission.aria_disabled()
                        on:click=move |_| submission.run(resume(input), |()| {})
                    >
                        "Resume"
                    </button>
                }
                    .into_any()
            }
            Status::Pending | Status::Installing | Status::Failed | Status::Removing => {
                ().into_any()
            }
        }}
    }
}

/// Whether the fields of a task in this status can be changed.
pub fn may_be_changed(status: Status) -> bool {
    status.may_become(Status::Installing) && status != Status::Pending
}

fn last_run(run: Option<RunResource>) -> AnyView {
    match run {
        Some(run) => view! {
            <RunBadge state=run.state/>
            " "
            <Ago at=Signal::stored(run.started_at)/>
        }
        .into_any(),
        None => "none yet".into_any(),
    }
}
