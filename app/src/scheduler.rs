//! The scheduled tasks of a server, live.

mod dialogs;
mod form;
mod installation;
mod next;
mod page;
mod runs;
mod task_page;
mod tasks;

use leptos::prelude::*;
use wire::json::Json;
use wire::scheduler::{
    CreateTaskInput, NextRuns, NextRunsInput, RunInput, RunsInput, RunsPage, SchedulerResource,
    TaskInput, TaskPage, UpdateTaskInput,
};
use wire::servers::ServerInput;
use wire::{ApiError, OperationId, SchedulerId, TaskId};

pub use self::page::SchedulerPage;
pub use self::task_page::ScheduledTaskPage;

/// All that the page of a server's tasks shows.
#[server(prefix = "/api", endpoint = "scheduler/show", input = Json, output = Json)]
pub async fn show(input: ServerInput) -> Result<SchedulerResource, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::show(&panel.db, &server).await?)
}

/// Installs what the tasks of a server need.
#[server(prefix = "/api", endpoint = "scheduler/install", input = Json, output = Json)]
pub async fn install(input: ServerInput) -> Result<SchedulerId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::installation::request(&panel.db, &who, &server).await?)
}

/// Installs it once more, which mends what is missing.
#[server(prefix = "/api", endpoint = "scheduler/repair", input = Json, output = Json)]
pub async fn repair(input: ServerInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::installation::request_repair(&panel.db, &who, &server).await?)
}

/// Adds a task.
#[server(prefix = "/api", endpoint = "scheduler/create", input = Json, output = Json)]
pub async fn create(input: CreateTaskInput) -> Result<TaskId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let task = wire::scheduler::NewTask::parse(&input.task)?;
    Ok(domain::scheduler::request(&panel.db, &who, &server, task, &input.request_key).await?)
}

/// Changes a task.
#[server(prefix = "/api", endpoint = "scheduler/update", input = Json, output = Json)]
pub async fn update(input: UpdateTaskInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let task = wire::scheduler::NewTask::parse(&input.task)?;
    let change = domain::scheduler::TaskChange::Edit(task);
    let (id, shown) = (input.task_id, Some(&input.shown));
    domain::scheduler::request_change(&panel.db, &who, &server, id, change, shown).await?;
    Ok(())
}

/// Takes a task from cron and keeps it.
#[server(prefix = "/api", endpoint = "scheduler/pause", input = Json, output = Json)]
pub async fn pause(input: TaskInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let change = domain::scheduler::TaskChange::Pause;
    let id = input.task_id;
    domain::scheduler::request_change(&panel.db, &who, &server, id, change, None).await?;
    Ok(())
}

/// Gives a paused task back to cron.
#[server(prefix = "/api", endpoint = "scheduler/resume", input = Json, output = Json)]
pub async fn resume(input: TaskInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let change = domain::scheduler::TaskChange::Resume;
    let id = input.task_id;
    domain::scheduler::request_change(&panel.db, &who, &server, id, change, None).await?;
    Ok(())
}

/// Runs a task once, now.
#[server(prefix = "/api", endpoint = "scheduler/run", input = Json, output = Json)]
pub async fn run(input: TaskInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::run_now(&panel, &who, &server, input.task_id).await?)
}

/// A task with its newest runs.
#[server(prefix = "/api", endpoint = "scheduler/task", input = Json, output = Json)]
pub async fn task(input: TaskInput) -> Result<TaskPage, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::show_task(&panel.db, &server, input.task_id).await?)
}

/// Older runs of a task.
#[server(prefix = "/api", endpoint = "scheduler/runs", input = Json, output = Json)]
pub async fn runs(input: RunsInput) -> Result<RunsPage, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    let RunsInput {
        task_id, before, ..
    } = input;
    Ok(domain::scheduler::history(&panel.db, &server, task_id, before).await?)
}

/// What a run printed.
#[server(prefix = "/api", endpoint = "scheduler/run_output", input = Json, output = Json)]
pub async fn run_output(input: RunInput) -> Result<String, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::scheduler::output(&panel.db, &server, input.task_id, input.run_id).await?)
}

/// When an expression comes next. Time zones are a table that no browser should load.
#[server(prefix = "/api", endpoint = "scheduler/next", input = Json, output = Json)]
pub async fn next(input: NextRunsInput) -> Result<NextRuns, ApiError> {
    let (_, _, server) = crate::session::owned_server(input.server_id).await?;
    let expression = wire::scheduler::CronExpression::parse(&input.expression)
        .map_err(|sentence| ApiError::field("expression", sentence))?;
    Ok(domain::scheduler::next_of_server(
        &expression,
        &server,
        domain::db::now(),
    ))
}
