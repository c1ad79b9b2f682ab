//! What an operation needs once and nobody may keep: sealed while it waits, deleted by the transaction
//! that claims it. It goes as well when its session or its server goes, and after ten minutes.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use secrecy::SecretString;
use wire::operations::OperationState;
use wire::{OperationId, SessionId};

use crate::Error;
use crate::db::{Db, Tx, now};
use crate::entities::{operation, operation_secret};
use crate::queue::{self, Outcome};
use crate::secrets::{Place, Secrets};

/// How long it may wait.
pub const LIFE_MS: i64 = 10 * 60_000;

/// Why an operation cannot do its work without it.
pub const GONE: &str = "The password is no longer there: it is deleted after 10 minutes, and when you sign out. \
                        Enter the password again.";

/// Seals a secret for an operation that was queued in the same transaction.
pub(crate) async fn keep(
    tx: &mut Tx,
    secrets: &Secrets,
    operation: OperationId,
    session: SessionId,
    secret: &SecretString,
) -> Result<(), Error> {
    let expires_at = tx.at().0 + LIFE_MS;
    tx.insert(operation_secret::ActiveModel {
        operation_id: Set(operation.0),
        session_id: Set(session.0),
        sealed: Set(secrets.seal(place(operation.0), secret)?),
        expires_at: Set(expires_at),
    })
    .await?;
    Ok(())
}

/// Deletes an operation's secret and returns it, unless its time has passed.
pub(crate) async fn take(
    tx: &mut Tx,
    secrets: &Secrets,
    operation: i64,
) -> Result<Option<SecretString>, Error> {
    let Some(row) = find(tx, operation).await? else {
        return Ok(None);
    };
    let opened = (tx.at().0 < row.expires_at).then(|| secrets.open(place(operation), &row.sealed));
    tx.delete(row).await?;
    Ok(match opened {
        Some(Ok(secret)) => Some(secret),
        Some(Err(error)) => {
            tracing::error!(operation, %error, "a waiting secret does not open");
            None
        }
        None => None,
    })
}

/// Deletes an operation's secret, if it is still there.
pub(crate) async fn forget(tx: &mut Tx, operation: i64) -> Result<(), Error> {
    match find(tx, operation).await? {
        Some(row) => tx.delete(row).await,
        None => Ok(()),
    }
}

/// Ends every queued operation whose secret has waited too long. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn expire(db: &Db) -> Result<usize, Error> {
    let late = operation_secret::Entity::find()
        .filter(operation_secret::Column::ExpiresAt.lt(now().0))
        .all(db.reads())
        .await?;
    let mut ended = 0;
    for secret in late {
        match expire_one(db, secret.operation_id).await {
            Ok(()) => ended += 1,
            // One that does not fit its record must not keep the others' passwords.
            Err(error) => {
                tracing::error!(operation = secret.operation_id, %error, "a password waits too long");
            }
        }
    }
    Ok(ended)
}

async fn expire_one(db: &Db, id: i64) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    forget(&mut tx, id).await?;
    let row = operation::Entity::find_by_id(id).one(tx.reads()).await?;
    if let Some(row) = row.filter(|row| row.state == OperationState::Queued.as_str()) {
        queue::end(&mut tx, &row, Outcome::Failed(GONE.to_owned())).await?;
    }
    tx.commit().await
}

async fn find(tx: &Tx, operation: i64) -> Result<Option<operation_secret::Model>, Error> {
    Ok(operation_secret::Entity::find_by_id(operation)
        .one(tx.reads())
        .await?)
}

fn place(operation: i64) -> Place {
    Place {
        table: "operation_secrets",
        row: operation,
        column: "sealed",
    }
}
