//! Changing a task and removing one. One dialog each for the whole page: a refetch of the rows leaves it and what is typed
//! in it alone.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::lifecycle::ManagedInput;
use wire::plan::PreviewWork;
use wire::scheduler::{TaskResource, UpdateTaskInput};
use wire::{ResourceKind, ServerId};

use super::form::{TaskForm, TaskInputs, wanted};
use super::update;
use crate::lifecycle::remove;
use crate::operations::Steps;
use crate::ui::{Cancel, Dialog, FormMessage, Submission, SubmitButton};

/// Changes the task in `edited`.
#[component]
pub fn EditDialog(server: ServerId, edited: RwSignal<Option<TaskResource>>) -> impl IntoView {
    let open = opened_by(edited);
    view! {
        <Dialog open title="Edit task" id="edit-task-title">
            {move || edited.get().map(|task| view! { <EditForm server task open/> })}
        </Dialog>
    }
}

#[component]
fn EditForm(server: ServerId, task: TaskResource, open: RwSignal<bool>) -> impl IntoView {
    let form = TaskForm::of("edit-task", &task);
    let shown = StoredValue::new(form.fields());
    let task_id = task.id;
    let submission = form.submission();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = UpdateTaskInput {
                server_id: server,
                task_id,
                task: form.fields(),
                shown: shown.get_value(),
            };
            submission.run(update(input), move |()| open.set(false));
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <TaskInputs server form/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable().map(|task| wanted(server, PreviewWork::ChangeTask { task_id, task }))
                })
            />
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Save task" busy="Saving task..."/>
            </div>
        </form>
    }
}

/// Removes the task in `removed`.
#[component]
pub fn RemoveDialog(server: ServerId, removed: RwSignal<Option<TaskResource>>) -> impl IntoView {
    let open = opened_by(removed);
    view! {
        <Dialog open title="Remove this task?" id="remove-task-title">
            {move || removed.get().map(|task| view! { <RemoveForm server task open/> })}
        </Dialog>
    }
}

#[component]
fn RemoveForm(server: ServerId, task: TaskResource, open: RwSignal<bool>) -> impl IntoView {
    let submission = Submission::bare();
    let resource = ManagedInput {
        server_id: server,
        kind: ResourceKind::ScheduledTask,
        id: task.id.0,
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.run(remove(resource), move |_| open.set(false));
    };
    view! {
        <form on:submit=submit method="post">
            <p>
                <strong>{task.name}</strong>
                " is removed from the server, and its runs from the panel. A run that cron began is stopped; one that you began is waited for."
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(Some(wanted(server, PreviewWork::RemoveTask { task_id: task.id })))
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove task" busy="Removing task..." is_danger=true/>
            </div>
        </form>
    }
}

/// Open while there is a subject; closing forgets it.
fn opened_by(subject: RwSignal<Option<TaskResource>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    Effect::new(move || {
        if subject.with(Option::is_some) {
            open.set(true);
        }
    });
    Effect::new(move || {
        if !open.get() && subject.with_untracked(Option::is_some) {
            subject.set(None);
        }
    });
    open
}
