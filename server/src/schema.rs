//! Which version of the tables a database holds, beside the one that this binary wants.

use anyhow::{Result, bail};
use migrations::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::database::Database;

/// How a database stands to this binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// No migration has run in it.
    Empty,
    /// So many migrations are missing; the next start brings them.
    Older(usize),
    Current,
    /// The first migration that this binary does not know.
    Newer(String),
}

/// Looks, and changes nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn read(conn: &DatabaseConnection) -> Result<Schema, DbErr> {
    let applied = applied(conn).await?;
    if applied.is_empty() {
        return Ok(Schema::Empty);
    }
    let known = known();
    if let Some(foreign) = applied.iter().find(|name| !known.contains(name)) {
        return Ok(Schema::Newer(foreign.clone()));
    }
    Ok(match known.len() - applied.len() {
        0 => Schema::Current,
        missing => Schema::Older(missing),
    })
}

/// Keeps this binary off a database that a newer one has changed: it would not know what it reads.
///
/// # Errors
/// A sentence that says what to do instead.
pub async fn refuse_newer(conn: &DatabaseConnection, database: &Database) -> Result<()> {
    match read(conn).await? {
        Schema::Empty | Schema::Older(_) | Schema::Current => Ok(()),
        Schema::Newer(foreign) => bail!("{}", too_new(database, &foreign)),
    }
}

/// The sentence about a database from a newer version.
pub fn too_new(database: &Database, foreign: &str) -> String {
    format!(
        "{database} was written by a newer version of BrokeForge: it holds {foreign}, and this version knows \
         only up to {}. Nothing was changed. Start the newer version again, or restore the backup \
         that was made before the upgrade",
        latest()
    )
}

/// The last migration that this binary knows.
pub fn latest() -> String {
    known().pop().unwrap_or_default()
}

fn known() -> Vec<String> {
    Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect()
}

/// The migrator's own list refuses names that it does not know; here they are the point.
async fn applied(conn: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(conn)
        .has_table("seaql_migrations")
        .await?
    {
        return Ok(Vec::new());
    }
    words(
        conn,
        "SELECT version FROM seaql_migrations ORDER BY version",
    )
    .await
}

async fn words(conn: &DatabaseConnection, query: &str) -> Result<Vec<String>, DbErr> {
    conn.query_all_raw(Statement::from_string(conn.get_database_backend(), query))
        .await?
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect()
}
