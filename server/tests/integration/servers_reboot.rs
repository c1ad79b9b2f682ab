use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use serde_json::json;
use ssh::Stream;
use ssh::fake::Answer;

use crate::support::TestApp;

#[tokio::test]
async fn a_reboot_is_one_operation_that_ends_when_the_server_is_back() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    app.connector.remote.respond(move |run| {
        let text = run.script.text();
        if text.contains("is-system-running") {
            return Answer::stdout("::fact reboot_required no\n::summary running again\n");
        }
        // The look whether it has booted: the first one comes too early.
        if text.starts_with("# 0: the server has been booted") {
            let early = seen.fetch_add(1, Ordering::SeqCst) == 0;
            return Answer::code(if early { 75 } else { 0 });
        }
        Answer::code(0).and(Stream::Stdout, "::summary systemd reboots the server\n")
    });
    let input = json!({ "server_id": id });
    let operation = app
        .call(Some(&owner), "/api/servers/reboot", input.clone())
        .await;
    assert_eq!(operation.status, StatusCode::OK, "{}", operation.body);
    let again = app
        .call(Some(&owner), "/api/servers/reboot", input.clone())
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    app.start_worker();
    let ended = app
        .wait_for(
            &owner,
            "/api/operations/show",
            json!({ "operation_id": operation.body }),
            |body| body["state"] == "succeeded",
        )
        .await;
    assert_eq!(ended["title"], "Reboot web-1");
    assert_eq!(ended["steps"][1]["summary"], "running again");
    assert_eq!(looks.load(Ordering::SeqCst), 2);
    let shown = app.call(Some(&owner), "/api/servers/show", input).await;
    assert_eq!(shown.body["reboot_required"], false);
}

#[tokio::test]
async fn a_server_that_waits_for_the_key_cannot_be_rebooted() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let created = app
        .call(Some(&owner), "/api/servers/create", json!({
            "name": "web-1", "address": "203.0.113.7", "port": "22", "user": "root", "host_key": crate::support::HOST_KEY,
        }))
        .await;
    let refused = app
        .call(
            Some(&owner),
            "/api/servers/reboot",
            json!({ "server_id": created.body }),
        )
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}
