//! A database that several panels share: one of them writes at a time, and each hears what the others committed.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, Statement,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use wire::event::{Alert, Ending, Event};
use wire::{OperationId, ServerId, Timestamp, UserId};

use super::Db;
use crate::entities::{audit_entry, operation};
use crate::{Error, audit, words};

/// Where panels tell each other.
const CHANNEL: &str = "brokeforge_events";
/// Locks are numbers, and other programs in the same database have their own: this is `brokefor` in bytes.
const RIGHT_TO_WRITE: i64 = i64::from_be_bytes(*b"brokefor");
/// A NOTIFY takes up to 8,000 bytes; a change is written in less than 100.
const MOST_IN_A_NOTICE: usize = 60;
/// A link that died without a word would be silent for ever.
const SILENCE: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a shared database is opened.
pub fn postgres_options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(Duration::from_secs(10))
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|options| {
            options.application_name("brokeforge").options([
                ("lock_timeout", "30s"),
                // A panel that lost its power would hold the right to write until TCP gives it up, after two hours.
                ("idle_in_transaction_session_timeout", "30s"),
            ])
        });
    options
}

/// Waits until no other transaction of any panel writes, and tells the database's time: the clocks of the panels differ,
/// and leases are compared with them.
pub(super) async fn take_the_right_to_write(tx: &DatabaseTransaction) -> Result<Timestamp, Error> {
    let lock = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_advisory_xact_lock($1), (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        [RIGHT_TO_WRITE.into()],
    );
    let row = tx
        .query_one_raw(lock)
        .await?
        .ok_or_else(|| DbErr::RecordNotFound("the database's time".to_owned()))?;
    Ok(Timestamp(row.try_get_by_index(1)?))
}

/// This panel among those on the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sharing {
    panel: u64,
}

impl Sharing {
    pub fn new() -> Self {
        Self {
            panel: rand::random(),
        }
    }

    /// Part of the transaction, so that the commit itself sends it, and nothing if there is none.
    pub async fn tell_other_panels(
        self,
        tx: &DatabaseTransaction,
        pending: &[(UserId, Event)],
    ) -> Result<(), Error> {
        for some in pending.chunks(MOST_IN_A_NOTICE) {
            let notice = Notice {
                panel: self.panel,
                changes: some
                    .iter()
                    .map(|(whom, event)| (*whom, Change::of(event)))
                    .collect(),
            };
            let text = serde_json::to_string(&notice)
                .map_err(|error| Error::Internal(format!("notice: {error}")))?;
            let notify = Statement::from_sql_and_values(
                DbBackend::Postgres,
                "SELECT pg_notify($1, $2)",
                [CHANNEL.into(), text.into()],
            );
            tx.query_one_raw(notify).await?;
        }
        Ok(())
    }
}

/// What one panel tells the others: ids and times, never data.
#[derive(Serialize, Deserialize)]
struct Notice {
    panel: u64,
    changes: Vec<(UserId, Change)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Change {
    Account(UserId, Timestamp),
    Server(ServerId, Timestamp),
    Output(ServerId, OperationId, Timestamp),
    Ended(OperationId, Timestamp),
    /// The line among what happened.
    Alerted(i64, Timestamp),
}

impl Change {
    fn of(event: &Event) -> Self {
        match event {
            Event::AccountUpdated { user_id, timestamp } => Self::Account(*user_id, *timestamp),
            Event::ServerUpdated {
                server_id,
                timestamp,
            } => Self::Server(*server_id, *timestamp),
            Event::OperationOutput {
                server_id,
                operation_id,
                timestamp,
            } => Self::Output(*server_id, *operation_id, *timestamp),
            Event::OperationEnded { ending, timestamp } => {
                Self::Ended(ending.operation_id, *timestamp)
            }
            Event::Alerted { alert, timestamp } => Self::Alerted(alert.entry, *timestamp),
        }
    }

    /// The event that it was made of; what carries more than ids is read again.
    async fn event(self, conn: &DatabaseConnection, whom: UserId) -> Result<Option<Event>, Error> {
        Ok(Some(match self {
            Self::Account(user_id, timestamp) => Event::AccountUpdated { user_id, timestamp },
            Self::Server(server_id, timestamp) => Event::ServerUpdated {
                server_id,
                timestamp,
            },
            Self::Output(server_id, operation_id, timestamp) => Event::OperationOutput {
                server_id,
                operation_id,
                timestamp,
            },
            Self::Ended(operation_id, timestamp) => {
                let row = operation::Entity::find_by_id(operation_id.0)
                    .one(conn)
                    .await?;
                let Some(row) = row else {
                    return Ok(None);
                };
                let ending = Ending {
                    user_id: whom,
                    server_id: ServerId(row.server_id),
                    operation_id,
                    state: words::operation_state(&row.state)?,
                    title: row.title,
                };
                Event::OperationEnded { ending, timestamp }
            }
            Self::Alerted(entry, timestamp) => {
                let row = audit_entry::Entity::find_by_id(entry).one(conn).await?;
                let Some((row, server_id)) =
                    row.and_then(|row| Some((row.clone(), row.server_id?)))
                else {
                    return Ok(None);
                };
                let alert = Alert {
                    user_id: whom,
                    server_id: ServerId(server_id),
                    entry,
                    page: audit::page_of(&row.topic),
                    sentence: row.sentence,
                };
                Event::Alerted { alert, timestamp }
            }
        }))
    }
}

/// Hands on what the other panels on a shared database commit, for as long as the process lives. After a lost connection
/// everybody is told to look again.
pub async fn hear_other_panels(db: Db) {
    let Some(sharing) = db.sharing else {
        return;
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let mut heard = false;
        if let Err(error) = hear(&db, sharing, &mut heard).await {
            tracing::warn!(%error, "the other panels on the database cannot be heard; trying again");
        }
        pause = if heard {
            FIRST_PAUSE
        } else {
            LONGEST_PAUSE.min(pause * 2)
        };
        tokio::time::sleep(pause).await;
    }
}

/// Ends when the connection is lost.
async fn hear(db: &Db, sharing: Sharing, heard: &mut bool) -> Result<(), Error> {
    let pool = db.reads.get_postgres_connection_pool();
    let mut listener = PgListener::connect_with(pool).await.map_err(lost)?;
    listener.listen(CHANNEL).await.map_err(lost)?;
    *heard = true;
    // What was committed while nobody listened here is unknown.
    db.bus.resync();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notice))) => hand_on(db, sharing, notice.payload()).await,
            Ok(Ok(None)) => return Err(Error::Internal("the connection was closed".to_owned())),
            Ok(Err(error)) => return Err(lost(error)),
            Err(_) => {
                let ask = sqlx::query("SELECT 1").execute(&mut listener);
                tokio::time::timeout(ANSWER, ask)
                    .await
                    .map_err(|_| Error::Internal("the database does not answer".to_owned()))?
                    .map_err(lost)?;
            }
        }
    }
}

async fn hand_on(db: &Db, sharing: Sharing, payload: &str) {
    let Ok(notice) = serde_json::from_str::<Notice>(payload) else {
        // Of a newer panel, perhaps: what it means is in the database.
        db.bus.resync();
        return;
    };
    if notice.panel == sharing.panel {
        return;
    }
    for (whom, change) in notice.changes {
        match change.event(&db.reads, whom).await {
            Ok(Some(event)) => db.bus.publish(whom, Arc::new(event)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "what another panel told could not be read");
                db.bus.resync();
            }
        }
    }
}

fn lost(error: sqlx::Error) -> Error {
    Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use wire::event::AlertPage;
    use wire::operations::OperationState;

    use super::*;

    #[test]
    fn a_notice_holds_ids_and_times_only_and_fits_where_it_must() {
        let ending = Ending {
            user_id: UserId(i64::MAX),
            server_id: ServerId(i64::MAX),
            operation_id: OperationId(i64::MAX),
            title: "Add rule \"Canary\"".to_owned(),
            state: OperationState::Failed,
        };
        let alert = Alert {
            user_id: UserId(i64::MAX),
            server_id: ServerId(i64::MAX),
            entry: i64::MAX,
            page: AlertPage::Scheduler,
            sentence: "Scheduled task \"Canary\" failed".to_owned(),
        };
        let events = [
            Event::AccountUpdated {
                user_id: UserId(i64::MAX),
                timestamp: Timestamp(i64::MAX),
            },
            Event::ServerUpdated {
                server_id: ServerId(i64::MAX),
                timestamp: Timestamp(i64::MAX),
            },
            Event::OperationOutput {
                server_id: ServerId(i64::MAX),
                operation_id: OperationId(i64::MAX),
                timestamp: Timestamp(i64::MAX),
            },
            Event::OperationEnded {
                ending,
                timestamp: Timestamp(i64::MAX),
            },
            Event::Alerted {
                alert,
                timestamp: Timestamp(i64::MAX),
            },
        ];
        for event in events {
            let notice = Notice {
                panel: u64::MAX,
                changes: vec![(UserId(i64::MAX), Change::of(&event)); MOST_IN_A_NOTICE],
            };
            let text = serde_json::to_string(&notice).expect("writes");
            assert!(text.len() < 8_000, "{} bytes: {text}", text.len());
            assert!(!text.contains("Canary"), "{text}");
            let read: Notice = serde_json::from_str(&text).expect("reads");
            assert_eq!(read.changes, notice.changes);
        }
    }
}
