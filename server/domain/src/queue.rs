//! The queue of remote work. The table of operations is ledger and queue at once; what an
//! operation's end means for its record is decided here, in the transaction that ends it.
//!
//! - `push`: into the queue
//! - `claiming`: out of it, by workers that may die at any moment
//! - `claim`: what the holder of an operation may write
//! - `deadline`: how long an operation may take in all
//! - `cancelling`: asking for an operation's end
//! - `ending`: how an operation ends
//! - `putting_back`: what a backup of the database holds of it
//! - `reconciling`: records that wait for an operation which is not there

mod cancelling;
mod claim;
mod claiming;
mod deadline;
mod ending;
mod putting_back;
mod reconciling;

use sea_orm::{ActiveValue::NotSet, Set};
use wire::operations::{OperationKind, OperationState};
use wire::{OperationId, ServerId, Status};

pub use self::cancelling::cancel;
pub use self::claim::{Claim, DoneEarlier, EarlierStep, PlannedStep, StepState};
pub use self::claiming::{HEARTBEAT, LEASE_MS, claim, expire_leases, let_go};
pub use self::deadline::limit;
pub(crate) use self::ending::end;
pub use self::ending::{Ending, FailedStep, Outcome};
pub use self::putting_back::end_what_was_under_way;
pub use self::reconciling::reconcile;
use crate::audit::{self, Actor};
use crate::db::Tx;
use crate::entities::operation;
use crate::{Error, managed};

/// What is asked of the queue.
pub(crate) struct NewOperation {
    pub server: ServerId,
    pub kind: OperationKind,
    pub resource_id: Option<i64>,
    pub title: String,
    pub prior_status: Option<Status>,
    pub payload: Option<String>,
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
            Actor::Panel | Actor::CommandLine => 0,
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
        attempts: Set(0),
        cancel_requested_by: Set(None),
        note: Set(None),
        created_at: Set(created_at),
        started_at: Set(None),
        ended_at: Set(None),
    };
    let row = tx.insert(row).await?;
    audit::record(tx, actor, new.server, managed::topic(new.kind), new.title).await?;
    Ok(OperationId(row.id))
}
