//! The embedded database: a file, and one process on it.

use std::path::Path;
use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx::{Connection, SqliteConnection};

/// How the embedded database is opened.
pub fn sqlite_options(file: &Path, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        // A file is not gone between two questions, and asking whether it is would cost each a third of its time.
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .foreign_keys(true)
                // Of 100. A prepared one takes 8 KB, and there are five connections.
                .statement_cache_capacity(32)
                .busy_timeout(Duration::from_secs(30))
                .pragma("journal_mode", "WAL")
                // An acknowledged request survives a power cut.
                .pragma("synchronous", "FULL")
                // KiB, of 2 MiB that SQLite takes for each of five connections: the system has the file in memory
                // as well, and a hundred sessions are to take 15 MB in all.
                .pragma("cache_size", "-256")
                // What is deleted is overwritten: a sealed password must not live on in a free page.
                .pragma("secure_delete", "ON")
        })
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|conn, _| Box::pin(is_out_of_transaction(conn)))
        });
    options
}

/// Whether a connection may be used again. After some failures, a full disk among them, SQLite takes a transaction
/// back by itself; the driver's own rollback then fails, and it goes on counting the transaction as open. Each later one
/// would be a savepoint inside of it, and what that commits would be in no file.
async fn is_out_of_transaction(conn: &mut SqliteConnection) -> Result<bool, sea_orm::sqlx::Error> {
    if !conn.is_in_transaction() {
        return Ok(true);
    }
    // Waits for the rollback of a transaction that was dropped.
    conn.ping().await?;
    Ok(!conn.is_in_transaction())
}
