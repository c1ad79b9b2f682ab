//! The queue of remote work. The table of operations is ledger and queue at once; what an
//! operation's end means for its record is decided here, in the transaction that ends it.

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use secrecy::SecretString;
use wire::diagnosis::Diagnosis;
use wire::operations::{OperationKind, OperationState, StepStatus};
use wire::{OperationId, ServerId, Status};

use crate::audit::{self, Actor};
use crate::db::{Db, Tx, now};
use crate::entities::{operation, operation_output, operation_step, server};
use crate::{Error, Panel, managed, operation_secrets, words};

/// A claim lives this long without a heartbeat; the worker renews it every `HEARTBEAT`.
pub const LEASE_MS: i64 = 45_000;
pub const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(15);

/// What is asked of the queue.
pub(crate) struct NewOperation {
    pub server: ServerId,
    pub kind: OperationKind,
    pub resource_id: Option<i64>,
    pub title: String,
    pub prior_status: Option<Status>,
    pub payload: Option<String>,
}

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
    fence: i64,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// With a sentence that says what failed and what to do next.
    Failed(String),
}

/// Puts an operation into the queue, in the transaction that changed the record's status.
pub(crate) async fn push(
    tx: &mut Tx,
    actor: &Actor,
    new: NewOperation,
) -> Result<OperationId, Error> {
    let (verb, resource) = new.kind.as_words();
    let (created_at, requested_by) = (
        tx.at().0,
        match actor {
            Actor::User { id, .. } => id.0,
            Actor::Panel => 0,
        },
    );
    let row = operation::ActiveModel {
        id: NotSet,
        server_id: Set(new.server.0),
        verb: Set(verb.to_owned()),
        resource_kind: Set(resource.map(|kind| kind.as_str().to_owned())),
        resource_id: Set(new.resource_id),
        title: Set(new.title.clone()),
        requested_by: Set(requested_by),
        state: Set(OperationState::Queued.as_str().to_owned()),
        prior_status: Set(new.prior_status.map(|status| status.as_str().to_owned())),
        payload: Set(new.payload),
        error: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        fence: Set(0),
        created_at: Set(created_at),
        started_at: Set(None),
        ended_at: Set(None),
    };
    let row = tx.insert(row).await?;
    audit::record(tx, actor, new.server, managed::topic(new.kind), new.title).await?;
    Ok(OperationId(row.id))
}

/// Claims the oldest operation whose server has no other one running: one lane per server.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(panel: &Panel, worker: &str) -> Result<Option<Claim>, Error> {
    let db = &panel.db;
    // Looked at four times a second; an empty queue must not take the right to write each time.
    let waiting = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Queued.as_str()))
        .one(db.reads())
        .await?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    let busy: Vec<i64> = operation::Entity::find()
        .select_only()
        .column(operation::Column::ServerId)
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .into_tuple()
        .all(tx.reads())
        .await?;
    let next = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Queued.as_str()))
        .filter(operation::Column::ServerId.is_not_in(busy))
        .order_by_asc(operation::Column::Id)
        .one(tx.reads())
        .await?;
    let Some(next) = next else { return Ok(None) };
    let at = tx.at().0;
    let claimed = tx
        .update(&next, |row| {
            row.state = OperationState::Running.as_str().to_owned();
            row.lease_owner = Some(worker.to_owned());
            row.lease_until = Some(at + LEASE_MS);
            row.fence += 1;
            row.started_at = Some(at);
        })
        .await?;
    managed::began(&mut tx, &claimed).await?;
    let secret = operation_secrets::take(&mut tx, &panel.secrets, claimed.id).await?;
    let claim = Claim {
        operation: OperationId(claimed.id),
        server: ServerId(claimed.server_id),
        kind: words::operation_kind(&claimed.verb, claimed.resource_kind.as_deref())?,
        resource_id: claimed.resource_id,
        payload: claimed.payload,
        secret,
        fence: claimed.fence,
    };
    tx.commit().await?;
    Ok(Some(claim))
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

    /// Stores the steps that are going to run, in order: title and readable script.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn plan(&self, db: &Db, steps: Vec<(String, String)>) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        for (position, (title, script)) in (0..).zip(steps) {
            tx.insert(operation_step::ActiveModel {
                id: NotSet,
                operation_id: Set(self.operation.0),
                position: Set(position),
                title: Set(title),
                script: Set(script),
                status: Set(StepStatus::Waiting.as_str().to_owned()),
                summary: Set(None),
                exit: Set(None),
                diagnosis: Set(None),
                started_at: Set(None),
                ended_at: Set(None),
            })
            .await?;
        }
        tx.commit().await
    }

    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn start_step(&self, db: &Db, position: i32) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        let at = tx.at().0;
        tx.update(&step, |row| {
            row.status = StepStatus::Running.as_str().to_owned();
            row.started_at = Some(at);
        })
        .await?;
        tx.commit().await
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
        self.held(&tx).await?;
        let step = self.step(&tx, position).await?;
        let at = tx.at().0;
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

    /// Stores what a step printed.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn print(&self, db: &Db, position: i32, text: String) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        self.held(&tx).await?;
        tx.insert(operation_output::ActiveModel {
            id: NotSet,
            operation_id: Set(self.operation.0),
            step: Set(position),
            text: Set(text),
        })
        .await?;
        tx.commit().await
    }

    /// Stores what a step found out about its server.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn learn(
        &self,
        db: &Db,
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
        tx.commit().await
    }

    /// Ends the operation and settles its record, in one transaction.
    ///
    /// # Errors
    /// `LeaseLost`, or when the database does not answer.
    pub async fn finish(&self, db: &Db, outcome: Outcome) -> Result<(), Error> {
        let mut tx = db.begin().await?;
        let row = self.held(&tx).await?;
        end(&mut tx, &row, outcome).await?;
        tx.commit().await
    }

    /// The operation, if this claim still holds it.
    async fn held(&self, tx: &Tx) -> Result<operation::Model, Error> {
        operation::Entity::find_by_id(self.operation.0)
            .filter(operation::Column::Fence.eq(self.fence))
            .filter(operation::Column::State.eq(OperationState::Running.as_str()))
            .one(tx.reads())
            .await?
            .ok_or(Error::LeaseLost(self.operation))
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

/// Ends, with the reason, every running operation whose worker is gone: this worker's own from a
/// former life, and any whose lease has run out. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn fail_interrupted(db: &Db) -> Result<usize, Error> {
    let candidates = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .filter(operation::Column::LeaseUntil.lt(now().0))
        .all(db.reads())
        .await?;
    let mut ended = 0;
    for candidate in candidates {
        let mut tx = db.begin().await?;
        let row = operation::Entity::find_by_id(candidate.id)
            .filter(operation::Column::State.eq(OperationState::Running.as_str()))
            .filter(operation::Column::LeaseUntil.lt(tx.at().0))
            .one(tx.reads())
            .await?;
        let Some(row) = row else { continue };
        let reason = interrupted(words::operation_kind(
            &row.verb,
            row.resource_kind.as_deref(),
        )?);
        end(&mut tx, &row, Outcome::Failed(reason.to_owned())).await?;
        tx.commit().await?;
        ended += 1;
    }
    Ok(ended)
}

/// Gives up the leases of a worker that is known to be gone, so that the reconciler need not wait
/// for them to run out.
///
/// # Errors
/// When the database does not answer.
pub async fn expire_leases(db: &Db) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let running = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .all(tx.reads())
        .await?;
    for row in running {
        tx.update(&row, |row| row.lease_until = Some(0)).await?;
    }
    tx.commit().await
}

/// Why an operation ended whose worker is gone.
fn interrupted(kind: OperationKind) -> &'static str {
    match kind {
        // Its password went with the worker.
        OperationKind::Authorize => {
            "The panel stopped while this was running, and the password is not kept. Enter the password again."
        }
        OperationKind::Provision
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => {
            "The panel stopped while this was running, so how it ended on the server is \
             not known. Retry: every step looks first and does only what is missing."
        }
    }
}

/// Ends an operation and settles its record.
pub(crate) async fn end(
    tx: &mut Tx,
    row: &operation::Model,
    outcome: Outcome,
) -> Result<(), Error> {
    let at = tx.at().0;
    operation_secrets::forget(tx, row.id).await?;
    let steps = operation_step::Entity::find()
        .filter(operation_step::Column::OperationId.eq(row.id))
        .all(tx.reads())
        .await?;
    for step in steps {
        let status = match words::step_status(&step.status)? {
            StepStatus::Running => StepStatus::Failed,
            StepStatus::Waiting => StepStatus::Skipped,
            done @ (StepStatus::Succeeded | StepStatus::Failed | StepStatus::Skipped) => done,
        };
        tx.update(&step, |row| {
            if status == StepStatus::Failed && row.ended_at.is_none() {
                row.ended_at = Some(at);
            }
            row.status = status.as_str().to_owned();
        })
        .await?;
    }
    let (state, error) = match &outcome {
        Outcome::Succeeded => (OperationState::Succeeded, None),
        Outcome::Failed(reason) => (OperationState::Failed, Some(reason.clone())),
    };
    tx.update(row, |row| {
        row.state = state.as_str().to_owned();
        row.error = error;
        row.lease_owner = None;
        row.lease_until = None;
        row.ended_at = Some(at);
    })
    .await?;
    managed::settle(tx, row, &outcome).await
}
