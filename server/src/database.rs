//! Which database a panel is on: the file in its folder, or a `PostgreSQL` that several panels share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use domain::Db;
use domain::bus::Bus;
use domain::db::postgres_options;
use migrations::Migrator;
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::schema::{self, Schema};

/// Where a panel's data lies. Shows itself without the password.
#[derive(Clone, Debug)]
pub enum Database {
    File(PathBuf),
    Postgres(PostgresUrl),
}

impl Database {
    /// The one that the options of a panel name.
    pub fn of(data: &Path, url: Option<&PostgresUrl>) -> Self {
        match url {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::File(data.join("brokeforge.db")),
        }
    }

    /// Whether a panel was started on it before.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn is_used(&self) -> Result<bool> {
        match self {
            Self::File(file) => Ok(file.exists()),
            Self::Postgres(url) => {
                let options = postgres_options(url.expose(), 1);
                let conn = sea_orm::Database::connect(options)
                    .await
                    .with_context(|| no_answer(url))?;
                let schema = schema::read(&conn).await?;
                conn.close().await?;
                Ok(schema != Schema::Empty)
            }
        }
    }

    /// Opens it, making the file of an embedded one that is not there.
    ///
    /// # Errors
    /// A sentence with its name.
    pub async fn open(&self) -> Result<Db> {
        match self {
            Self::File(file) => Db::open_sqlite(file, Bus::new())
                .await
                .with_context(|| format!("cannot open the database {self}")),
            Self::Postgres(url) => Db::open_postgres(url.expose(), Bus::new())
                .await
                .with_context(|| no_answer(url)),
        }
    }

    /// Opens it and brings its tables to this version.
    ///
    /// # Errors
    /// When it does not open, or is of a newer version.
    pub async fn open_migrated(&self) -> Result<Db> {
        let db = self.open().await?;
        schema::refuse_newer(db.reads(), self).await?;
        let migrated = if db.is_shared() {
            // Whole or not at all, and one panel after the other: two that start at once would both make the tables.
            let tx = db.begin().await?;
            Migrator::up(tx.reads(), None).await?;
            tx.commit().await.map_err(anyhow::Error::from)
        } else {
            Migrator::up(db.writes(), None).await.map_err(Into::into)
        };
        migrated.context("cannot bring the database to this version")?;
        Ok(db)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// `postgres://user:password@host/name`. Shows itself without user and password.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    url: SecretString,
    shown: String,
}

impl PostgresUrl {
    /// With user and password, for whoever connects.
    pub(crate) fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ADVICE: &str = "write it as postgres://user:password@host:5432/name. Without it the panel has its database \
                              in a file of its own";
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(format!(
                "this is no address of a PostgreSQL database; {ADVICE}"
            ));
        }
        let options: PgConnectOptions = text
            .parse()
            .map_err(|error: sqlx::Error| format!("{error}; {ADVICE}"))?;
        let shown = format!(
            "postgres://{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or(options.get_username()),
        );
        Ok(Self {
            url: SecretString::from(text),
            shown,
        })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn no_answer(url: &PostgresUrl) -> String {
    format!(
        "cannot open the database {url}. If it does not run, start it; otherwise look at DATABASE_URL"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_neither_user_nor_password() {
        let url: PostgresUrl = "postgres://ada:hush%20hush@db.example:6432/panel?sslmode=require"
            .parse()
            .expect("is one");
        let database = Database::of(Path::new("/data"), Some(&url));
        for shown in [format!("{database}"), format!("{database:?}")] {
            assert!(
                shown.contains("postgres://db.example:6432/panel"),
                "{shown}"
            );
            assert!(!shown.contains("hush") && !shown.contains("ada"), "{shown}");
        }
        assert!(url.expose().contains("hush"));
    }

    #[test]
    fn what_is_no_address_of_postgresql_is_refused_with_an_example_and_without_itself() {
        for wrong in [
            "",
            "sqlite:hush",
            "mysql://hush@x/y",
            "postgres://hush:x@h:port/n",
        ] {
            let refused = wrong.parse::<PostgresUrl>().expect_err("is none");
            assert!(
                refused.contains("postgres://user:password@host:5432/name"),
                "{refused}"
            );
            assert!(!refused.contains("hush"), "{refused}");
        }
    }
}
