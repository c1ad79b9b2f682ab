//! What the holder of an operation may write.

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use secrecy::SecretString;
use wire::diagnosis::Diagnosis;
use wire::operations::{OperationKind, OperationState, StepStatus};
use wire::{OperationId, ServerId, Timestamp};

use super::LEASE_MS;
use super::ending::{Ending, FailedStep, end, set_aside};
use crate::db::{Db, Tx};
use crate::entities::{operation, operation_output, operation_step, server};
use crate::{Error, managed, words};

/// The right to work on an operation. Every write through it is refused once another worker has
/// claimed the operation.
#[derive(Clone, Debug)]
pub struct Claim {
    pub operation: OperationId,
    pub server: ServerId,
    pub kind: OperationKind,
    pub resource_id: Option<i64>,
    pub payload: Option<String>,
    /// What was given for this operation alone. The database does not have it any more: whoever lost this
    /// claim cannot be replaced.
    pub secret: Option<SecretString>,
    /// Why it is not gone on with: all that is left is to stop what may run of it on the server.
    pub give_up: Option<String>,
    pub(super) fence: i64,
    /// When the operation was claimed for the first time.
    pub(super) started_at: Timestamp,
}

/// A step that is going to run, or need not.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    pub title: String,
    /// To be read by people.
    pub script: String,
    /// The same work has the same one.
    pub fingerprint: String,
    pub done_earlier: Option<DoneEarlier>,
}

/// The operation that did a step before this one was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoneEarlier {
    pub operation: OperationId,
    pub summary: Option<String>,
}

/// Where a step stands, for whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    pub position: i32,
    pub status: StepStatus,
    /// The number it was begun with on the server.
    pub run: i64,
    pub started_at: Timestamp,
    /// How often its run has vanished there.
    pub vanished: i32,
    /// How far its output is read, as `print` was told.
    pub progress: Option<String>,
}

/// A step of an operation that did not reach its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierStep {
    pub title: String,
    pub status: StepStatus,
    pub fingerprint: Option<String>,
    pub summary: Option<String>,
    /// Where it was really done.
    pub done_in: OperationId,
}

impl Claim {
    /// Says that the worker lives.
    ///
    /// # Errors
    /// `LeaseLost` when another worker has the operation.
    pub async fn renew(&self, db: &Db) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        let until = tx.at().0 + LEASE_MS;
        tx.update(&row, |row| row.lease_until = Some(until)).await?;
        tx.commit().await
    }

    /// What the last operation of this kind on the same record did, if that did not reach its end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn earlier_steps(&self, db: &Db) -> Result<Vec<EarlierStep>, Error> {
        let (verb, resource) = self.kind.as_words();
        let mut before = operation::Entity::find()
            .filter(operation::Column::ServerId.eq(self.server.0))
            .filter(operation::Column::Id.lt(self.operation.0));
        before = match resource {
            Some(kind) => before
                .filter(operation::Column::ResourceKind.eq(kind.as_str()))
                .filter(operation::Column::ResourceId.eq(self.resource_id)),
            None => before.filter(operation::Column::Verb.eq(verb)),
        };
        let Some(last) = before
            .order_by_desc(operation::Column::Id)
            .one(db.reads())
            .await?
        else {
            return Ok(Vec::new());
        };
        let unfinished = match words::operation_state(&last.state)? {
            OperationState::Failed | OperationState::Cancelled => last.verb == verb,
            OperationState::Queued | OperationState::Running | OperationState::Succeeded => false,
        };
        if !unfinished {
            return Ok(Vec::new());
        }
        operation_step::Entity::find()
            .filter(operation_step::Column::OperationId.eq(last.id))
            .order_by_asc(operation_step::Column::Position)
            .all(db.reads())
            .await?
            .into_iter()
            .map(|step| {
                Ok(EarlierStep {
                    status: words::step_status(&step.status)?,
                    title: step.title,
                    fingerprint: step.fingerprint,
                    summary: step.summary,
                    done_in: OperationId(step.done_in.unwrap_or(last.id)),
                })
            })
            .collect()
    }

    /// Stores the steps that are going to run, in order. Of an operation that was taken over the
    /// same steps stay as they stand; from the first that is another, all are planned anew.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn plan(&self, db: &Db, steps: Vec<PlannedStep>) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        let mut before = self.rows(&tx).await?.into_iter().peekable();
        for (position, step) in (0..).zip(steps) {
            let is_same =
                |row: &operation_step::Model| row.fingerprint.as_ref() == Some(&step.fingerprint);
            if before.next_if(is_same).is_some() {
                continue;
            }
            for row in before.by_ref() {
                tx.delete(row).await?;
            }
            tx.insert(new_step(self.operation, position, step)).await?;
        }
        for row in before {
            tx.delete(row).await?;
        }
        tx.commit().await
    }

    /// Every step as it stands.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn steps(&self, db: &Db) -> Result<Vec<StepState>, Error> {
        step_rows(db.reads(), self.operation)
            .await?
            .iter()
            .map(state_of)
            .collect()
    }

    /// Marks a step as running. One that is so already stays as it stands; of an earlier try nothing is left.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn start_step(&self, db: &Db, position: i32) -> Result<StepState, Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        let (at, run) = (tx.at().0, self.fence);
        let is_running = step.status == StepStatus::Running.as_str();
        let step = tx
            .update(&step, |row| {
                if !is_running {
                    row.status = StepStatus::Running.as_str().to_owned();
                    row.started_at = Some(at);
                    row.ended_at = None;
                    row.summary = None;
                    row.exit = None;
                    row.diagnosis = None;
                    row.run = Some(run);
                    row.progress = None;
                }
            })
            .await?;
        tx.commit().await?;
        state_of(&step)
    }

    /// A step whose run has vanished on the server gets another one.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn begin_anew(&self, db: &Db, position: i32) -> Result<StepState, Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        let run = self.fence.max(step.run.unwrap_or_default() + 1);
        let step = tx
            .update(&step, |row| {
                row.run = Some(run);
                row.vanished += 1;
                row.progress = None;
            })
            .await?;
        tx.commit().await?;
        state_of(&step)
    }

    /// Says what the operation waits for, or that it waits no more.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn note(&self, db: &Db, note: Option<String>) -> Result<(), Error> {
        let stored = operation::Entity::find_by_id(self.operation.0)
            .one(db.reads())
            .await?;
        if stored.is_some_and(|row| row.note == note && row.fence == self.fence) {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        tx.update(&row, |row| row.note = note).await?;
        tx.commit().await
    }

    /// The name of who wants this cancelled, if somebody does.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn cancel_wanted(&self, db: &Db) -> Result<Option<String>, Error> {
        let row = self.held_by(db.reads()).await?;
        Ok(row.cancel_requested_by)
    }

    /// Gives the operation up for the next one to go on with; no failed attempt.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn release(&self, db: &Db) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        tx.update(&row, |row| {
            row.lease_until = Some(0);
            row.attempts = 0;
        })
        .await?;
        tx.commit().await
    }

    /// The end of what a step has printed so far, at least `bytes` of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_output(&self, db: &Db, position: i32, bytes: usize) -> Result<String, Error> {
        const CHUNKS: u64 = 100;
        let rows = operation_output::Entity::find()
            .filter(operation_output::Column::OperationId.eq(self.operation.0))
            .filter(operation_output::Column::Step.eq(position))
            .order_by_desc(operation_output::Column::Id)
            .limit(CHUNKS)
            .all(db.reads())
            .await?;
        let mut texts = Vec::new();
        let mut found = 0;
        for row in rows {
            found += row.text.len();
            texts.push(row.text);
            if found >= bytes {
                break;
            }
        }
        texts.reverse();
        Ok(texts.concat())
    }

    /// Ends a step; `exit` is for people, as in `exit code 100`.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn end_step(
        &self,
        db: &Db,
        position: i32,
        status: StepStatus,
        summary: Option<String>,
        exit: Option<String>,
    ) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        let at = tx.at().0;
        tx.update(&row, |row| {
            row.attempts = 0;
            row.note = None;
        })
        .await?;
        tx.update(&step, |row| {
            row.status = status.as_str().to_owned();
            row.ended_at = Some(at);
            row.summary = summary;
            row.exit = exit;
        })
        .await?;
        tx.commit().await
    }

    /// Stores why a step failed, before it ends.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn diagnose(
        &self,
        db: &Db,
        position: i32,
        diagnosis: &Diagnosis,
    ) -> Result<(), Error> {
        let diagnosis =
            serde_json::to_string(diagnosis).map_err(|error| Error::Internal(error.to_string()))?;
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        tx.update(&step, |row| row.diagnosis = Some(diagnosis))
            .await?;
        tx.commit().await
    }

    /// Stores what a step printed, and how far it is read with that, if somebody may have to read on.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn print(
        &self,
        db: &Db,
        position: i32,
        text: String,
        progress: Option<String>,
    ) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        tx.insert(operation_output::ActiveModel {
            id: NotSet,
            operation_id: Set(self.operation.0),
            step: Set(position),
            text: Set(text),
        })
        .await?;
        tx.update(&step, |row| row.progress = progress).await?;
        tx.update(&row, |row| row.attempts = 0).await?;
        tx.commit().await
    }

    /// Stores what a step found out about its server, and about its record.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn learn(
        &self,
        db: &Db,
        facts: &[(String, String)],
        learnt: impl FnOnce(&mut server::Model),
    ) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        if let Some(server) = server::Entity::find_by_id(self.server.0)
            .one(tx.reads())
            .await?
        {
            tx.update(&server, learnt).await?;
        }
        managed::learn(&mut tx, self.kind, self.resource_id, facts).await?;
        tx.commit().await
    }

    /// Ends the operation with its last step and settles its record, in one transaction. Where the record does not fit the operation any
    /// more, that ends alone and says so.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn finish(&self, db: &Db, ending: impl Into<Ending>) -> Result<(), Error> {
        let ending = ending.into();
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        self.end_failed(&mut tx, ending.failed_step.as_ref())
            .await?;
        match end(&mut tx, &row, ending.outcome).await {
            Ok(()) => tx.commit().await,
            Err(Error::Database(error)) => Err(Error::Database(error)),
            Err(error) => {
                drop(tx);
                tracing::error!(operation = row.id, %error, "an operation does not fit its record");
                let mut tx = db.begin().await?;
                let row = self.held(&tx).await?;
                self.end_failed(&mut tx, ending.failed_step.as_ref())
                    .await?;
                let rest = "How far the work got is in the steps.";
                set_aside(&mut tx, &row, &error, rest).await?;
                tx.commit().await
            }
        }
    }

    async fn end_failed(&self, tx: &mut Tx, failed: Option<&FailedStep>) -> Result<(), Error> {
        let Some(failed) = failed else {
            return Ok(());
        };
        let step = self.step(tx, failed.position).await?;
        let at = tx.at().0;
        tx.update(&step, |row| {
            row.status = StepStatus::Failed.as_str().to_owned();
            row.ended_at = Some(at);
            row.summary.clone_from(&failed.summary);
            row.exit.clone_from(&failed.exit);
        })
        .await?;
        Ok(())
    }

    /// Tells this claim's hold from all others, also on the server.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// The operation, if this claim still holds it.
    async fn held(&self, tx: &Tx) -> Result<operation::Model, Error> {
        self.held_by(tx.reads()).await
    }

    async fn held_by(&self, conn: &impl ConnectionTrait) -> Result<operation::Model, Error> {
        operation::Entity::find_by_id(self.operation.0)
            .filter(operation::Column::Fence.eq(self.fence))
            .filter(operation::Column::State.eq(OperationState::Running.as_str()))
            .one(conn)
            .await?
            .ok_or(Error::LeaseLost(self.operation))
    }

    async fn rows(&self, tx: &Tx) -> Result<Vec<operation_step::Model>, Error> {
        step_rows(tx.reads(), self.operation).await
    }

    async fn step(&self, tx: &Tx, position: i32) -> Result<operation_step::Model, Error> {
        operation_step::Entity::find()
            .filter(operation_step::Column::OperationId.eq(self.operation.0))
            .filter(operation_step::Column::Position.eq(position))
            .one(tx.reads())
            .await?
            .ok_or_else(|| Error::Internal(format!("{} has no step {position}", self.operation)))
    }
}

async fn step_rows(
    conn: &impl ConnectionTrait,
    operation: OperationId,
) -> Result<Vec<operation_step::Model>, Error> {
    Ok(operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(operation.0))
        .order_by_asc(operation_step::Column::Position)
        .all(conn)
        .await?)
}

fn state_of(row: &operation_step::Model) -> Result<StepState, Error> {
    Ok(StepState {
        position: row.position,
        status: words::step_status(&row.status)?,
        run: row.run.unwrap_or_default(),
        started_at: Timestamp(row.started_at.unwrap_or_default()),
        vanished: row.vanished,
        progress: row.progress.clone(),
    })
}

fn new_step(
    operation: OperationId,
    position: i32,
    step: PlannedStep,
) -> operation_step::ActiveModel {
    let (status, summary, done_in) = match step.done_earlier {
        Some(done) => (StepStatus::Succeeded, done.summary, Some(done.operation.0)),
        None => (StepStatus::Waiting, None, None),
    };
    operation_step::ActiveModel {
        id: NotSet,
        operation_id: Set(operation.0),
        position: Set(position),
        title: Set(step.title),
        script: Set(step.script),
        status: Set(status.as_str().to_owned()),
        summary: Set(summary),
        exit: Set(None),
        diagnosis: Set(None),
        fingerprint: Set(Some(step.fingerprint)),
        done_in: Set(done_in),
        run: Set(None),
        vanished: Set(0),
        progress: Set(None),
        started_at: Set(None),
        ended_at: Set(None),
    }
}
