//! The database of a test: a file in its panel's folder, or a database of its own in the `PostgreSQL` that
//! `BROKEFORGE_TEST_POSTGRES` names.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use server::database::Database;

/// Whether the suite runs on `PostgreSQL`.
pub fn is_postgres() -> bool {
    server_url().is_some()
}

/// The database of the panel in this folder.
pub fn of(data: &Path) -> Database {
    let url = url(data).map(|url| url.parse().unwrap());
    Database::of(data, url.as_ref())
}

/// What the panel in this folder is told by `DATABASE_URL`; the database is there from the first call on.
pub fn url(data: &Path) -> Option<String> {
    static MADE: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let server = server_url()?;
    // Folders have names of their own, and no two tests share one.
    let name = data.file_name().unwrap().to_str().unwrap();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = format!("t_{name}");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.get_or_insert_default().insert(name.clone()) {
        make(server.clone(), name.clone());
    }
    let (server, _) = server.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

/// A connection for looking into a panel's database from outside, and for changing it there.
pub async fn connect(data: &Path) -> DatabaseConnection {
    let url = url(data).unwrap_or_else(|| {
        let file = data.join("brokeforge.db");
        format!("sqlite://{}?mode=rw", file.display())
    });
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test writes past the panel, as a disaster would"
)]
pub async fn execute(conn: &DatabaseConnection, statement: &str) {
    conn.execute_unprepared(statement).await.unwrap();
}

/// The first column of a query, as text.
pub async fn column(conn: &DatabaseConnection, query: &str) -> Vec<String> {
    let rows = conn
        .query_all_raw(Statement::from_string(conn.get_database_backend(), query))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// Tables and their text columns.
pub async fn text_columns(conn: &DatabaseConnection) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for table in tables(conn).await {
        for name in columns(conn, &table, &["%char%", "%text%"]).await {
            all.push((table.clone(), name));
        }
    }
    all
}

/// Every row of every table, one a line.
pub async fn dump(conn: &DatabaseConnection) -> String {
    let mut lines = Vec::new();
    for table in tables(conn).await {
        let query = if is_file(conn) {
            let names = columns(conn, &table, &["%"]).await;
            let quoted = names.iter().map(|name| format!("quote(\"{name}\")"));
            let quoted: Vec<_> = quoted.collect();
            format!("SELECT {} FROM \"{table}\"", quoted.join(" || ', ' || "))
        } else {
            format!("SELECT CAST(rows AS text) FROM \"{table}\" AS rows ORDER BY 1")
        };
        for row in column(conn, &query).await {
            lines.push(format!("{table}: {row}"));
        }
    }
    lines.join("\n")
}

pub async fn tables(conn: &DatabaseConnection) -> Vec<String> {
    column(conn, if is_file(conn) {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    } else {
        "SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    })
    .await
}

async fn columns(conn: &DatabaseConnection, table: &str, types: &[&str]) -> Vec<String> {
    let (select, kind) = if is_file(conn) {
        let select = format!("SELECT name FROM pragma_table_info('{table}')");
        (format!("{select} WHERE"), "type")
    } else {
        let select = "SELECT CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = 'public'";
        (
            format!("{select} AND table_name = '{table}' AND"),
            "data_type",
        )
    };
    let types: Vec<_> = types
        .iter()
        .map(|like| format!("{kind} LIKE '{like}'"))
        .collect();
    column(conn, &format!("{select} ({})", types.join(" OR "))).await
}

fn is_file(conn: &DatabaseConnection) -> bool {
    conn.get_database_backend() == DbBackend::Sqlite
}

fn server_url() -> Option<String> {
    std::env::var("BROKEFORGE_TEST_POSTGRES").ok()
}

/// In a thread of its own, because some tests ask for it outside of any runtime.
fn make(server: String, name: String) {
    let make = async move {
        let conn = sea_orm::Database::connect(server).await.unwrap();
        let make = format!("CREATE DATABASE \"{name}\" TEMPLATE template0");
        execute(&conn, &make).await;
        conn.close().await.unwrap();
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(move || runtime.block_on(make))
        .join()
        .unwrap();
}
