//! One panel on a folder, and no work out of a backup by itself.

use std::fs;

use domain::entities::setting;
use sea_orm::Set;
use serde_json::{Value, json};
use server::data_folder;

use crate::databases::is_postgres;
use crate::process::{self, Process, free_port};
use crate::support::TestApp;

#[tokio::test]
async fn a_second_panel_on_a_folder_is_refused_and_the_first_goes_on() {
    let first = Process::start("info").await;
    let output = process::run(first.data.path(), free_port(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("runs on the folder"), "{said}");
    let id = format!("(process {})", first.id());
    assert!(said.contains(&id), "{id}: {said}");
    assert_eq!(first.get("/health", "").await.status, 200);
    assert!(!first.log().contains("another worker"), "{}", first.log());
}

#[tokio::test]
async fn what_a_backup_holds_as_under_way_is_ended_and_named() {
    let mut cases = vec![("1000", Some("2000"))];
    if !is_postgres() {
        cases.push(("2000", None));
    }
    for (in_database, beside_it) in cases {
        let operation = start_again(in_database, beside_it).await;
        assert_eq!(operation["state"], "failed", "{operation}");
        let error = operation["error"].as_str().unwrap();
        assert!(error.contains("put back from a backup"), "{error}");
    }
}

#[tokio::test]
async fn a_further_panel_on_a_shared_database_ends_nothing() {
    if is_postgres() {
        let operation = start_again("2000", None).await;
        assert_eq!(operation["state"], "queued", "{operation}");
    }
}

#[tokio::test]
async fn what_was_under_way_when_a_panel_stopped_is_gone_on_with() {
    for (in_database, beside_it) in [("2000", "2000"), ("2000", "1000")] {
        let operation = start_again(in_database, Some(beside_it)).await;
        assert_eq!(operation["state"], "queued", "{operation}");
    }
}

/// A panel whose database and folder remember these times starts, with a reboot queued.
async fn start_again(in_database: &str, beside_it: Option<&str>) -> Value {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let queued = app
        .call(
            Some(&owner),
            "/api/servers/reboot",
            json!({ "server_id": server }),
        )
        .await;
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.insert(setting::ActiveModel {
        name: Set("last_seen".to_owned()),
        value: Set(in_database.to_owned()),
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    if let Some(time) = beside_it {
        fs::write(app.data().join("brokeforge.seen"), time).unwrap();
    }
    data_folder::end_work_of_a_backup(&app.panel, app.data())
        .await
        .unwrap();
    let input = json!({ "operation_id": queued.body });
    app.call(Some(&owner), "/api/operations/show", input)
        .await
        .body
}
