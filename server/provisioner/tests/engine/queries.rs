//! How the panel asks its database: with an index for whatever grows, and not once a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::bus::Bus;
use domain::db::sqlite_options;
use domain::{Db, firewall};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

use crate::panel::TestPanel;

async fn texts(db: &Db, query: &str, column: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Sqlite, query);
    let rows = db.reads().query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", column).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_belongs_to_another_row_is_found_by_an_index() {
    let panel = TestPanel::new().await;
    let db = &panel.panel.db;
    let tables = texts(
        db,
        "SELECT name FROM sqlite_master WHERE type = 'table'",
        "name",
    )
    .await;
    let mut checked = Vec::new();
    for table in tables {
        let pragma = format!("SELECT \"from\" AS it FROM pragma_foreign_key_list('{table}')");
        for column in texts(db, &pragma, "it").await {
            let query = format!("EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {column} = 1");
            let plan = texts(db, &query, "detail").await.join("; ");
            assert!(plan.starts_with("SEARCH"), "{table}.{column}: {plan}");
            checked.push(format!("{table}.{column}"));
        }
    }
    for known in ["sessions.user_id", "operation_secrets.session_id"] {
        assert!(checked.iter().any(|it| it == known), "{checked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firewalls_page_asks_as_often_for_thirty_rules_as_for_one() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let mut reads = Database::connect(sqlite_options(&panel.file(), 1))
        .await
        .unwrap();
    let counter = Arc::clone(&asked);
    reads.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let watched = Db::over(reads, panel.panel.db.writes().clone(), Bus::new());
    let mut counts = Vec::new();
    for port in 8001..=8030 {
        let (id, operation) = panel.add_rule(&server, &port.to_string()).await;
        asked.store(0, Ordering::SeqCst);
        let shown = firewall::show(&watched, &server).await.unwrap();
        counts.push(asked.load(Ordering::SeqCst));
        let rule = shown.rules.iter().find(|rule| rule.id == id).unwrap();
        assert_eq!(rule.operation_id, Some(operation));
    }
    assert!(counts[0] > 0);
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}
