//! The life of every managed resource, written once: request, begin, settle, retry, removal. What
//! differs from kind to kind is in the matches over `ResourceKind`.

mod moving;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use wire::operations::OperationKind;
use wire::{ApiError, OperationId, ResourceKind, ServerId, Status};

use self::moving::{Step, move_status};
use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Actor, Topic};
use crate::db::Tx;
use crate::entities::{self, firewall_rule, operation, program, scheduled_task};
use crate::queue::{self, NewOperation, Outcome};
use crate::scheduler::{self, installation};
use crate::{Db, Error, Panel, firewall, programs, servers, words};

/// What the lifecycle needs to know of a record, whatever it is.
pub(crate) struct Managed {
    pub status: Status,
    /// `Web (8081/tcp)`
    pub label: String,
}

/// A record that waits for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InTransition {
    pub server: ServerId,
    pub id: i64,
    pub status: Status,
}

/// Tries failed work again, at most 10 times a minute for a user.
///
/// # Errors
/// `Conflict` unless the resource is failed; ten clicks make one operation.
pub async fn retry(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    kind: ResourceKind,
    id: i64,
) -> Result<OperationId, Error> {
    panel.limits.retry(who.user())?;
    let mut tx = panel.db.begin().await?;
    let managed = load(&tx, server, kind, id).await?;
    if managed.status != Status::Failed {
        return Err(Error::conflict("Only what has failed can be retried."));
    }
    refuse_installation(&tx, server, kind).await?;
    write(&mut tx, kind, id, Status::Failed, Status::Pending, None).await?;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Install(kind),
            resource_id: Some(id),
            title: format!("{} {} {}", kind.verb(), kind.label(), managed.label),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(operation)
}

/// Begins a removal; the status from before is kept and comes back if it fails.
///
/// # Errors
/// `Conflict` while other work on the resource is under way, or while something else needs it.
pub async fn request_removal(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    kind: ResourceKind,
    id: i64,
) -> Result<OperationId, Error> {
    let mut tx = db.begin().await?;
    let managed = load(&tx, server, kind, id).await?;
    if !managed.status.may_become(Status::Removing) {
        return Err(Error::conflict(format!(
            "This {} is {}; wait until that has ended.",
            kind.label(),
            managed.status.as_str()
        )));
    }
    refuse_removal(&tx, server, kind).await?;
    write(&mut tx, kind, id, managed.status, Status::Removing, None).await?;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Remove(kind),
            resource_id: Some(id),
            title: format!("Remove {} {}", kind.label(), managed.label),
            prior_status: Some(managed.status),
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(operation)
}

/// What must be on a server before a resource of this kind is put there.
async fn refuse_installation(
    tx: &Tx,
    server: &OwnedServer,
    kind: ResourceKind,
) -> Result<(), Error> {
    match kind {
        ResourceKind::ScheduledTask => {
            installation::refuse_unless_active(tx.reads(), &server.0, "retry").await
        }
        ResourceKind::FirewallRule | ResourceKind::Program | ResourceKind::Scheduler => Ok(()),
    }
}

/// What must be gone from a server before a resource of this kind is taken away.
async fn refuse_removal(tx: &Tx, server: &OwnedServer, kind: ResourceKind) -> Result<(), Error> {
    match kind {
        ResourceKind::Scheduler => installation::refuse_with_tasks(tx.reads(), server.id()).await,
        ResourceKind::FirewallRule | ResourceKind::ScheduledTask | ResourceKind::Program => Ok(()),
    }
}

/// Why a queued operation must not begin any more, if so, in a sentence.
pub(crate) async fn in_the_way(
    conn: &impl ConnectionTrait,
    row: &operation::Model,
) -> Result<Option<String>, Error> {
    match words::operation_kind(&row.verb, row.resource_kind.as_deref())? {
        OperationKind::Authorize
        | OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask => Ok(None),
        OperationKind::Install(kind)
        | OperationKind::Change(kind)
        | OperationKind::Remove(kind) => match kind {
            ResourceKind::FirewallRule => firewall::in_the_way(conn, row).await,
            // Two of them may say the same: each has its own files. Of a scheduler there is but one, and no task comes while
            // that is being removed.
            ResourceKind::ScheduledTask | ResourceKind::Program | ResourceKind::Scheduler => {
                Ok(None)
            }
        },
    }
}

/// What an operation's beginning means for its record.
pub(crate) async fn began(tx: &mut Tx, row: &operation::Model) -> Result<(), Error> {
    let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
    match (kind, row.resource_id) {
        (OperationKind::Provision, _) => {
            servers::set_provision_status(tx, row.server_id, Status::Installing).await
        }
        (OperationKind::Install(kind), Some(id)) => {
            write(tx, kind, id, Status::Pending, Status::Installing, None).await
        }
        // That the panel gets in is recorded when it does, and neither a reboot nor a run changes anything that is on
        // record; the request of the others has set `installing` or `removing` already.
        (OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask, _)
        | (OperationKind::Change(_) | OperationKind::Remove(_), Some(_)) => Ok(()),
        (OperationKind::Install(_) | OperationKind::Change(_) | OperationKind::Remove(_), None) => {
            Err(no_record(row))
        }
    }
}

/// What an operation's end means for its record.
pub(crate) async fn settle(
    tx: &mut Tx,
    row: &operation::Model,
    outcome: &Outcome,
) -> Result<(), Error> {
    let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
    if let Outcome::Failed(_) | Outcome::Unknown(_) = outcome {
        let sentence = format!("{}: failed", row.title);
        audit::record(
            tx,
            &Actor::Panel,
            ServerId(row.server_id),
            topic(kind),
            sentence,
        )
        .await?;
    }
    let prior = match outcome {
        // What worked before may be gone: only looking, as a retry does, tells.
        Outcome::Unknown(_) => None,
        Outcome::Succeeded | Outcome::Failed(_) | Outcome::Cancelled(_) => {
            row.prior_status.as_deref().map(words::status).transpose()?
        }
    };
    let has_begun = row.started_at.is_some();
    match (kind, row.resource_id, outcome.reason()) {
        (OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask, _, _) => Ok(()),
        (OperationKind::Provision, _, None) => {
            servers::set_provision_status(tx, row.server_id, Status::Active).await?;
            installation::came_with_provisioning(tx, ServerId(row.server_id)).await
        }
        (OperationKind::Provision, _, Some(_)) => {
            servers::provisioning_did_not_end(tx, row.server_id).await
        }
        (OperationKind::Install(kind), Some(id), None) => {
            let to = when_done(tx, kind, id).await?;
            write(tx, kind, id, Status::Installing, to, None).await
        }
        (OperationKind::Install(kind), Some(id), Some(reason)) => {
            let from = if has_begun {
                Status::Installing
            } else {
                Status::Pending
            };
            write(tx, kind, id, from, Status::Failed, Some(&reason)).await
        }
        (OperationKind::Change(kind), Some(id), None) => {
            let payload = row.payload.as_deref().unwrap_or_default();
            match kind {
                ResourceKind::FirewallRule => firewall::apply_change(tx, id, payload).await?,
                ResourceKind::ScheduledTask => scheduler::apply_change(tx, id, payload).await?,
                ResourceKind::Program => programs::apply_change(tx, id, payload).await?,
                // A repair, and the record says what it said.
                ResourceKind::Scheduler => {}
            }
            let to = when_done(tx, kind, id).await?;
            write(tx, kind, id, Status::Installing, to, None).await
        }
        (OperationKind::Change(kind), Some(id), Some(reason)) => {
            let back = prior.unwrap_or(Status::Failed);
            let error = error_beside(back, outcome, &reason);
            write(tx, kind, id, Status::Installing, back, error).await
        }
        (OperationKind::Remove(kind), Some(id), None) => match kind {
            ResourceKind::FirewallRule => firewall::delete(tx, id).await,
            ResourceKind::ScheduledTask => scheduler::delete(tx, id).await,
            ResourceKind::Program => programs::delete(tx, id).await,
            ResourceKind::Scheduler => installation::delete(tx, id).await,
        },
        (OperationKind::Remove(kind), Some(id), Some(reason)) => {
            let back = prior.unwrap_or(Status::Failed);
            let error = error_beside(back, outcome, &reason);
            write(tx, kind, id, Status::Removing, back, error).await
        }
        (
            OperationKind::Install(_) | OperationKind::Change(_) | OperationKind::Remove(_),
            None,
            _,
        ) => Err(no_record(row)),
    }
}

/// Where a record stands once its server matches it.
async fn when_done(tx: &Tx, kind: ResourceKind, id: i64) -> Result<Status, Error> {
    match kind {
        ResourceKind::FirewallRule | ResourceKind::Scheduler => Ok(Status::Active),
        ResourceKind::ScheduledTask => scheduler::when_done(tx, id).await,
        ResourceKind::Program => programs::when_done(tx, id).await,
    }
}

/// Keeps what the steps of an operation found out about its record.
pub(crate) async fn learn(
    tx: &mut Tx,
    kind: OperationKind,
    id: Option<i64>,
    facts: &[(String, String)],
) -> Result<(), Error> {
    match (kind, id) {
        (OperationKind::Install(kind) | OperationKind::Change(kind), Some(id)) => match kind {
            ResourceKind::FirewallRule | ResourceKind::Scheduler => Ok(()),
            ResourceKind::ScheduledTask => scheduler::learn(tx, id, facts).await,
            ResourceKind::Program => programs::learn(tx, id, facts).await,
        },
        (
            OperationKind::Authorize
            | OperationKind::Provision
            | OperationKind::Reboot
            | OperationKind::RunTask
            | OperationKind::Install(_)
            | OperationKind::Change(_)
            | OperationKind::Remove(_),
            _,
        ) => Ok(()),
    }
}

/// What somebody cancelled is no error of a record that works as before.
fn error_beside<'a>(back: Status, outcome: &Outcome, reason: &'a str) -> Option<&'a str> {
    match outcome {
        Outcome::Cancelled(_) if back != Status::Failed => None,
        Outcome::Succeeded | Outcome::Failed(_) | Outcome::Unknown(_) | Outcome::Cancelled(_) => {
            Some(reason)
        }
    }
}

/// Why an operation of this kind cannot be gone on with by another worker, if so.
pub(crate) fn cannot_go_on(kind: OperationKind) -> Option<&'static str> {
    match kind {
        // Its password went with the worker.
        OperationKind::Authorize => Some(
            "The panel stopped while this was running, and the password is not kept. Enter the password again.",
        ),
        // Every step looks first, and its run on the server tells how it ended.
        OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => None,
    }
}

/// The part of the product an operation belongs to.
pub(crate) fn topic(kind: OperationKind) -> Topic {
    match kind {
        OperationKind::Authorize | OperationKind::Provision | OperationKind::Reboot => {
            Topic::Server
        }
        OperationKind::RunTask => Topic::Scheduler,
        OperationKind::Install(kind)
        | OperationKind::Change(kind)
        | OperationKind::Remove(kind) => match kind {
            ResourceKind::FirewallRule => Topic::Firewall,
            ResourceKind::ScheduledTask | ResourceKind::Scheduler => Topic::Scheduler,
            ResourceKind::Program => Topic::Programs,
        },
    }
}

/// Every record of a kind whose status says that work is under way.
pub(crate) async fn in_transition(
    conn: &impl ConnectionTrait,
    kind: ResourceKind,
) -> Result<Vec<InTransition>, Error> {
    match kind {
        ResourceKind::FirewallRule => {
            use firewall_rule::Column;
            waiting(conn, Column::ServerId, Column::Id, Column::Status).await
        }
        ResourceKind::ScheduledTask => {
            use scheduled_task::Column;
            waiting(conn, Column::ServerId, Column::Id, Column::Status).await
        }
        ResourceKind::Program => {
            use program::Column;
            waiting(conn, Column::ServerId, Column::Id, Column::Status).await
        }
        ResourceKind::Scheduler => {
            use entities::scheduler::Column;
            waiting(conn, Column::ServerId, Column::Id, Column::Status).await
        }
    }
}

/// The records of one table that wait for an operation.
async fn waiting<C>(
    conn: &impl ConnectionTrait,
    server: C,
    id: C,
    status: C,
) -> Result<Vec<InTransition>, Error>
where
    C: ColumnTrait,
    C::EntityName: EntityTrait<Column = C>,
{
    let words = Status::ALL
        .into_iter()
        .filter(|status| status.is_transitional());
    let rows: Vec<(i64, i64, String)> = C::EntityName::find()
        .select_only()
        .columns([server, id, status])
        .filter(status.is_in(words.map(Status::as_str)))
        .into_tuple()
        .all(conn)
        .await?;
    let records = rows.into_iter().map(|(server, id, word)| {
        Ok(InTransition {
            server: ServerId(server),
            id,
            status: words::status(&word)?,
        })
    });
    records.collect()
}

async fn load(
    tx: &Tx,
    server: &OwnedServer,
    kind: ResourceKind,
    id: i64,
) -> Result<Managed, Error> {
    match kind {
        ResourceKind::FirewallRule => firewall::managed(tx, server.id(), id).await,
        ResourceKind::ScheduledTask => scheduler::managed(tx, server.id(), id).await,
        ResourceKind::Program => programs::managed(tx, server.id(), id).await,
        ResourceKind::Scheduler => installation::managed(tx, &server.0, id).await,
    }
}

/// Writes a status, if the table of transitions allows it and the record is where the caller
/// believes it to be.
pub(crate) async fn write(
    tx: &mut Tx,
    kind: ResourceKind,
    id: i64,
    from: Status,
    to: Status,
    error: Option<&str>,
) -> Result<(), Error> {
    if !from.may_become(to) {
        return Err(Error::Internal(format!(
            "{kind:?} {id} may not go from {from:?} to {to:?}"
        )));
    }
    let step = Step { from, to, error };
    let moved = match kind {
        ResourceKind::FirewallRule => {
            move_status::<firewall_rule::Entity, _>(tx, id, step, |_, _| ()).await?
        }
        ResourceKind::ScheduledTask => {
            let remember = |row: &mut scheduled_task::Model, at| {
                scheduler::remember_since(row, to, at);
            };
            move_status::<scheduled_task::Entity, _>(tx, id, step, remember).await?
        }
        ResourceKind::Program => move_status::<program::Entity, _>(tx, id, step, |_, _| ()).await?,
        ResourceKind::Scheduler => {
            move_status::<entities::scheduler::Entity, _>(tx, id, step, |_, _| ()).await?
        }
    };
    if moved {
        Ok(())
    } else {
        Err(Error::Known(ApiError::Conflict {
            message: format!("This {} has changed meanwhile. Look again.", kind.label()),
        }))
    }
}

fn no_record(row: &operation::Model) -> Error {
    Error::Internal(format!("operation {} names no record", row.id))
}
