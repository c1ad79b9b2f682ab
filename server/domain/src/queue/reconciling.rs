//! Records that say that work is under way though none is: after a fault of the panel, a database that was put back,
//! or a hand in it.

use sea_orm::{ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use sea_orm::{Condition, QueryOrder};
use wire::operations::{OperationKind, OperationState};
use wire::{ResourceKind, ServerId, Status};

use crate::audit::{self, Actor};
use crate::db::{Db, Tx};
use crate::entities::{operation, server};
use crate::managed::{self, InTransition};
use crate::{Error, servers, words};

/// Settles every record that waits for an operation which is not there or has ended: a removal or a change is taken
/// back, all else has failed. Returns how many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn reconcile(db: &Db) -> Result<usize, Error> {
    let mut settled = 0;
    for kind in ResourceKind::ALL {
        for record in managed::in_transition(db.reads(), kind).await? {
            settled += usize::from(settle_record(db, kind, &record).await?);
        }
    }
    for id in servers_in_transition(db.reads()).await? {
        settled += usize::from(settle_server(db, id).await?);
    }
    Ok(settled)
}

const LOST: &str = "The panel lost track of the work on this, so the server may differ from what is on record. \
                    Retry: every step looks first and does only what is missing.";

async fn settle_record(db: &Db, kind: ResourceKind, seen: &InTransition) -> Result<bool, Error> {
    let of_record = Condition::all()
        .add(operation::Column::ResourceKind.eq(kind.as_str()))
        .add(operation::Column::ResourceId.eq(seen.id));
    if is_under_way(db.reads(), &of_record).await? {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    // Requested or settled in between.
    if is_under_way(tx.reads(), &of_record).await?
        || !managed::in_transition(tx.reads(), kind)
            .await?
            .contains(seen)
    {
        return Ok(false);
    }
    let last = latest(tx.reads(), of_record).await?;
    let prior = last.as_ref().and_then(|row| row.prior_status.as_deref());
    let to = prior
        .map(words::status)
        .transpose()?
        .filter(|prior| !prior.is_transitional() && seen.status.may_become(*prior))
        .unwrap_or(Status::Failed);
    let reason = reason(last.as_ref());
    managed::write(&mut tx, kind, seen.id, seen.status, to, Some(&reason)).await?;
    let sentence = format!("{} {}: {}", kind.label(), seen.id, to.as_str());
    let topic = managed::topic(OperationKind::Install(kind));
    audit::record(&mut tx, &Actor::Panel, seen.server, topic, sentence).await?;
    tx.commit().await?;
    tracing::warn!(?kind, id = seen.id, from = ?seen.status, ?to, "settled a record that no operation worked on");
    Ok(true)
}

async fn settle_server(db: &Db, id: i64) -> Result<bool, Error> {
    let of_server = Condition::all()
        .add(operation::Column::ServerId.eq(id))
        .add(operation::Column::Verb.eq(OperationKind::Provision.as_words().0));
    if is_under_way(db.reads(), &of_server).await? {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    if is_under_way(tx.reads(), &of_server).await?
        || !servers_in_transition(tx.reads()).await?.contains(&id)
    {
        return Ok(false);
    }
    let last = latest(tx.reads(), of_server).await?;
    servers::provisioning_did_not_end(&mut tx, id).await?;
    // The page reads the reason from the last provisioning.
    if last.is_none_or(|row| row.error.is_none()) {
        insert_failed(&mut tx, id).await?;
    }
    let sentence = "Provisioning: failed".to_owned();
    let topic = managed::topic(OperationKind::Provision);
    audit::record(&mut tx, &Actor::Panel, ServerId(id), topic, sentence).await?;
    tx.commit().await?;
    tracing::warn!(
        server = id,
        "settled a server that no operation provisioned"
    );
    Ok(true)
}

fn reason(last: Option<&operation::Model>) -> String {
    match last.and_then(|row| row.error.as_deref()) {
        Some(error) => format!("{error} {LOST}"),
        None => LOST.to_owned(),
    }
}

async fn is_under_way(conn: &impl ConnectionTrait, of: &Condition) -> Result<bool, Error> {
    let states = [OperationState::Queued, OperationState::Running];
    let found = operation::Entity::find()
        .filter(of.clone())
        .filter(operation::Column::State.is_in(states.map(OperationState::as_str)))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

async fn latest(
    conn: &impl ConnectionTrait,
    of: Condition,
) -> Result<Option<operation::Model>, Error> {
    Ok(operation::Entity::find()
        .filter(of)
        .order_by_desc(operation::Column::Id)
        .one(conn)
        .await?)
}

async fn servers_in_transition(conn: &impl ConnectionTrait) -> Result<Vec<i64>, Error> {
    let words = Status::ALL
        .into_iter()
        .filter(|status| status.is_transitional());
    let rows = server::Entity::find()
        .filter(server::Column::ProvisionStatus.is_in(words.map(Status::as_str)))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// An operation that tells what became of a provisioning which left none.
async fn insert_failed(tx: &mut Tx, id: i64) -> Result<(), Error> {
    let at = tx.at().0;
    let server = servers::find(tx, ServerId(id)).await?;
    tx.insert(operation::ActiveModel {
        id: NotSet,
        server_id: Set(id),
        verb: Set(OperationKind::Provision.as_words().0.to_owned()),
        resource_kind: Set(None),
        resource_id: Set(None),
        title: Set(format!("Provision {}", server.name)),
        requested_by: Set(0),
        state: Set(OperationState::Failed.as_str().to_owned()),
        prior_status: Set(None),
        payload: Set(None),
        error: Set(Some(LOST.to_owned())),
        lease_owner: Set(None),
        lease_until: Set(None),
        fence: Set(0),
        attempts: Set(0),
        cancel_requested_by: Set(None),
        note: Set(None),
        created_at: Set(at),
        started_at: Set(None),
        ended_at: Set(Some(at)),
    })
    .await?;
    Ok(())
}
