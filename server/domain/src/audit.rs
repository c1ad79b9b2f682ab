//! What happened, by whom; written in the same transaction as the act itself.

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use wire::event::{Alert, AlertPage, Event};
use wire::{ServerId, UserId};

use crate::Error;
use crate::access::SignedIn;
use crate::db::{Db, Tx};
use crate::entities::{audit_entry, server};

/// Who did it.
#[derive(Clone, Debug)]
pub enum Actor {
    User {
        id: UserId,
        name: String,
    },
    /// The panel by itself.
    Panel,
    /// Whoever may run commands on the panel's machine.
    CommandLine,
}

impl From<&SignedIn> for Actor {
    fn from(who: &SignedIn) -> Self {
        Self::User {
            id: who.user(),
            name: who.account.name.clone(),
        }
    }
}

/// The part of the product an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Account,
    Server,
    Firewall,
    Scheduler,
    Programs,
}

impl Topic {
    fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Server => "server",
            Self::Firewall => "firewall",
            Self::Scheduler => "scheduler",
            Self::Programs => "programs",
        }
    }
}

/// Writes an entry about a server or something on it.
pub(crate) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    server: ServerId,
    topic: Topic,
    sentence: impl Into<String>,
) -> Result<(), Error> {
    write(tx, actor, Some(server), topic, sentence.into())
        .await
        .map(drop)
}

/// Writes an entry about something that went wrong on a server while nobody was waiting for it, and tells its owner at once.
pub(crate) async fn alert(
    tx: &mut Tx,
    server_id: ServerId,
    topic: Topic,
    sentence: String,
) -> Result<(), Error> {
    let entry = write(tx, &Actor::Panel, Some(server_id), topic, sentence.clone()).await?;
    let server = server::Entity::find_by_id(server_id.0)
        .one(tx.reads())
        .await?;
    if let Some(server) = server {
        let user_id = UserId(server.owner_id);
        let alert = Alert {
            user_id,
            server_id,
            entry,
            page: page_of(topic.as_str()),
            sentence,
        };
        let timestamp = tx.at();
        tx.tell(user_id, Event::Alerted { alert, timestamp });
    }
    Ok(())
}

/// Where more is told of a topic, by its word in the database.
pub(crate) fn page_of(topic: &str) -> AlertPage {
    match topic {
        "firewall" => AlertPage::Firewall,
        "scheduler" => AlertPage::Scheduler,
        "programs" => AlertPage::Programs,
        _ => AlertPage::Overview,
    }
}

/// Writes an entry about an account.
pub(crate) async fn record_of_account(
    tx: &mut Tx,
    actor: &Actor,
    sentence: impl Into<String>,
) -> Result<(), Error> {
    write(tx, actor, None, Topic::Account, sentence.into())
        .await
        .map(drop)
}

async fn write(
    tx: &mut Tx,
    actor: &Actor,
    server: Option<ServerId>,
    topic: Topic,
    sentence: String,
) -> Result<i64, Error> {
    let (user_id, name) = match actor {
        Actor::User { id, name } => (Some(id.0), name.clone()),
        Actor::Panel => (None, "the panel".to_owned()),
        Actor::CommandLine => (None, "the command line".to_owned()),
    };
    let at = tx.at().0;
    let row = tx
        .insert(audit_entry::ActiveModel {
            id: NotSet,
            at: Set(at),
            user_id: Set(user_id),
            actor: Set(name),
            server_id: Set(server.map(|server| server.0)),
            topic: Set(topic.as_str().to_owned()),
            sentence: Set(sentence),
        })
        .await?;
    Ok(row.id)
}

/// The latest entries of one topic on one server, newest first.
pub(crate) async fn latest(
    db: &Db,
    server: ServerId,
    topic: Topic,
    most: u64,
) -> Result<Vec<audit_entry::Model>, Error> {
    Ok(audit_entry::Entity::find()
        .filter(audit_entry::Column::ServerId.eq(server.0))
        .filter(audit_entry::Column::Topic.eq(topic.as_str()))
        .order_by_desc(audit_entry::Column::Id)
        .limit(most)
        .all(db.reads())
        .await?)
}
