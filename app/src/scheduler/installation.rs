//! The scheduler of a server as a record of its own: how it stands, its installation, its repair and its removal.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::components::A;
use wire::lifecycle::ManagedInput;
use wire::plan::PreviewWork;
use wire::scheduler::{InstallationResource, SchedulerResource};
use wire::servers::{Connection, ServerInput};
use wire::{ResourceKind, SchedulerId, ServerId, Status};

use super::form::wanted;
use super::{install, repair};
use crate::lifecycle::{Badge, LifecycleActions, StatusBadge, remove};
use crate::operations::Steps;
use crate::ui::{
    Cancel, Dialog, FormMessage, Icon, Shape, Submission, SubmitButton, Toasts, row_of,
};

/// The head of the page: the record first, then what cron itself was last found to do, as it may die at any time.
#[component]
pub fn StateLine(
    server: ServerId,
    scheduler: Signal<SchedulerResource>,
    /// Opens the dialog that asks before it is removed.
    ends: RwSignal<bool>,
) -> impl IntoView {
    // One or none; as a list, because it goes and another one comes as rows do.
    let all = Memo::new(move |_| {
        scheduler.with(|scheduler| scheduler.installation.iter().cloned().collect::<Vec<_>>())
    });
    let ids = move || all.with(|all| all.iter().map(|it| it.id).collect::<Vec<_>>());
    let has_stopped = Memo::new(move |_| {
        scheduler.with(|scheduler| {
            let status = scheduler.installation.as_ref().map(|it| it.status);
            status == Some(Status::Active) && scheduler.is_running == Some(false)
        })
    });
    let error = Memo::new(move |_| {
        scheduler.with(|scheduler| scheduler.installation.as_ref()?.error_log.clone())
    });
    view! {
        <div class="page-head" data-scheduler-status=move || all.with(|all| all.first().map(|it| it.status.as_str()))>
            <h2>"Scheduler"</h2>
            <For each=ids key=|id| *id let:id>
                <Standing server id all scheduler has_stopped ends/>
            </For>
        </div>
        {move || {
            error.get().map(|error| view! { <p class="row-error" data-testid="scheduler-error">{error}</p> })
        }}
        <Show when=move || has_stopped.get()>
            <div class="callout is-error" role="status" data-testid="cron-stopped">
                <Icon shape=Shape::Warning/>
                <p>
                    "Cron does not run on this server, so none of its tasks will start. Repair the scheduler: that starts it, or says why it does not start."
                </p>
                <RepairButton server/>
            </div>
        </Show>
    }
}

/// How the record and cron stand, and what can be done.
#[component]
fn Standing(
    server: ServerId,
    id: SchedulerId,
    all: Memo<Vec<InstallationResource>>,
    scheduler: Signal<SchedulerResource>,
    has_stopped: Memo<bool>,
    ends: RwSignal<bool>,
) -> impl IntoView {
    let Some(one) = row_of(all.into(), move |it: &InstallationResource| it.id == id) else {
        return ().into_any();
    };
    let status = Memo::new(move |_| one.with(|one| one.status));
    let is_running = Memo::new(move |_| scheduler.with(|scheduler| scheduler.is_running));
    let zone = Memo::new(move |_| scheduler.with(|scheduler| scheduler.time_zone.clone()));
    let name = Memo::new(move |_| {
        scheduler.with(|scheduler| format!("the scheduler of {}", scheduler.server.name))
    });
    view! {
        <StatusBadge status since=Signal::derive(move || one.with(|one| one.updated_at))/>
        <Show when=move || status.get() == Status::Active>
            {move || match is_running.get() {
                Some(true) => {
                    view! { <Badge tone="active" shape=Shape::Check word="cron runs"/> }
                }
                Some(false) => {
                    view! { <Badge tone="failed" shape=Shape::Cross word="cron does not run"/> }
                }
                None => {
                    view! { <Badge tone="paused" shape=Shape::Minus word="Not checked yet"/> }
                }
            }}
        </Show>
        {move || zone.get().map(|zone| view! { <span class="field-note">"Time zone " {zone}</span> })}
        <div class="row-actions">
            <Show when=move || status.get() == Status::Active && !has_stopped.get()>
                <RepairButton server is_small=true/>
            </Show>
            <LifecycleActions
                resource=ManagedInput {
                    server_id: server,
                    kind: ResourceKind::Scheduler,
                    id: id.0,
                }
                status
                operation=Memo::new(move |_| one.with(|one| one.operation_id))
                name
                on_remove=Callback::new(move |()| ends.set(true))
            />
        </div>
    }
    .into_any()
}

/// Installs what is there once more.
#[component]
fn RepairButton(server: ServerId, #[prop(optional)] is_small: bool) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let submission = Submission::bare();
    Effect::new(move || {
        if let Some(message) = submission.message() {
            toasts.complain(message);
        }
    });
    let start = move |_| submission.run(repair(ServerInput { server_id: server }), |_| {});
    view! {
        <button
            type="button"
            class="button"
            class:is-small=is_small
            title="Installs it once more: what is there stays, what is missing is mended."
            aria-disabled=move || submission.aria_disabled()
            on:click=start
        >
            <Icon shape=Shape::Retry/>
            "Repair"
            <span class="visually-hidden">" the scheduler"</span>
        </button>
    }
}

/// Where there is none yet.
#[component]
pub fn InstallOffer(server: ServerId, scheduler: Signal<SchedulerResource>) -> impl IntoView {
    let has_a_way_in = Memo::new(move |_| {
        scheduler.with(|scheduler| match scheduler.server.connection {
            Connection::Connected | Connection::Failed => true,
            Connection::AwaitingKey | Connection::HostKeyChanged => false,
        })
    });
    view! {
        <Show
            when=move || has_a_way_in.get()
            fallback=move || {
                view! {
                    <section class="empty">
                        <h2>"Let the panel in first"</h2>
                        <p>
                            "The panel cannot get into this server; the server's page says why and what to do. After that you can install the scheduler here."
                        </p>
                        <A href=format!("/servers/{server}") attr:class="button is-primary">
                            "Go to the server"
                        </A>
                    </section>
                }
            }
        >
            <InstallForm server/>
        </Show>
    }
}

#[component]
fn InstallForm(server: ServerId) -> impl IntoView {
    let submission = Submission::bare();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.run(install(ServerInput { server_id: server }), |_| {});
    };
    view! {
        <form class="panel" on:submit=submit method="post" aria-labelledby="install-scheduler">
            <h3 id="install-scheduler">"Install the scheduler"</h3>
            <p>
                "Scheduled tasks are commands that a server runs by itself. Installing the scheduler sets up what they need there: cron, curl, and the user brokeforge."
            </p>
            <FormMessage submission/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(Some(wanted(server, PreviewWork::InstallScheduler {})))
            />
            <div class="form-actions">
                <SubmitButton submission label="Install the scheduler" busy="Installing the scheduler..."/>
            </div>
        </form>
    }
}

/// In place of the form while no task can be added.
#[component]
pub fn Waiting(status: Status, name: Memo<String>) -> impl IntoView {
    let what = match status {
        Status::Pending | Status::Installing => {
            "is being installed. Tasks can be added when that has ended."
        }
        Status::Removing => "is being removed. When that has ended, it can be installed again.",
        Status::Failed => {
            "could not be installed. Retry it; tasks can be added when that has worked."
        }
        Status::Active | Status::Paused => return ().into_any(),
    };
    view! {
        <section class="empty">
            <p>"The scheduler of " {name} " " {what}</p>
        </section>
    }
    .into_any()
}

/// Removes it, unless there are tasks that need it.
#[component]
pub fn RemoveSchedulerDialog(
    server: ServerId,
    scheduler: Signal<SchedulerResource>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let name = Memo::new(move |_| scheduler.with(|scheduler| scheduler.server.name.clone()));
    let tasks = Memo::new(move |_| scheduler.with(|scheduler| scheduler.tasks.len()));
    let id = Memo::new(move |_| {
        scheduler.with(|scheduler| scheduler.installation.as_ref().map(|it| it.id))
    });
    let body = move || match (id.get(), tasks.get()) {
        (Some(id), 0) => view! { <RemoveForm server id name open/> }.into_any(),
        (Some(_), tasks) => view! { <TasksFirst tasks open/> }.into_any(),
        (None, _) => ().into_any(),
    };
    view! {
        <Dialog
            open
            title=Signal::derive(move || format!("Remove the scheduler of {}?", name.get()))
            id="remove-scheduler-title"
        >
            {move || open.get().then(body)}
        </Dialog>
    }
}

#[component]
fn TasksFirst(tasks: usize, open: RwSignal<bool>) -> impl IntoView {
    let sentence = match tasks {
        1 => "1 task is on this server. Remove it first, then the scheduler.".to_owned(),
        _ => format!("{tasks} tasks are on this server. Remove them first, then the scheduler."),
    };
    view! {
        <p>{sentence}</p>
        <div class="form-actions">
            <Cancel open/>
        </div>
    }
}

#[component]
fn RemoveForm(
    server: ServerId,
    id: SchedulerId,
    name: Memo<String>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let submission = Submission::bare();
    let resource = ManagedInput {
        server_id: server,
        kind: ResourceKind::Scheduler,
        id: id.0,
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.run(remove(resource), move |_| open.set(false));
    };
    view! {
        <form on:submit=submit method="post">
            <p>
                "What the panel put on " <strong>{name}</strong>
                " for scheduled tasks is removed. Cron stays and runs on, because other software on the server may use it; so does the user brokeforge."
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(Some(wanted(server, PreviewWork::RemoveScheduler {})))
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove the scheduler" busy="Removing the scheduler..." is_danger=true/>
            </div>
        </form>
    }
}
