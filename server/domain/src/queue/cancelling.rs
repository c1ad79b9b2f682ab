//! Asking for an operation's end.

use sea_orm::EntityTrait;
use wire::ServerId;
use wire::operations::OperationState;

use super::ending::{Outcome, end};
use crate::access::{OwnedOperation, SignedIn};
use crate::audit;
use crate::db::Db;
use crate::entities::operation;
use crate::{Error, managed, words};

/// Cancels an operation: one that waits ends at once, one that runs when its worker has made sure
/// that nothing of it runs on the server any more. Asking again changes nothing.
///
/// # Errors
/// `Conflict` when it has ended already.
pub async fn cancel(db: &Db, who: &SignedIn, operation: &OwnedOperation) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let Some(row) = operation::Entity::find_by_id(operation.0.id)
        .one(tx.reads())
        .await?
    else {
        return Err(Error::Known(wire::ApiError::NotFound));
    };
    let by = who.account.name.clone();
    match words::operation_state(&row.state)? {
        OperationState::Queued => end(&mut tx, &row, Outcome::Cancelled(by)).await?,
        OperationState::Running if row.cancel_requested_by.is_some() => return Ok(()),
        OperationState::Running => {
            tx.update(&row, |row| row.cancel_requested_by = Some(by))
                .await?;
        }
        OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled => {
            return Err(Error::conflict("This has ended already."));
        }
    }
    let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
    audit::record(
        &mut tx,
        &who.into(),
        ServerId(row.server_id),
        managed::topic(kind),
        format!("{}: cancel", row.title),
    )
    .await?;
    tx.commit().await
}
