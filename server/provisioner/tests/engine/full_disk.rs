//! The panel's own disk is full for a while.

use domain::bus::Bus;
use domain::entities::setting;
use domain::{Db, Error};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Set, Statement};

use crate::panel::TestPanel;

/// Lets the database grow by this many pages of 4 KiB.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the connection, nothing is written"
)]
async fn leave_room(db: &Db, pages: i64) {
    let ask = Statement::from_string(DbBackend::Sqlite, "PRAGMA page_count");
    let has = db.writes().query_one_raw(ask).await.unwrap().unwrap();
    let most = has.try_get::<i64>("", "page_count").unwrap() + pages;
    let limit =
        Statement::from_string(DbBackend::Sqlite, format!("PRAGMA max_page_count = {most}"));
    db.writes().execute_raw(limit).await.unwrap();
}

async fn write(db: &Db, name: &str, bytes: usize) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    tx.insert(setting::ActiveModel {
        name: Set(name.into()),
        value: Set("x".repeat(bytes)),
    })
    .await?;
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_a_full_disk_is_in_the_file() {
    let panel = TestPanel::new().await;
    let db = &panel.panel.db;
    leave_room(db, 0).await;
    let full = write(db, "too much", 1 << 20).await;
    assert!(
        full.as_ref()
            .is_err_and(|error| error.to_string().contains("full")),
        "{full:?}"
    );
    leave_room(db, 1 << 20).await;
    for name in ["one", "two"] {
        write(db, name, 1).await.unwrap();
    }
    let other = Db::open_sqlite(&panel.file(), Bus::new()).await.unwrap();
    let mut names = Vec::new();
    for row in setting::Entity::find().all(other.reads()).await.unwrap() {
        names.push(row.name);
    }
    names.retain(|name| ["one", "two", "too much"].contains(&name.as_str()));
    assert_eq!(names, ["one", "two"]);
}
