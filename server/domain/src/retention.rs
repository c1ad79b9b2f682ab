//! What is kept for how long. Without an end, a panel that runs for years would hold every line that a server ever printed.
//! Operations themselves, their steps and the record of who did what stay.

use std::time::Duration;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use wire::operations::OperationState;

use crate::db::{Db, Record, now};
use crate::entities::{invitation, operation, operation_output, server, session};
use crate::{Error, invitations, scheduler, sessions};

/// How often what is too old is taken away.
pub const EVERY: Duration = Duration::from_hours(24);
/// A session that is over is of no use to anybody; a while, for whoever looks into what happened.
pub const DEAD_SESSIONS_MS: i64 = 7 * DAY_MS;
/// What steps printed.
pub const OUTPUT_MS: i64 = 90 * DAY_MS;
/// Runs of scheduled tasks. Of a task that runs every minute its number is reached first.
pub const RUNS_MS: i64 = 90 * DAY_MS;
/// Of each server's last operations the output stays, whatever its age.
pub const OUTPUT_OF_LAST: u64 = 20;
/// A transaction takes away so many rows at most: whoever wants to write waits for it.
pub const ROWS_AT_ONCE: u64 = 200;

const DAY_MS: i64 = 24 * 3_600_000;

/// Takes away what is too old; returns how many rows that were.
///
/// # Errors
/// When the database does not answer. What was taken away until then stays away.
pub async fn prune(db: &Db) -> Result<u64, Error> {
    let at = now().0;
    let dead = session::Entity::find().filter(sessions::dead_since(at - DEAD_SESSIONS_MS));
    let mut pruned = take_away(db, dead).await?;
    let forgotten = invitation::Entity::find().filter(invitations::is_forgotten(at));
    pruned += take_away(db, forgotten).await?;
    let servers: Vec<i64> = server::Entity::find()
        .select_only()
        .column(server::Column::Id)
        .into_tuple()
        .all(db.reads())
        .await?;
    for id in servers {
        if let Some(old) = old_output(db, id, at - OUTPUT_MS).await? {
            pruned += take_away(db, old).await?;
        }
    }
    pruned += take_away(db, scheduler::too_old(at - RUNS_MS)).await?;
    for old in scheduler::too_many(db).await? {
        pruned += take_away(db, old).await?;
    }
    pruned += scheduler::forget_old_output(db, ROWS_AT_ONCE).await?;
    Ok(pruned)
}

/// Whether an operation is so old that its output may have been taken away.
pub(crate) fn may_be_pruned(row: &operation::Model, state: OperationState) -> bool {
    state.is_over() && row.created_at < now().0 - OUTPUT_MS
}

/// The output of a server's operations from before this time but its last ones.
async fn old_output(
    db: &Db,
    server: i64,
    before: i64,
) -> Result<Option<Select<operation_output::Entity>>, Error> {
    let oldest_kept: Option<i64> = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(operation::Column::ServerId.eq(server))
        .order_by_desc(operation::Column::Id)
        .offset(OUTPUT_OF_LAST - 1)
        .limit(1)
        .into_tuple()
        .one(db.reads())
        .await?;
    let over = OperationState::ALL.into_iter().filter(|it| it.is_over());
    Ok(oldest_kept.map(|oldest_kept| {
        let old = operation::Entity::find()
            .select_only()
            .column(operation::Column::Id)
            .filter(operation::Column::ServerId.eq(server))
            .filter(operation::Column::Id.lt(oldest_kept))
            .filter(operation::Column::State.is_in(over.map(OperationState::as_str)))
            .filter(operation::Column::CreatedAt.lt(before))
            .into_query();
        operation_output::Entity::find()
            .filter(operation_output::Column::OperationId.in_subquery(old))
    }))
}

/// Deletes rows, some at a time.
async fn take_away<E, A>(db: &Db, old: Select<E>) -> Result<u64, Error>
where
    E: EntityTrait,
    E::Model: Record + ModelTrait<Entity = E> + IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send + 'static,
{
    let mut taken = 0;
    // The right to write is asked for only where there is something to take away.
    while old.clone().one(db.reads()).await?.is_some() {
        let mut tx = db.begin().await?;
        let rows = old.clone().limit(ROWS_AT_ONCE).all(tx.reads()).await?;
        for row in rows {
            tx.delete(row).await?;
            taken += 1;
        }
        tx.commit().await?;
    }
    Ok(taken)
}
