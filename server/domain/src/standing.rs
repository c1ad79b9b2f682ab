//! What everybody may still hear, asked for once for all who listen.

use std::collections::{HashMap, HashSet};

use sea_orm::{EntityTrait, QueryFilter, QuerySelect};
use wire::event::Channel;

use crate::access::SignedIn;
use crate::db::now;
use crate::entities::{server, session};
use crate::{Db, Error, sessions};

/// The sessions that live and whose the servers are, at one time. Two queries, however many sockets ask: with one of
/// its own for each, 10,000 of them asked 6,000 times a second.
#[derive(Debug)]
pub struct Standing {
    sessions: HashSet<i64>,
    owners: HashMap<i64, i64>,
}

impl Standing {
    /// # Errors
    /// When the database does not answer.
    pub async fn read(db: &Db) -> Result<Self, Error> {
        let sessions = session::Entity::find()
            .select_only()
            .column(session::Column::Id)
            .filter(sessions::dead_since(now().0).not())
            .into_tuple()
            .all(db.reads())
            .await?;
        let owners: Vec<(i64, i64)> = server::Entity::find()
            .select_only()
            .columns([server::Column::Id, server::Column::OwnerId])
            .into_tuple()
            .all(db.reads())
            .await?;
        Ok(Self {
            sessions: sessions.into_iter().collect(),
            owners: owners.into_iter().collect(),
        })
    }

    /// Whether a session or an owner's server that was there before is gone.
    pub fn lacks_something_of(&self, before: &Self) -> bool {
        let has_owner = |(server, owner)| self.owners.get(server) == Some(owner);
        !before.sessions.is_subset(&self.sessions) || !before.owners.iter().all(has_owner)
    }

    /// Whether a session that was alive before still is.
    pub fn still_lives(&self, who: &SignedIn) -> bool {
        self.sessions.contains(&who.session().0)
    }

    /// Whether a channel that somebody could hear before is still theirs.
    pub fn may_still_hear(&self, who: &SignedIn, channel: Channel) -> bool {
        match channel {
            Channel::Server(id) => self.owners.get(&id.0) == Some(&who.user().0),
            // Nobody can lose these but with the session.
            Channel::Account | Channel::Servers | Channel::User(_) => true,
        }
    }
}
