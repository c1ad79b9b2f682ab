//! Taking operations out of the queue, and taking over those whose worker is gone.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::operations::OperationState;
use wire::{OperationId, ServerId, Timestamp};

use super::Claim;
use super::ending::{Outcome, end, set_aside};
use crate::db::{Db, Tx, now};
use crate::entities::{operation, operation_step};
use crate::{Error, Panel, managed, operation_secrets, words};

/// A claim lives this long without a heartbeat; the worker renews it every `HEARTBEAT`.
pub const LEASE_MS: i64 = 45_000;
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// An operation whose workers die this often without getting anything done is what kills them.
const MOST_ATTEMPTS: i32 = 3;
/// What may run of it on the server is stopped before it is set aside, unless workers die of that, too.
const MOST_ATTEMPTS_TO_STOP: i32 = 2 * MOST_ATTEMPTS;

/// Claims an operation: one whose worker is gone, or else the oldest whose server has no other one
/// running: one lane per server.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(panel: &Panel, worker: &str) -> Result<Option<Claim>, Error> {
    let db = &panel.db;
    // Looked at four times a second; an empty queue must not take the right to write each time.
    if !anything_to_claim(db).await? {
        return Ok(None);
    }
    // One that can be neither begun nor ended must not hold up the others.
    let mut beyond = HashSet::new();
    loop {
        let mut tx = db.begin().await?;
        let Some(row) = next(&tx, &beyond).await? else {
            return Ok(None);
        };
        let id = row.id;
        match take(&mut tx, panel, row, worker).await {
            Ok(claim) => {
                tx.commit().await?;
                if claim.is_some() {
                    return Ok(claim);
                }
            }
            Err(Error::Database(error)) => return Err(Error::Database(error)),
            Err(error) => {
                drop(tx);
                tracing::error!(operation = id, %error, "an operation could not be begun");
                beyond.insert(id);
                let mut tx = db.begin().await?;
                if let Some(row) = operation::Entity::find_by_id(id).one(tx.reads()).await? {
                    let rest = "Nothing was sent to the server.";
                    set_aside(&mut tx, &row, &error, rest).await?;
                }
                tx.commit().await?;
            }
        }
    }
}

/// Gives up the leases of workers that are known to be gone, so that nobody need wait for them to
/// run out.
///
/// # Errors
/// When the database does not answer.
pub async fn expire_leases(db: &Db) -> Result<(), Error> {
    expire(db, Condition::all()).await
}

/// Gives up the leases of one worker, which stops: the next one need not wait for them to run out.
///
/// # Errors
/// When the database does not answer.
pub async fn let_go(db: &Db, worker: &str) -> Result<(), Error> {
    let of_worker = Condition::all().add(operation::Column::LeaseOwner.eq(worker));
    expire(db, of_worker).await
}

async fn expire(db: &Db, which: Condition) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let running = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .filter(which)
        .all(tx.reads())
        .await?;
    for row in running {
        tx.update(&row, |row| row.lease_until = Some(0)).await?;
    }
    tx.commit().await
}

async fn anything_to_claim(db: &Db) -> Result<bool, Error> {
    let found = operation::Entity::find()
        .filter(
            Condition::any()
                .add(operation::Column::State.eq(OperationState::Queued.as_str()))
                .add(is_left_behind(now().0)),
        )
        .one(db.reads())
        .await?;
    Ok(found.is_some())
}

fn is_left_behind(at: i64) -> Condition {
    Condition::all()
        .add(operation::Column::State.eq(OperationState::Running.as_str()))
        .add(
            Condition::any()
                .add(operation::Column::LeaseUntil.is_null())
                .add(operation::Column::LeaseUntil.lt(at)),
        )
}

async fn next(tx: &Tx, beyond: &HashSet<i64>) -> Result<Option<operation::Model>, Error> {
    let left_behind = operation::Entity::find()
        .filter(is_left_behind(tx.at().0))
        .filter(operation::Column::Id.is_not_in(beyond.iter().copied()))
        .order_by_asc(operation::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(tx.reads())
        .await?;
    if left_behind.is_some() {
        return Ok(left_behind);
    }
    let busy: Vec<i64> = operation::Entity::find()
        .select_only()
        .column(operation::Column::ServerId)
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .into_tuple()
        .all(tx.reads())
        .await?;
    Ok(operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Queued.as_str()))
        .filter(operation::Column::ServerId.is_not_in(busy))
        .filter(operation::Column::Id.is_not_in(beyond.iter().copied()))
        .order_by_asc(operation::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(tx.reads())
        .await?)
}

/// Takes an operation, or ends one that cannot be gone on with.
async fn take(
    tx: &mut Tx,
    panel: &Panel,
    row: operation::Model,
    worker: &str,
) -> Result<Option<Claim>, Error> {
    let is_new = row.state == OperationState::Queued.as_str();
    let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
    if !is_new && let Some(reason) = managed::cannot_go_on(kind) {
        end(tx, &row, Outcome::Failed(reason.to_owned())).await?;
        return Ok(None);
    }
    if is_new && let Some(reason) = managed::in_the_way(tx.reads(), &row).await? {
        end(tx, &row, Outcome::Failed(reason)).await?;
        return Ok(None);
    }
    let give_up = (!is_new && row.attempts >= MOST_ATTEMPTS).then(set_aside_reason);
    if let Some(reason) = &give_up {
        let outcome = if row.attempts >= MOST_ATTEMPTS_TO_STOP {
            Some(Outcome::Unknown(reason.clone()))
        } else if has_touched(tx, row.id).await? {
            None
        } else {
            Some(Outcome::Failed(reason.clone()))
        };
        if let Some(outcome) = outcome {
            end(tx, &row, outcome).await?;
            return Ok(None);
        }
    }
    let at = tx.at().0;
    let fence = next_fence(tx, row.server_id).await?;
    let claimed = tx
        .update(&row, |row| {
            row.state = OperationState::Running.as_str().to_owned();
            row.lease_owner = Some(worker.to_owned());
            row.lease_until = Some(at + LEASE_MS);
            row.fence = fence;
            row.attempts += 1;
            row.started_at = row.started_at.or(Some(at));
        })
        .await?;
    if is_new {
        managed::began(tx, &claimed).await?;
    }
    let secret = operation_secrets::take(tx, &panel.secrets, claimed.id).await?;
    Ok(Some(Claim {
        operation: OperationId(claimed.id),
        server: ServerId(claimed.server_id),
        kind,
        resource_id: claimed.resource_id,
        payload: claimed.payload,
        secret,
        give_up,
        fence,
        started_at: Timestamp(claimed.started_at.unwrap_or(at)),
    }))
}

/// Whether anything of it may have run on the server.
async fn has_touched(tx: &Tx, operation: i64) -> Result<bool, Error> {
    let begun = operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(operation))
        .filter(operation_step::Column::Run.is_not_null())
        .one(tx.reads())
        .await?;
    Ok(begun.is_some())
}

fn set_aside_reason() -> String {
    format!(
        "The panel stopped {MOST_ATTEMPTS} times while this was running and got nothing done in between, so it is set aside. \
         The panel's log may tell why. Retry: every step looks first and does only what is missing."
    )
}

/// Grows from claim to claim on a server, which refuses a lower one. Not a plain count: after an old
/// backup of the database was put back, the server would refuse the panel for ever.
async fn next_fence(tx: &Tx, server: i64) -> Result<i64, Error> {
    let highest: Option<Option<i64>> = operation::Entity::find()
        .select_only()
        .column_as(operation::Column::Fence.max(), "highest")
        .filter(operation::Column::ServerId.eq(server))
        .into_tuple()
        .one(tx.reads())
        .await?;
    Ok((highest.flatten().unwrap_or_default() + 1).max(tx.at().0))
}
