//! Every write goes through here, so that every change is announced, and only after its commit.
//!
//! `SeaORM` runs its hooks before an outer transaction commits and runs none for bulk writes;
//! therefore a `Tx` notes what it changed and `commit` tells the bus. A rollback tells nobody.

mod postgres;
mod sqlite;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, Database, DatabaseConnection,
    DatabaseTransaction, EntityTrait, IntoActiveModel, Iterable, ModelTrait, QueryFilter,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use wire::accounts::Role;
use wire::event::Event;
use wire::{OperationId, ServerId, Timestamp, UserId};

use self::postgres::Sharing;
pub use self::postgres::{hear_other_panels, postgres_options};
pub use self::sqlite::sqlite_options;
use crate::Error;
use crate::bus::Bus;
use crate::entities::{operation, server, user};

/// Whom a changed row concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Announcement {
    /// Somebody's account: they and the administrators, who see all of them.
    Account(UserId),
    /// What only the account itself sees of it: its sessions, the invitations it made.
    OwnAccount(UserId),
    Server(ServerId),
    /// The server that this operation runs on.
    Operation(OperationId),
    /// New output of this operation.
    Output(OperationId),
    Silent,
}

/// A row that is written through `Tx`.
pub trait Record: ModelTrait + PartialEq + Send + Sync {
    /// Whether workers look at the queue when one changes.
    const IS_WORK: bool = false;

    /// Whom its changes concern.
    fn announcement(&self) -> Announcement;

    /// The row without the fields whose change is no news.
    #[must_use]
    fn without_silent_fields(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// The database: many readers, one writer.
#[derive(Clone)]
pub struct Db {
    reads: DatabaseConnection,
    writes: DatabaseConnection,
    bus: Bus,
    sharing: Option<Sharing>,
}

impl Db {
    /// Opens the embedded database, making the file if there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub async fn open_sqlite(file: &Path, bus: Bus) -> Result<Self, Error> {
        // One writing connection: SQLite allows one writer, and waiting for it in the pool's queue
        // is fair where its own busy handler is not.
        let writes = Database::connect(sqlite_options(file, 1)).await?;
        let reads = Database::connect(sqlite_options(file, 4)).await?;
        Ok(Self::over(reads, writes, bus))
    }

    /// Opens a `PostgreSQL` database that other panels may be on as well.
    ///
    /// # Errors
    /// When it does not answer, or refuses us.
    pub async fn open_postgres(url: &str, bus: Bus) -> Result<Self, Error> {
        // Writers wait for each other anyway; a few may wait inside the database instead of here.
        let writes = Database::connect(postgres_options(url, 4)).await?;
        let reads = Database::connect(postgres_options(url, 12)).await?;
        Ok(Self {
            sharing: Some(Sharing::new()),
            ..Self::over(reads, writes, bus)
        })
    }

    /// An embedded database over connections that are open already.
    pub fn over(reads: DatabaseConnection, writes: DatabaseConnection, bus: Bus) -> Self {
        Self {
            reads,
            writes,
            bus,
            sharing: None,
        }
    }

    /// Whether other panels may be on this database.
    pub fn is_shared(&self) -> bool {
        self.sharing.is_some()
    }

    /// For queries. A `Tx` has its own view; do not read here while one is open.
    pub fn reads(&self) -> &DatabaseConnection {
        &self.reads
    }

    /// For the migrations only.
    pub fn writes(&self) -> &DatabaseConnection {
        &self.writes
    }

    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Begins a transaction that holds the right to write: on a shared database, before all other panels.
    /// Never hold it across a remote call, and never open a second one inside: it would wait for itself.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = self.writes.begin_with_options(options).await?;
        let at = match self.sharing {
            Some(_) => postgres::take_the_right_to_write(&inner).await?,
            None => now(),
        };
        Ok(Tx {
            inner,
            bus: self.bus.clone(),
            sharing: self.sharing,
            at,
            pending: Vec::new(),
            seen: HashSet::new(),
            has_work: false,
        })
    }
}

/// The panel's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A transaction and the events that its commit will send.
pub struct Tx {
    inner: DatabaseTransaction,
    bus: Bus,
    sharing: Option<Sharing>,
    at: Timestamp,
    pending: Vec<(UserId, Event)>,
    seen: HashSet<Announcement>,
    /// Something in the queue changed.
    has_work: bool,
}

impl Tx {
    /// The transaction's own time, one for all that it writes.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// For queries inside the transaction.
    pub fn reads(&self) -> &DatabaseTransaction {
        &self.inner
    }

    /// Adds a row and returns it with its id.
    ///
    /// # Errors
    /// When the database refuses it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that writes"
    )]
    pub async fn insert<A>(&mut self, row: A) -> Result<<A::Entity as EntityTrait>::Model, Error>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        <A::Entity as EntityTrait>::Model: Record + IntoActiveModel<A>,
    {
        let model = row.insert(&self.inner).await?;
        self.has_work |= <A::Entity as EntityTrait>::Model::IS_WORK;
        Box::pin(self.announce(model.announcement())).await?;
        Ok(model)
    }

    /// Changes a row; writes only the columns that differ, and nothing at all if none does.
    ///
    /// # Errors
    /// When the database refuses it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that writes"
    )]
    pub async fn update<M, A>(
        &mut self,
        before: &M,
        change: impl FnOnce(&mut M),
    ) -> Result<M, Error>
    where
        M: Record + IntoActiveModel<A>,
        M::Entity: EntityTrait<Model = M>,
        A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send,
    {
        let mut after = before.clone();
        change(&mut after);
        if after == *before {
            return Ok(after);
        }
        let mut row: A = after.clone().into_active_model();
        for column in <M::Entity as EntityTrait>::Column::iter() {
            if before.get(column) != after.get(column) {
                row.reset(column);
            }
        }
        let after = row.update(&self.inner).await?;
        if before.clone().without_silent_fields() != after.clone().without_silent_fields() {
            self.has_work |= M::IS_WORK;
            Box::pin(self.announce(after.announcement())).await?;
        }
        Ok(after)
    }

    /// Takes a row away.
    ///
    /// # Errors
    /// When the database refuses it.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that writes"
    )]
    pub async fn delete<M, A>(&mut self, model: M) -> Result<(), Error>
    where
        M: Record + IntoActiveModel<A>,
        A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send + 'static,
    {
        // Before the row goes: afterwards nobody could tell whose server it was.
        Box::pin(self.announce(model.announcement())).await?;
        let row: A = model.into_active_model();
        row.delete(&self.inner).await?;
        Ok(())
    }

    /// Tells somebody something at the commit that no row of their own announces.
    pub(crate) fn tell(&mut self, whom: UserId, event: Event) {
        self.pending.push((whom, event));
    }

    /// Makes the changes last, then tells who listens. Runs to its end in a task of its own,
    /// because a handler's future is dropped when its client goes away, and a saved row whose
    /// event is lost leaves every open page stale.
    ///
    /// # Errors
    /// When the database does not commit; then nobody is told.
    pub async fn commit(self) -> Result<(), Error> {
        self.commit_and_tell_after(Duration::ZERO).await
    }

    /// Commits like `commit` and tells who listens only after a while. For what takes a session away
    /// from the very browser that asked, or gives it another one: the answer must be there before its
    /// pages are told to fetch again, or they would ask with the old cookie.
    ///
    /// # Errors
    /// When the database does not commit; then nobody is told.
    pub(crate) async fn commit_and_tell_after(self, delay: Duration) -> Result<(), Error> {
        let Self {
            inner,
            bus,
            sharing,
            pending,
            has_work,
            ..
        } = self;
        let commit = tokio::spawn(async move {
            if let Some(sharing) = sharing {
                sharing.tell_other_panels(&inner, &pending).await?;
            }
            inner.commit().await?;
            if has_work {
                bus.tell_of_work();
            }
            let tell = move || {
                for (owner, event) in pending {
                    bus.publish(owner, Arc::new(event));
                }
            };
            if delay.is_zero() {
                tell();
            } else {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    tell();
                });
            }
            Ok::<(), Error>(())
        });
        commit
            .await
            .map_err(|error| Error::Internal(format!("commit: {error}")))?
    }

    /// Notes whom to tell at the commit, each of them once. Call it in a box: it was half of every write's future, and
    /// whatever may write is as large as that.
    async fn announce(&mut self, announcement: Announcement) -> Result<(), Error> {
        if !self.seen.insert(announcement) {
            return Ok(());
        }
        match announcement {
            Announcement::Silent => {}
            Announcement::Account(id) => {
                let administrators = user::Entity::find()
                    .filter(user::Column::Role.eq(Role::Administrator.as_str()))
                    .all(&self.inner)
                    .await?;
                Box::pin(self.announce(Announcement::OwnAccount(id))).await?;
                for administrator in administrators {
                    let announcement = Announcement::OwnAccount(UserId(administrator.id));
                    Box::pin(self.announce(announcement)).await?;
                }
            }
            Announcement::OwnAccount(user_id) => {
                let event = Event::AccountUpdated {
                    user_id,
                    timestamp: self.at,
                };
                self.pending.push((user_id, event));
            }
            Announcement::Server(server_id) => {
                if let Some(server) = server::Entity::find_by_id(server_id.0)
                    .one(&self.inner)
                    .await?
                {
                    let event = Event::ServerUpdated {
                        server_id,
                        timestamp: self.at,
                    };
                    self.pending.push((UserId(server.owner_id), event));
                }
            }
            Announcement::Operation(id) => {
                if let Some(operation) =
                    operation::Entity::find_by_id(id.0).one(&self.inner).await?
                {
                    Box::pin(self.announce(Announcement::Server(ServerId(operation.server_id))))
                        .await?;
                }
            }
            Announcement::Output(operation_id) => {
                if let Some(operation) = operation::Entity::find_by_id(operation_id.0)
                    .one(&self.inner)
                    .await?
                {
                    let server_id = ServerId(operation.server_id);
                    let event = Event::OperationOutput {
                        server_id,
                        operation_id,
                        timestamp: self.at,
                    };
                    self.pending.push((UserId(operation.requested_by), event));
                }
            }
        }
        Ok(())
    }
}
