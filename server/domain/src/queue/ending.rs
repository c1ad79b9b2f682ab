//! How an operation ends, and what that means for its record: in one transaction.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::event::{self, Event};
use wire::operations::{OperationState, StepStatus};
use wire::{OperationId, ServerId, UserId};

use crate::db::Tx;
use crate::entities::{operation, operation_step, server};
use crate::{Error, managed, operation_secrets, words};

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// With a sentence that says what failed and what to do next.
    Failed(String),
    /// Given up without knowing what became of it on the server; with a sentence like that.
    Unknown(String),
    /// With the name of who wanted it.
    Cancelled(String),
}

/// How an operation ended, and the step that failed with it: both are stored at once, or a crash in between would have
/// the step run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub outcome: Outcome,
    pub failed_step: Option<FailedStep>,
}

/// The step that an operation ended with; `exit` is for people, as in `exit code 100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStep {
    pub position: i32,
    pub summary: Option<String>,
    pub exit: Option<String>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            failed_step: None,
        }
    }
}

impl Outcome {
    /// What stands beside the operation, and beside its record.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Failed(reason) | Self::Unknown(reason) => Some(reason.clone()),
            Self::Cancelled(by) => Some(format!("Cancelled by {by}.")),
        }
    }
}

/// Ends an operation, its steps and the way of its record.
pub(crate) async fn end(
    tx: &mut Tx,
    row: &operation::Model,
    outcome: Outcome,
) -> Result<(), Error> {
    end_alone(tx, row, &outcome).await?;
    managed::settle(tx, row, &outcome).await
}

/// Ends an operation whose record does not fit it, and leaves the record to the reconciler.
pub(super) async fn set_aside(
    tx: &mut Tx,
    row: &operation::Model,
    error: &Error,
    rest: &str,
) -> Result<(), Error> {
    let reason = format!("The panel's records of this do not fit together: {error}. {rest}");
    end_alone(tx, row, &Outcome::Failed(reason)).await
}

async fn end_alone(tx: &mut Tx, row: &operation::Model, outcome: &Outcome) -> Result<(), Error> {
    let at = tx.at().0;
    operation_secrets::forget(tx, row.id).await?;
    let steps = operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(row.id))
        .all(tx.reads())
        .await?;
    for step in steps {
        // A word that nobody knows is no reason to go on for ever.
        let status = match words::step_status(&step.status).unwrap_or(StepStatus::Failed) {
            StepStatus::Running => StepStatus::Failed,
            StepStatus::Waiting => StepStatus::Skipped,
            done @ (StepStatus::Succeeded | StepStatus::Failed | StepStatus::Skipped) => done,
        };
        tx.update(&step, |row| {
            if status == StepStatus::Failed && row.ended_at.is_none() {
                row.ended_at = Some(at);
                if let Outcome::Cancelled(_) = outcome {
                    row.exit = Some("cancelled".to_owned());
                }
            }
            row.status = status.as_str().to_owned();
        })
        .await?;
    }
    let state = match outcome {
        Outcome::Succeeded => OperationState::Succeeded,
        Outcome::Failed(_) | Outcome::Unknown(_) => OperationState::Failed,
        Outcome::Cancelled(_) => OperationState::Cancelled,
    };
    tx.update(row, |row| {
        row.state = state.as_str().to_owned();
        row.error = outcome.reason();
        row.note = None;
        row.lease_owner = None;
        row.lease_until = None;
        row.ended_at = Some(at);
    })
    .await?;
    tell_owner(tx, row, state).await
}

/// A few words at once for the tabs that do not show the operation.
async fn tell_owner(
    tx: &mut Tx,
    row: &operation::Model,
    state: OperationState,
) -> Result<(), Error> {
    let Some(server) = server::Entity::find_by_id(row.server_id)
        .one(tx.reads())
        .await?
    else {
        return Ok(());
    };
    let owner = UserId(server.owner_id);
    let ending = event::Ending {
        user_id: owner,
        server_id: ServerId(row.server_id),
        operation_id: OperationId(row.id),
        title: row.title.clone(),
        state,
    };
    let timestamp = tx.at();
    tx.tell(owner, Event::OperationEnded { ending, timestamp });
    Ok(())
}
