//! What the tasks of a server need there, as a managed resource of its own: cron, and the user that they run as. A server has
//! one or none.

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Set,
};
use wire::operations::OperationKind;
use wire::scheduler::InstallationResource;
use wire::{ApiError, OperationId, ResourceKind, SchedulerId, ServerId, Status, Timestamp};

use crate::access::{OwnedServer, SignedIn};
use crate::db::Tx;
use crate::entities::{operation, scheduled_task, scheduler, server};
use crate::managed::{self, Managed};
use crate::queue::{self, NewOperation};
use crate::{Db, Error, servers, words};

/// Records the scheduler of a server as pending and queues its installation, at once. One that is there or on its way already
/// is the answer to whoever asks again.
///
/// # Errors
/// `Conflict` on a server that does not let the panel in, and for one that has failed or is being removed.
pub async fn request(db: &Db, who: &SignedIn, server: &OwnedServer) -> Result<SchedulerId, Error> {
    let mut tx = db.begin().await?;
    if let Some(row) = of_server(tx.reads(), server.id()).await? {
        return match words::status(&row.status)? {
            Status::Pending | Status::Installing | Status::Active | Status::Paused => {
                Ok(SchedulerId(row.id))
            }
            Status::Failed => Err(Error::conflict(
                "The installation of this scheduler has failed. Retry it.",
            )),
            Status::Removing => Err(Error::conflict(
                "This scheduler is being removed; wait until that has ended.",
            )),
        };
    }
    servers::refuse_without_a_way_in(&servers::find(&tx, server.id()).await?)?;
    let row = insert(&mut tx, server.id(), Status::Pending).await?;
    push(&mut tx, who, server, Asked::Installation, &row).await?;
    tx.commit().await?;
    Ok(SchedulerId(row.id))
}

/// Installs a scheduler that is there once more, which mends what is missing and starts cron where it has died.
///
/// # Errors
/// `Conflict` while other work on it is under way; `NotFound` where there is none.
pub async fn request_repair(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
) -> Result<OperationId, Error> {
    let mut tx = db.begin().await?;
    let row = of_server(tx.reads(), server.id())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))?;
    let status = words::status(&row.status)?;
    if !status.may_become(Status::Installing) || status == Status::Pending {
        return Err(Error::conflict(format!(
            "This scheduler is {}; wait until that has ended.",
            status.as_str()
        )));
    }
    let kind = ResourceKind::Scheduler;
    managed::write(&mut tx, kind, row.id, status, Status::Installing, None).await?;
    let operation = push(&mut tx, who, server, Asked::Repair(status), &row).await?;
    tx.commit().await?;
    Ok(operation)
}

/// Says what is and what to do before `next`, such as "add the task", unless the scheduler of a server is active.
pub(crate) async fn refuse_unless_active(
    conn: &impl ConnectionTrait,
    server: &server::Model,
    next: &str,
) -> Result<(), Error> {
    let row = of_server(conn, ServerId(server.id)).await?;
    let status = row.map(|row| words::status(&row.status)).transpose()?;
    let what = match status {
        Some(Status::Active) => return Ok(()),
        None => "is not installed. Install it on the scheduler page",
        Some(Status::Pending | Status::Installing) => {
            "is being installed. Wait until that has ended"
        }
        Some(Status::Failed | Status::Paused) => {
            "could not be installed. Retry that on the scheduler page"
        }
        Some(Status::Removing) => {
            "is being removed. When that has ended, install it again on the scheduler page"
        }
    };
    Err(Error::conflict(format!(
        "The scheduler of {} {what}, then {next}.",
        server.name
    )))
}

/// Tasks of any status need it, also to be removed.
pub(crate) async fn refuse_with_tasks(
    conn: &impl ConnectionTrait,
    server: ServerId,
) -> Result<(), Error> {
    let tasks = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::ServerId.eq(server.0))
        .count(conn)
        .await?;
    match tasks {
        0 => Ok(()),
        1 => Err(Error::conflict(
            "1 task is on this server. Remove it first, then the scheduler.",
        )),
        _ => Err(Error::conflict(format!(
            "{tasks} tasks are on this server. Remove them first, then the scheduler."
        ))),
    }
}

pub(crate) async fn is_active(
    conn: &impl ConnectionTrait,
    server: ServerId,
) -> Result<bool, Error> {
    let row = of_server(conn, server).await?;
    Ok(row.is_some_and(|row| row.status == Status::Active.as_str()))
}

/// What the page shows of it.
pub(super) async fn shown(
    conn: &impl ConnectionTrait,
    server: ServerId,
) -> Result<Option<InstallationResource>, Error> {
    let Some(row) = of_server(conn, server).await? else {
        return Ok(None);
    };
    let operation: Option<Option<i64>> = operation::Entity::find()
        .select_only()
        .column_as(operation::Column::Id.max(), "latest")
        .filter(operation::Column::ResourceKind.eq(ResourceKind::Scheduler.as_str()))
        .filter(operation::Column::ResourceId.eq(row.id))
        .into_tuple()
        .one(conn)
        .await?;
    Ok(Some(InstallationResource {
        id: SchedulerId(row.id),
        status: words::status(&row.status)?,
        error_log: row.error_log,
        operation_id: operation.flatten().map(OperationId),
        updated_at: Timestamp(row.updated_at),
    }))
}

/// Provisioning that has worked has set up all that this is. Work of its own that waits in the queue goes on from where the
/// record stands, so such a record is left alone.
pub(crate) async fn came_with_provisioning(tx: &mut Tx, server: ServerId) -> Result<(), Error> {
    let Some(row) = of_server(tx.reads(), server).await? else {
        return insert(tx, server, Status::Active).await.map(drop);
    };
    match words::status(&row.status)? {
        Status::Failed => {
            let kind = ResourceKind::Scheduler;
            // No status leads from `failed` to `active` directly.
            managed::write(tx, kind, row.id, Status::Failed, Status::Installing, None).await?;
            managed::write(tx, kind, row.id, Status::Installing, Status::Active, None).await
        }
        Status::Pending
        | Status::Installing
        | Status::Active
        | Status::Paused
        | Status::Removing => Ok(()),
    }
}

pub(crate) async fn managed(tx: &Tx, server: &server::Model, id: i64) -> Result<Managed, Error> {
    // A child is found under its server only: knowing its id is not enough.
    let row = scheduler::Entity::find_by_id(id)
        .filter(scheduler::Column::ServerId.eq(server.id))
        .one(tx.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))?;
    Ok(Managed {
        status: words::status(&row.status)?,
        label: label(server),
    })
}

pub(crate) async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    if let Some(row) = scheduler::Entity::find_by_id(id).one(tx.reads()).await? {
        tx.delete(row).await?;
    }
    Ok(())
}

/// What is asked of a scheduler, but for its removal, which every managed resource shares.
#[derive(Clone, Copy)]
enum Asked {
    Installation,
    /// Of one that stood like this before.
    Repair(Status),
}

async fn push(
    tx: &mut Tx,
    who: &SignedIn,
    server: &OwnedServer,
    asked: Asked,
    row: &scheduler::Model,
) -> Result<OperationId, Error> {
    let kind = ResourceKind::Scheduler;
    let (verb, operation, prior_status) = match asked {
        Asked::Installation => (kind.verb(), OperationKind::Install(kind), None),
        Asked::Repair(prior) => ("Repair", OperationKind::Change(kind), Some(prior)),
    };
    let new = NewOperation {
        server: server.id(),
        kind: operation,
        resource_id: Some(row.id),
        title: format!("{verb} {} {}", kind.label(), label(&server.0)),
        prior_status,
        payload: None,
    };
    queue::push(tx, &who.into(), new).await
}

async fn insert(tx: &mut Tx, server: ServerId, status: Status) -> Result<scheduler::Model, Error> {
    let at = tx.at().0;
    let row = scheduler::ActiveModel {
        id: NotSet,
        server_id: Set(server.0),
        status: Set(status.as_str().to_owned()),
        error_log: Set(None),
        created_at: Set(at),
        updated_at: Set(at),
    };
    tx.insert(row).await
}

async fn of_server(
    conn: &impl ConnectionTrait,
    server: ServerId,
) -> Result<Option<scheduler::Model>, Error> {
    Ok(scheduler::Entity::find()
        .filter(scheduler::Column::ServerId.eq(server.0))
        .one(conn)
        .await?)
}

/// As a title goes on: `Install scheduler of web-1`.
fn label(server: &server::Model) -> String {
    format!("of {}", server.name)
}
