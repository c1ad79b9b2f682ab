//! The data folder: database, tables, key file, accounts. `postgres`: a database that is elsewhere.

mod postgres;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use domain::key_check;
use domain::secrets::Secrets;
use rustix::fs::{Access, access};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, Statement};

use super::Finding;
use crate::config::ServeOptions;
use crate::database::Database;
use crate::schema::{self, Schema};

/// Findings, and the time of the newest entry in the database, in milliseconds since 1970.
pub async fn look(options: &ServeOptions) -> (Vec<Finding>, Option<i64>) {
    match options.database() {
        Database::File(file) => look_at_file(options, &file).await,
        Database::Postgres(url) => postgres::look(options, &url).await,
    }
}

async fn look_at_file(options: &ServeOptions, file: &Path) -> (Vec<Finding>, Option<i64>) {
    let folder = &options.data;
    let key = folder.join("brokeforge.key");
    let size = match fs::metadata(file) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (vec![no_database(folder, &key)], None);
        }
        Err(error) => {
            let found = format!("cannot look into {}: {error}", folder.display());
            let advice = "run doctor as the user that runs the panel";
            return (vec![Finding::wrong("database", found, advice)], None);
        }
    };
    let mut findings = Vec::new();
    let is_wal = journal_is_wal(file);
    findings.extend(writable(folder, file));
    let conn = match open(file).await {
        Ok(conn) => conn,
        Err(error) => {
            findings.push(Finding::wrong(
                "database",
                format!("{} does not open: {error}", file.display()),
                "if it is damaged, stop the panel and put your backup in its place",
            ));
            return (findings, None);
        }
    };
    findings.push(match quick_check(&conn).await {
        Ok(()) => {
            let journal = match is_wal {
                Some(true) => ", journal WAL",
                Some(false) => ", journal not WAL yet (the next start sets it)",
                None => "",
            };
            let path = file.display();
            Finding::fine(
                "database",
                format!("{path} opens and is sound, {}{journal}", bytes(size)),
            )
        }
        Err(reason) => Finding::wrong(
            "database",
            format!("{} is damaged: {reason}", file.display()),
            "stop the panel, keep a copy of the folder, and put your backup in its place",
        ),
    });
    let newest = look_inside(options, &conn, &mut findings).await;
    // A connection that is open at the end of the process would leave its lock to the kernel.
    let _ = conn.close().await;
    (findings, newest)
}

/// What is asked of a database of either kind.
async fn look_inside(
    options: &ServeOptions,
    conn: &DatabaseConnection,
    findings: &mut Vec<Finding>,
) -> Option<i64> {
    findings.push(schema_finding(conn, &options.database()).await);
    let key = options.data.join("brokeforge.key");
    let is_empty = matches!(schema::read(conn).await, Ok(Schema::Empty));
    findings.push(if is_empty && !key.exists() {
        Finding::note(
            "key",
            "there is no key file yet",
            "the first start of the panel makes it",
        )
    } else {
        key_finding(conn, &key).await
    });
    findings.extend(accounts(conn, options).await);
    newest_entry(conn).await
}

fn no_database(folder: &Path, key: &Path) -> Finding {
    let advice = "`brokeforge serve` makes it at its first start. If your panel's data lies elsewhere, \
                  name the folder with --data or BROKEFORGE_DATA";
    let found = if key.exists() {
        format!(
            "there is a key file but no database in {}; a start now makes an empty one",
            folder.display()
        )
    } else {
        format!("there is no panel in {} yet", folder.display())
    };
    Finding::note("database", found, advice)
}

/// Asked of the kernel, not tried out: doctor changes nothing.
fn writable(folder: &Path, file: &Path) -> Option<Finding> {
    let owner = fs::metadata(folder).ok()?.uid();
    let own = rustix::process::geteuid().as_raw();
    let closed: Vec<PathBuf> = [
        (folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK),
        (file, Access::READ_OK | Access::WRITE_OK),
    ]
    .into_iter()
    .filter(|(path, wanted)| access(*path, *wanted).is_err())
    .map(|(path, _)| path.to_owned())
    .collect();
    if let Some(path) = closed.first() {
        return Some(Finding::wrong(
            "access",
            format!("user {own} may not read and write {}", path.display()),
            format!(
                "it belongs to user {owner}: run panel and doctor as that user, or `chown` the folder"
            ),
        ));
    }
    (owner != own).then(|| {
        Finding::note(
            "access",
            format!(
                "{} belongs to user {owner}, and doctor runs as {own}",
                folder.display()
            ),
            format!(
                "what the panel's own user may do shows only `sudo -u '#{owner}' brokeforge doctor`"
            ),
        )
    })
}

/// Bytes 18 and 19 of the file are 2 when its journal is a write-ahead log. Read before SQLite opens
/// the file: closing it afterwards would drop SQLite's locks.
fn journal_is_wal(file: &Path) -> Option<bool> {
    let mut head = [0; 20];
    File::open(file).ok()?.read_exact(&mut head).ok()?;
    Some(head[18] == 2 && head[19] == 2)
}

/// For looking only. Without a log beside it the file is taken as it stands, so that not even
/// SQLite's own files appear.
async fn open(file: &Path) -> Result<DatabaseConnection, DbErr> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let has_log = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=ro", file.display()));
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| options.read_only(true).immutable(!has_log));
    sea_orm::Database::connect(options).await
}

async fn quick_check(conn: &DatabaseConnection) -> Result<(), String> {
    let answer = text(conn, "PRAGMA quick_check(1)")
        .await
        .map_err(|error| error.to_string())?;
    match answer.as_deref() {
        Some("ok") => Ok(()),
        Some(reason) => Err(reason.to_owned()),
        None => Err("it gives no answer".to_owned()),
    }
}

async fn schema_finding(conn: &DatabaseConnection, database: &Database) -> Finding {
    match schema::read(conn).await {
        Ok(Schema::Current) => Finding::fine(
            "schema",
            format!("{}, as this version wants it", schema::latest()),
        ),
        Ok(Schema::Empty) => Finding::note(
            "schema",
            "the database has no tables yet",
            "the next start of the panel makes them",
        ),
        Ok(Schema::Older(missing)) => Finding::note(
            "schema",
            format!("{missing} migrations behind this version"),
            "the next start of the panel brings them; make a backup first",
        ),
        Ok(Schema::Newer(foreign)) => Finding::wrong(
            "schema",
            schema::too_new(database, &foreign),
            "the newer binary is the one to run on it",
        ),
        Err(error) => Finding::wrong(
            "schema",
            format!("cannot be read: {error}"),
            "if the database is damaged, put your backup in its place",
        ),
    }
}

async fn key_finding(conn: &DatabaseConnection, key: &Path) -> Finding {
    let lost = "put the right file back from your backup; without it add every server again";
    let secrets = match Secrets::open_file(key) {
        Ok(secrets) => secrets,
        Err(error) => return Finding::wrong("key", error.to_string(), lost),
    };
    match key_check::opens(conn, &secrets).await {
        Ok(opened) if opened.has_sentence || opened.servers > 0 => Finding::fine(
            "key",
            format!(
                "{} has mode 0600 or less and opens what the database holds ({})",
                key.display(),
                counted(opened.servers, "server key")
            ),
        ),
        Ok(_) => Finding::fine(
            "key",
            format!("{} is a key; nothing is sealed with it yet", key.display()),
        ),
        Err(domain::Error::Database(error)) => Finding::note(
            "key",
            format!(
                "{} is a key; the database could not be asked ({error})",
                key.display()
            ),
            "start the panel once, then run doctor again",
        ),
        Err(error) => Finding::wrong(
            "key",
            format!(
                "{} is not the key file of this database: {error}",
                key.display()
            ),
            lost,
        ),
    }
}

async fn accounts(conn: &DatabaseConnection, options: &ServeOptions) -> Option<Finding> {
    let users = number(conn, "SELECT count(*) FROM users").await?;
    let servers = number(conn, "SELECT count(*) FROM servers").await?;
    let count = |number: i64, word| counted(usize::try_from(number).unwrap_or(0), word);
    if users > 0 {
        let found = format!("{}, {}", count(users, "account"), count(servers, "server"));
        return Some(Finding::fine("accounts", found));
    }
    let page = options
        .origin()
        .map_or_else(|_| "/setup".to_owned(), |origin| format!("{origin}/setup"));
    Some(Finding::note(
        "accounts",
        "there is no account yet",
        format!("start the panel, open {page}, and paste the setup token that it prints"),
    ))
}

/// What the database has seen of time; the clock must not be behind it.
async fn newest_entry(conn: &DatabaseConnection) -> Option<i64> {
    let mut newest = None;
    for query in [
        "SELECT max(created_at) FROM users",
        "SELECT max(seen_at) FROM sessions",
        "SELECT max(at) FROM audit_entries",
        "SELECT max(created_at) FROM operations",
    ] {
        newest = newest.max(number(conn, query).await);
    }
    newest
}

async fn number(conn: &DatabaseConnection, query: &str) -> Option<i64> {
    let statement = Statement::from_string(conn.get_database_backend(), query);
    let row = conn.query_one_raw(statement).await.ok()??;
    row.try_get_by_index(0).ok()
}

async fn text(conn: &DatabaseConnection, query: &str) -> Result<Option<String>, DbErr> {
    let statement = Statement::from_string(conn.get_database_backend(), query);
    match conn.query_one_raw(statement).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(None),
    }
}

/// `1 server`, `2 servers`.
fn counted(number: usize, word: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {word}{ending}")
}

fn bytes(size: u64) -> String {
    match size {
        0..10_240 => format!("{size} bytes"),
        10_240..10_485_760 => format!("{} KiB", size / 1024),
        10_485_760.. => format!("{} MiB", size / 1024 / 1024),
    }
}
