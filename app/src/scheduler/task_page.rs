//! The page of one task: what it says, when it comes next, and what became of its runs.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use wire::event::Channel;
use wire::lifecycle::ManagedInput;
use wire::scheduler::{Overlap, TaskInput, TaskPage, TaskResource};
use wire::{ResourceKind, ServerId, Status, TaskId};

use super::dialogs::{EditDialog, RemoveDialog};
use super::next::NextRunsList;
use super::runs::Runs;
use super::task;
use super::tasks::{Missed, TaskButtons, may_be_changed};
use crate::breadcrumbs::PageName;
use crate::lifecycle::{LifecycleActions, StatusBadge};
use crate::live::live;
use crate::operations::UnderWay;
use crate::servers::use_server_id;
use crate::ui::{Ago, Icon, NotFound, Shape, live_page};

/// One task of a server, followed live.
#[component]
pub fn ScheduledTaskPage() -> impl IntoView {
    let params = use_params_map();
    let server = use_server_id();
    let id = Memo::new(move |_| params.with(|params| params.get("task")?.parse::<TaskId>().ok()));
    move || match (server.get(), id.get()) {
        (Some(server), Some(id)) => view! { <Followed server id/> }.into_any(),
        (None, _) | (_, None) => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Followed(server: ServerId, id: TaskId) -> impl IntoView {
    let page = live(Channel::Server(server), move || {
        task(TaskInput {
            server_id: server,
            task_id: id,
        })
    });
    live_page(page, move |page| {
        view! { <Body server id page/> }.into_any()
    })
}

#[component]
fn Body(server: ServerId, id: TaskId, page: Signal<TaskPage>) -> impl IntoView {
    let task = Memo::new(move |_| page.with(|page| page.task.clone()));
    let newest = Memo::new(move |_| page.with(|page| page.runs.clone()));
    let next = Memo::new(move |_| page.with(|page| page.next.clone()));
    let status = Memo::new(move |_| task.with(|task| task.status));
    let name = Signal::derive(move || task.with(|task| task.name.clone()));
    let operation = Memo::new(move |_| task.with(|task| task.operation_id));
    let is_under_way = Memo::new(move |_| {
        operation.get().is_some() && page.with(|page| page.server.busy_with) == operation.get()
    });
    let (edited, removed) = (RwSignal::new(None), RwSignal::new(None));
    view! {
        <PageName name/>
        <article data-task-id=id.0 data-status=move || status.get().as_str()>
            <div class="page-head">
                <h2>{name}</h2>
                <StatusBadge status since=Signal::derive(move || task.with(|task| task.updated_at))/>
                <div class="row-actions">
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
                        operation
                        name
                        on_remove=Callback::new(move |()| removed.set(Some(task.get_untracked())))
                    />
                </div>
            </div>
            {move || {
                task.with(|task| task.error_log.clone())
                    .map(|error| view! { <p class="row-error">{error}</p> })
            }}
            <Missed task/>
            <UnderWay server latest=operation is_under_way/>
            <Facts task/>
            {move || match status.get() {
                Status::Paused => {
                    view! { <p class="field-note">"Paused: no runs come by themselves."</p> }.into_any()
                }
                Status::Pending
                | Status::Installing
                | Status::Active
                | Status::Failed
                | Status::Removing => view! { <NextRunsList next=next.get()/> }.into_any(),
            }}
            <Runs server task=id newest/>
            <p class="after">
                <A href=format!("/servers/{server}/scheduler")>"All tasks of this server"</A>
            </p>
        </article>
        <EditDialog server edited/>
        <RemoveDialog server removed/>
    }
}

#[component]
fn Facts(task: Memo<TaskResource>) -> impl IntoView {
    view! {
        <section class="panel" aria-label="What it does">
            <pre class="output" tabindex="0">{move || task.with(|task| task.command.clone())}</pre>
            <dl class="facts">
                <dt>"Runs as"</dt>
                <dd>{move || task.with(|task| task.run_as.as_str())}</dd>
                <dt>"When"</dt>
                <dd class="is-code">{move || task.with(|task| task.expression.clone())}</dd>
                <dt>"Timeout"</dt>
                <dd>{move || format!("{} s", task.with(|task| task.timeout))}</dd>
                <dt>"If the last run goes on"</dt>
                <dd>
                    {move || match task.with(|task| task.overlap) {
                        Overlap::Skip => "it is skipped",
                        Overlap::Queue => "it runs afterwards",
                    }}
                </dd>
                <dt>"If one fails or is missed"</dt>
                <dd>
                    {move || {
                        if task.with(|task| task.notify) {
                            "you are told by a message in the panel"
                        } else {
                            "it is shown here only"
                        }
                    }}
                </dd>
                <dt>"Last success"</dt>
                <dd>
                        {move || match task.with(|task| task.last_success_at) {
                            Some(at) => view! { <Ago at=Signal::stored(at)/> }.into_any(),
                            None => "never".into_any(),
                        }}
                </dd>
            </dl>
        </section>
    }
}
