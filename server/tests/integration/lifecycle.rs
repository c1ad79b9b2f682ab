use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use ssh::Stream;
use ssh::fake::Answer;
use wire::ServerId;

use crate::support::{TestApp, Visitor, rule};

async fn add_rule(app: &TestApp, who: &Visitor, server: ServerId) -> Value {
    app.call(
        Some(who),
        "/api/firewall/create",
        json!({
            "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
        }),
    )
    .await
    .body
}

async fn until(app: &TestApp, who: &Visitor, server: ServerId, status: &str) -> Value {
    app.wait_for(
        who,
        "/api/firewall/show",
        json!({ "server_id": server }),
        |body| body["rules"][0]["status"] == status,
    )
    .await
}

fn refusing(app: &TestApp) {
    app.connector.remote.respond(|_| {
        Answer::code(1).and(
            Stream::Stdout,
            "::error ufw is missing. Provision this server.\n",
        )
    });
}

#[tokio::test]
async fn a_rule_is_pending_first_then_installing_then_active() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector
        .remote
        .respond(|_| Answer::code(0).taking(Duration::from_millis(300)));
    add_rule(&app, &owner, server).await;
    until(&app, &owner, server, "pending").await;
    app.start_worker();
    until(&app, &owner, server, "installing").await;
    until(&app, &owner, server, "active").await;
}

#[tokio::test]
async fn a_failed_rule_keeps_the_reason_and_retry_makes_it_active() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    refusing(&app);
    let id = add_rule(&app, &owner, server).await;
    app.start_worker();
    let shown = until(&app, &owner, server, "failed").await;
    assert!(
        shown["rules"][0]["error_log"]
            .as_str()
            .unwrap()
            .contains("ufw is missing")
    );

    app.connector.remote.respond(|_| Answer::code(0));
    let retry = json!({ "server_id": server, "kind": "firewall_rule", "id": id });
    assert_eq!(
        app.call(Some(&owner), "/api/lifecycle/retry", retry.clone())
            .await
            .status,
        StatusCode::OK
    );
    let shown = until(&app, &owner, server, "active").await;
    assert_eq!(shown["rules"][0]["error_log"], Value::Null);
    let refused = app.call(Some(&owner), "/api/lifecycle/retry", retry).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn retrying_more_than_ten_times_a_minute_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server).await;
    let retry = json!({ "server_id": server, "kind": "firewall_rule", "id": id });
    for _ in 0..10 {
        let answer = app
            .call(Some(&owner), "/api/lifecycle/retry", retry.clone())
            .await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
    }
    let answer = app.call(Some(&owner), "/api/lifecycle/retry", retry).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_removal_that_works_takes_the_rule_away() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server).await;
    app.start_worker();
    until(&app, &owner, server, "active").await;
    let answer = app
        .call(
            Some(&owner),
            "/api/lifecycle/remove",
            json!({ "server_id": server, "kind": "firewall_rule", "id": id }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    app.wait_for(
        &owner,
        "/api/firewall/show",
        json!({ "server_id": server }),
        |body| body["rules"] == json!([]),
    )
    .await;
}

#[tokio::test]
async fn a_removal_that_fails_restores_the_status_from_before_it() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server).await;
    app.start_worker();
    until(&app, &owner, server, "active").await;
    // Long enough to be seen, and asked for again, meanwhile.
    app.connector.remote.respond(|_| {
        Answer::code(1)
            .and(
                Stream::Stdout,
                "::error ufw is missing. Provision this server.\n",
            )
            .taking(Duration::from_millis(500))
    });
    let remove = json!({ "server_id": server, "kind": "firewall_rule", "id": id });
    app.call(Some(&owner), "/api/lifecycle/remove", remove.clone())
        .await;
    until(&app, &owner, server, "removing").await;
    let again = app
        .call(Some(&owner), "/api/lifecycle/remove", remove)
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let shown = until(&app, &owner, server, "active").await;
    assert!(
        shown["rules"][0]["error_log"]
            .as_str()
            .unwrap()
            .contains("ufw is missing")
    );
}

#[tokio::test]
async fn a_change_that_fails_leaves_the_old_words_and_the_reason() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server).await;
    app.start_worker();
    until(&app, &owner, server, "active").await;
    let change = json!({ "server_id": server, "rule_id": id, "rule": rule("Web", "8082"), "shown": rule("Web", "8081") });
    refusing(&app);
    app.call(Some(&owner), "/api/firewall/update", change.clone())
        .await;
    let shown = app
        .wait_for(
            &owner,
            "/api/firewall/show",
            json!({ "server_id": server }),
            |body| !body["rules"][0]["error_log"].is_null(),
        )
        .await;
    assert_eq!(
        (&shown["rules"][0]["port"], &shown["rules"][0]["status"]),
        (&json!("8081"), &json!("active"))
    );

    app.connector.remote.respond(|_| Answer::code(0));
    app.call(Some(&owner), "/api/firewall/update", change).await;
    app.wait_for(
        &owner,
        "/api/firewall/show",
        json!({ "server_id": server }),
        |body| body["rules"][0]["port"] == "8082" && body["rules"][0]["status"] == "active",
    )
    .await;
}

#[tokio::test]
async fn work_that_a_panel_left_behind_is_gone_on_with_and_its_former_worker_cannot_write() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    add_rule(&app, &owner, server).await;
    let claim = domain::queue::claim(&app.panel, "a worker that dies")
        .await
        .unwrap()
        .unwrap();
    until(&app, &owner, server, "installing").await;
    let while_it_lives = domain::queue::claim(&app.panel, "another").await;
    assert!(while_it_lives.unwrap().is_none());
    domain::queue::expire_leases(&app.panel.db).await.unwrap();
    app.start_worker();
    until(&app, &owner, server, "active").await;
    let late = claim
        .finish(&app.panel.db, domain::queue::Outcome::Succeeded)
        .await;
    assert!(
        matches!(late, Err(domain::Error::LeaseLost(_))),
        "a worker without its lease cannot write"
    );
}

#[tokio::test]
async fn cancelling_is_for_the_owner_and_a_cancelled_removal_leaves_the_rule_as_it_was() {
    let app = TestApp::start().await;
    let (owner, other) = (app.owner().await, app.other_owner().await);
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server).await;
    app.start_worker();
    until(&app, &owner, server, "active").await;
    app.connector.remote.respond(|run| {
        let is_the_step = run.script.text().contains("read -r old_action");
        let answer = Answer::stdout("::fact rollback done\n");
        answer.taking(Duration::from_secs(if is_the_step { 60 } else { 0 }))
    });
    let removal = app
        .call(
            Some(&owner),
            "/api/lifecycle/remove",
            json!({ "server_id": server, "kind": "firewall_rule", "id": id }),
        )
        .await
        .body;
    until(&app, &owner, server, "removing").await;
    let cancel = json!({ "operation_id": removal });
    let refused = app
        .call(Some(&other), "/api/operations/cancel", cancel.clone())
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let answer = app
        .call(Some(&owner), "/api/operations/cancel", cancel.clone())
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = until(&app, &owner, server, "active").await;
    assert_eq!(shown["rules"][0]["error_log"], Value::Null);
    let again = app
        .call(Some(&owner), "/api/operations/cancel", cancel)
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn two_operations_on_one_server_never_run_together() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    add_rule(&app, &owner, server).await;
    app.call(
        Some(&owner),
        "/api/firewall/create",
        json!({
            "server_id": server, "rule": rule("Second", "8082"), "request_key": "another-key",
        }),
    )
    .await;
    let first = domain::queue::claim(&app.panel, "one").await.unwrap();
    assert!(first.is_some());
    assert!(
        domain::queue::claim(&app.panel, "two")
            .await
            .unwrap()
            .is_none()
    );
    first
        .unwrap()
        .finish(&app.panel.db, domain::queue::Outcome::Succeeded)
        .await
        .unwrap();
    assert!(
        domain::queue::claim(&app.panel, "two")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn output_arrives_by_pieces_without_markers_and_of_control_sequences_keeps_only_colours() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| {
        Answer::stdout("\u{1b}[2J\u{1b}[31mRule added\u{1b}[0m\n\u{1b}]0;title\u{7}::summary 8081/tcp is open\n<script>alert(1)</script>\n")
    });
    add_rule(&app, &owner, server).await;
    app.start_worker();
    let shown = until(&app, &owner, server, "active").await;
    let operation = shown["rules"][0]["operation_id"].clone();
    let output = app
        .call(
            Some(&owner),
            "/api/operations/output",
            json!({ "operation_id": operation, "after": 0 }),
        )
        .await
        .body;
    let text: String = output["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chunk| chunk["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        text,
        "\u{1b}[0;31mRule added\u{1b}[0m\n<script>alert(1)</script>\n"
    );
    let last = output["chunks"].as_array().unwrap().last().unwrap()["id"].clone();
    let rest = app
        .call(
            Some(&owner),
            "/api/operations/output",
            json!({ "operation_id": operation, "after": last }),
        )
        .await
        .body;
    assert_eq!(rest["chunks"], json!([]));
    let steps = app
        .call(
            Some(&owner),
            "/api/operations/show",
            json!({ "operation_id": operation }),
        )
        .await
        .body;
    assert!(
        steps["steps"]
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["summary"] == "8081/tcp is open"),
        "{steps}"
    );
}
