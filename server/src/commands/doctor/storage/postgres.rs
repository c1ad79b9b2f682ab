//! A `PostgreSQL` database: whether it answers, and whether panels can hear each other through it.

use std::time::Duration;

use domain::db::postgres_options;
use sea_orm::{Database, DatabaseConnection};
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use super::{Finding, look_inside, text};
use crate::config::ServeOptions;
use crate::database::PostgresUrl;

const ECHO: &str = "brokeforge_doctor";
const PATIENCE: Duration = Duration::from_secs(5);

/// Findings, and the time of the newest entry, in milliseconds since 1970.
pub async fn look(options: &ServeOptions, url: &PostgresUrl) -> (Vec<Finding>, Option<i64>) {
    let conn = match Database::connect(postgres_options(url.expose(), 2)).await {
        Ok(conn) => conn,
        Err(error) => {
            let found = format!("{url} does not open: {error}");
            let advice = "start it, or look at DATABASE_URL: name, user, password, and whether it may be reached from here";
            return (vec![Finding::wrong("database", found, advice)], None);
        }
    };
    let version = text(&conn, "SHOW server_version").await.ok().flatten();
    let version = version.unwrap_or_else(|| "of unknown version".to_owned());
    let mut findings = vec![
        Finding::fine("database", format!("{url} answers, PostgreSQL {version}")),
        hearing(&conn).await,
    ];
    let newest = look_inside(options, &conn, &mut findings).await;
    let _ = conn.close().await;
    (findings, newest)
}

/// A pooler that lends a connection for one transaction takes the listener away, and says nothing.
async fn hearing(conn: &DatabaseConnection) -> Finding {
    match timeout(PATIENCE, echo(conn)).await {
        Ok(Ok(())) => Finding::fine("notices", "panels on this database can hear each other"),
        Ok(Err(error)) => Finding::wrong(
            "notices",
            format!("LISTEN and NOTIFY do not work: {error}"),
            "connect to the database itself, not to a pooler in front of it",
        ),
        Err(_) => Finding::wrong(
            "notices",
            "a notice sent with NOTIFY does not come back",
            "connect to the database itself: a pooler in transaction mode loses listeners",
        ),
    }
}

async fn echo(conn: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let pool = conn.get_postgres_connection_pool();
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(ECHO).await?;
    let word = format!("{:016x}", rand::random::<u64>());
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(ECHO)
        .bind(&word)
        .execute(pool)
        .await?;
    while listener.recv().await?.payload() != word {}
    Ok(())
}
