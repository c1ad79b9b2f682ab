//! What the pages show.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::scheduler::{
    CronExpression, NextRuns, SchedulerEvent, SchedulerResource, TaskPage, TaskResource,
};
use wire::{OperationId, ResourceKind, Status, TaskId, Timestamp};

use super::next::next_runs;
use super::{find, installation, runs};
use crate::access::OwnedServer;
use crate::audit::{self, Topic};
use crate::db::now;
use crate::entities::{operation, scheduled_task, server};
use crate::{Db, Error, servers, words};

/// All that the page of a server's tasks shows.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, server: &OwnedServer) -> Result<SchedulerResource, Error> {
    let rows = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::ServerId.eq(server.0.id))
        .order_by_desc(scheduled_task::Column::Id)
        .all(db.reads())
        .await?;
    let operations = last_operations(db.reads(), &rows).await?;
    let mut tasks = Vec::new();
    for row in rows {
        let operation = operations.get(&row.id).copied();
        tasks.push(resource(db, &server.0, row, operation).await?);
    }
    let events = audit::latest(db, server.id(), Topic::Scheduler, 10).await?;
    Ok(SchedulerResource {
        server: servers::summary(db, server).await?,
        installation: installation::shown(db.reads(), server.id()).await?,
        is_running: server.0.scheduler_running,
        time_zone: server.0.time_zone.clone(),
        clock_ahead: server.0.clock_ahead,
        tasks,
        recent_events: events
            .into_iter()
            .map(|entry| SchedulerEvent {
                id: entry.id,
                sentence: entry.sentence,
                actor: entry.actor,
                at: Timestamp(entry.at),
            })
            .collect(),
    })
}

/// All that the page of one task shows.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn show_task(db: &Db, server: &OwnedServer, id: TaskId) -> Result<TaskPage, Error> {
    let row = find(db.reads(), server.id(), id.0).await?;
    let operations = last_operations(db.reads(), std::slice::from_ref(&row)).await?;
    let operation = operations.get(&row.id).copied();
    let next = next_of(&row, &server.0);
    Ok(TaskPage {
        server: servers::summary(db, server).await?,
        task: resource(db, &server.0, row, operation).await?,
        next,
        runs: runs::history(db, server, id, None).await?,
    })
}

async fn resource(
    db: &Db,
    server: &server::Model,
    row: scheduled_task::Model,
    operation_id: Option<OperationId>,
) -> Result<TaskResource, Error> {
    let status = words::status(&row.status)?;
    let next_run = match status {
        Status::Active => next_of(&row, server).runs.into_iter().next(),
        Status::Pending
        | Status::Installing
        | Status::Paused
        | Status::Failed
        | Status::Removing => None,
    };
    Ok(TaskResource {
        id: TaskId(row.id),
        run_as: words::run_as(&row.run_as)?,
        frequency: words::frequency(&row.frequency)?,
        timeout: words::timeout(row.timeout)?.seconds(),
        overlap: words::overlap(&row.overlap)?,
        last_run: runs::last(db.reads(), row.id).await?,
        name: row.name,
        command: row.command,
        expression: row.expression,
        notify: row.notify,
        status,
        error_log: row.error_log,
        operation_id,
        last_success_at: row.last_success_at.map(Timestamp),
        missed_at: row.missed_at.map(Timestamp),
        next_run,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// An expression that cannot be read any more has no next run; the page shows it as it is.
fn next_of(row: &scheduled_task::Model, server: &server::Model) -> NextRuns {
    match CronExpression::parse(&row.expression) {
        Ok(expression) => next_runs(&expression, server, now()),
        Err(_) => NextRuns {
            time_zone: server.time_zone.clone(),
            at_boot: false,
            runs: Vec::new(),
        },
    }
}

/// The last operation of each of these tasks.
async fn last_operations(
    conn: &impl ConnectionTrait,
    tasks: &[scheduled_task::Model],
) -> Result<HashMap<i64, OperationId>, Error> {
    let latest: Vec<(i64, i64)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::ResourceId)
        .column_as(operation::Column::Id.max(), "latest")
        .filter(operation::Column::ResourceKind.eq(ResourceKind::ScheduledTask.as_str()))
        .filter(operation::Column::ResourceId.is_in(tasks.iter().map(|task| task.id)))
        .group_by(operation::Column::ResourceId)
        .into_tuple()
        .all(conn)
        .await?;
    let latest = latest.into_iter();
    Ok(latest.map(|(task, id)| (task, OperationId(id))).collect())
}
