//! Operations as users see them. How they are queued, claimed and ended is in `queue`.

mod list;
mod retry;

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::operations::{
    OperationKind, OperationResource, OperationState, OutputChunk, OutputPage, StepResource,
};
use wire::plan::PlanResource;
use wire::{OperationId, ServerId, Timestamp};

pub(crate) use self::list::recent;
pub use self::list::{Scope, list};
pub use self::retry::retry;
use crate::access::OwnedOperation;
use crate::db::{Db, Tx, now};
use crate::entities::{operation, operation_output, operation_step, user};
use crate::planner::{self, ShownStep};
use crate::{Error, retention, servers, words};

/// How much output one answer carries.
const PAGE_CHUNKS: u64 = 500;

/// An operation with its steps.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, operation: &OwnedOperation) -> Result<OperationResource, Error> {
    with_steps(db, operation.0.clone()).await
}

/// What an operation printed after the chunk `after`.
///
/// # Errors
/// When the database does not answer.
pub async fn output(db: &Db, operation: &OwnedOperation, after: i64) -> Result<OutputPage, Error> {
    let rows = operation_output::Entity::find()
        .filter(operation_output::Column::OperationId.eq(operation.0.id))
        .filter(operation_output::Column::Id.gt(after))
        .order_by_asc(operation_output::Column::Id)
        .limit(PAGE_CHUNKS)
        .all(db.reads())
        .await?;
    let state = words::operation_state(&operation.0.state)?;
    Ok(OutputPage {
        more: rows.len() as u64 == PAGE_CHUNKS,
        pruned: rows.is_empty() && after == 0 && retention::may_be_pruned(&operation.0, state),
        chunks: rows
            .into_iter()
            .map(|row| OutputChunk {
                id: row.id,
                step: row.step,
                text: row.text,
            })
            .collect(),
    })
}

/// What an operation did or is going to do, as one script; without steps until a worker has planned them.
///
/// # Errors
/// When the database does not answer.
pub async fn plan(db: &Db, operation: &OwnedOperation) -> Result<PlanResource, Error> {
    let row = &operation.0;
    let steps = operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(row.id))
        .order_by_asc(operation_step::Column::Position)
        .all(db.reads())
        .await?;
    let steps: Vec<_> = steps
        .into_iter()
        .map(|step| ShownStep {
            title: step.title,
            script: step.script,
        })
        .collect();
    let server = servers::row(db, ServerId(row.server_id)).await?;
    let user = match words::operation_kind(&row.verb, row.resource_kind.as_deref())? {
        OperationKind::Authorize => server.user.as_str(),
        OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => "root",
    };
    let place = planner::place(&server);
    Ok(planner::document(&row.title, &place, user, &steps))
}

/// The latest operation of this kind on a server as a whole, with its steps.
pub(crate) async fn latest(
    db: &Db,
    server: ServerId,
    kind: OperationKind,
) -> Result<Option<OperationResource>, Error> {
    let found = operation::Entity::find()
        .filter(operation::Column::ServerId.eq(server.0))
        .filter(operation::Column::Verb.eq(kind.as_words().0))
        .order_by_desc(operation::Column::Id)
        .one(db.reads())
        .await?;
    match found {
        Some(row) => with_steps(db, row).await.map(Some),
        None => Ok(None),
    }
}

/// Whether an operation of this kind is queued or running on a server as a whole.
pub(crate) async fn is_under_way(
    tx: &Tx,
    server: ServerId,
    kind: OperationKind,
) -> Result<bool, Error> {
    let found = operation::Entity::find()
        .filter(operation::Column::ServerId.eq(server.0))
        .filter(operation::Column::Verb.eq(kind.as_words().0))
        .filter(operation::Column::State.is_in(["queued", "running"]))
        .one(tx.reads())
        .await?;
    Ok(found.is_some())
}

/// The operation that is queued or running on each of these servers.
pub(crate) async fn under_way(
    conn: &impl ConnectionTrait,
    servers: &[i64],
) -> Result<HashMap<i64, OperationId>, Error> {
    let rows = operation::Entity::find()
        .filter(operation::Column::ServerId.is_in(servers.iter().copied()))
        .filter(operation::Column::State.is_in(["queued", "running"]))
        .order_by_desc(operation::Column::Id)
        .all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.server_id, OperationId(row.id)))
        .collect())
}

async fn with_steps(db: &Db, row: operation::Model) -> Result<OperationResource, Error> {
    let steps = operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(row.id))
        .order_by_asc(operation_step::Column::Position)
        .all(db.reads())
        .await?
        .into_iter()
        .map(|step| {
            Ok(StepResource {
                position: step.position,
                status: words::step_status(&step.status)?,
                title: step.title,
                started_at: step.started_at.map(Timestamp),
                ended_at: step.ended_at.map(Timestamp),
                summary: step.summary,
                done_in: step.done_in.map(OperationId),
                exit: step.exit,
                diagnosis: step
                    .diagnosis
                    .as_deref()
                    .map(words::diagnosis)
                    .transpose()?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let names = names(db, std::slice::from_ref(&row)).await?;
    let state = words::operation_state(&row.state)?;
    let note = match state {
        OperationState::Queued => waits_for(db, &row).await?.or_else(|| row.note.clone()),
        OperationState::Running
        | OperationState::Succeeded
        | OperationState::Failed
        | OperationState::Cancelled => row.note.clone(),
    };
    let retryable = list::retryable(db.reads(), std::slice::from_ref(&row)).await?;
    let can_retry = retryable.contains(&row.id);
    Ok(OperationResource {
        id: OperationId(row.id),
        server_id: ServerId(row.server_id),
        kind: words::operation_kind(&row.verb, row.resource_kind.as_deref())?,
        title: row.title,
        state,
        requested_by: names.get(&row.requested_by).cloned().unwrap_or_default(),
        created_at: Timestamp(row.created_at),
        started_at: row.started_at.map(Timestamp),
        ended_at: row.ended_at.map(Timestamp),
        error: row.error,
        cancel_requested_by: row.cancel_requested_by,
        note,
        can_retry,
        steps,
        read_at: now(),
    })
}

/// What has to end before one that is queued begins: on a server there is one at a time.
async fn waits_for(db: &Db, row: &operation::Model) -> Result<Option<String>, Error> {
    let ahead = operation::Entity::find()
        .filter(operation::Column::ServerId.eq(row.server_id))
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .one(db.reads())
        .await?;
    Ok(ahead.map(|ahead| {
        format!(
            "Waits for its turn: {} is under way on this server.",
            ahead.title
        )
    }))
}

async fn names(db: &Db, rows: &[operation::Model]) -> Result<HashMap<i64, String>, Error> {
    let users = user::Entity::find()
        .filter(user::Column::Id.is_in(rows.iter().map(|row| row.requested_by)))
        .all(db.reads())
        .await?;
    Ok(users.into_iter().map(|user| (user.id, user.name)).collect())
}
