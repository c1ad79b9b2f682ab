//! What was under way in a database that is a backup of an earlier day.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::operations::OperationState;

use super::ending::{Outcome, end};
use crate::Error;
use crate::db::Db;
use crate::entities::operation;

const REASON: &str = "The panel's database was put back from a backup in which this was still under way, so it was not \
                      gone on with. Look at the server, then retry: every step looks first and does only what is missing.";

/// Ends everything that is queued or running. Returns how many that were.
///
/// # Errors
/// When the database does not answer.
pub async fn end_what_was_under_way(db: &Db) -> Result<usize, Error> {
    let mut tx = db.begin().await?;
    let open = [OperationState::Queued, OperationState::Running].map(OperationState::as_str);
    let rows = operation::Entity::find()
        .filter(operation::Column::State.is_in(open))
        .all(tx.reads())
        .await?;
    for row in &rows {
        end(&mut tx, row, Outcome::Failed(REASON.to_owned())).await?;
    }
    tx.commit().await?;
    Ok(rows.len())
}
