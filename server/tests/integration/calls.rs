use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, rule};

/// Everything that names a server, a rule or an operation, asked for by somebody else.
#[tokio::test]
async fn another_owner_gets_not_found_everywhere_and_no_byte_is_sent() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let server = app.provisioned_server(&ada).await;
    let made = app
        .call(
            Some(&ada),
            "/api/firewall/create",
            json!({
                "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
            }),
        )
        .await;
    let rule_id = made.body.as_i64().unwrap();
    let before = app
        .call(
            Some(&ada),
            "/api/firewall/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    let operation = before["rules"][0]["operation_id"].clone();

    for (path, input) in foreign_calls(&json!(server), &json!(rule_id), &operation) {
        let answer = app.call(Some(&bob), path, input).await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{path}: {}",
            answer.body
        );
    }
    let after = app
        .call(
            Some(&ada),
            "/api/firewall/show",
            json!({ "server_id": server }),
        )
        .await
        .body;
    assert_eq!(before, after);
    assert!(app.connector.calls().is_empty(), "the network was touched");
}

#[tokio::test]
async fn a_rule_is_found_under_its_own_server_only() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let theirs = app.provisioned_server(&ada).await;
    let made = app
        .call(
            Some(&ada),
            "/api/firewall/create",
            json!({
                "server_id": theirs, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
            }),
        )
        .await;
    let mine = app.provisioned_server(&bob).await;
    let id = made.body.clone();
    for (path, input) in [
        (
            "/api/firewall/update",
            json!({ "server_id": mine, "rule_id": id, "rule": rule("x", "8082"), "shown": rule("x", "8082") }),
        ),
        (
            "/api/lifecycle/retry",
            json!({ "server_id": mine, "kind": "firewall_rule", "id": id }),
        ),
        (
            "/api/lifecycle/remove",
            json!({ "server_id": mine, "kind": "firewall_rule", "id": id }),
        ),
    ] {
        let answer = app.call(Some(&bob), path, input).await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{path}: {}",
            answer.body
        );
    }
}

fn foreign_calls(server: &Value, rule_id: &Value, operation: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("/api/servers/show", json!({ "server_id": server })),
        ("/api/servers/check", json!({ "server_id": server })),
        ("/api/servers/provision", json!({ "server_id": server })),
        (
            "/api/servers/remove",
            json!({ "server_id": server, "confirm_name": "web-1" }),
        ),
        ("/api/firewall/show", json!({ "server_id": server })),
        (
            "/api/firewall/create",
            json!({ "server_id": server, "rule": rule("x", "8082"), "request_key": "another-key" }),
        ),
        (
            "/api/firewall/update",
            json!({ "server_id": server, "rule_id": rule_id, "rule": rule("x", "8082"), "shown": rule("x", "8082") }),
        ),
        (
            "/api/lifecycle/retry",
            json!({ "server_id": server, "kind": "firewall_rule", "id": rule_id }),
        ),
        (
            "/api/lifecycle/remove",
            json!({ "server_id": server, "kind": "firewall_rule", "id": rule_id }),
        ),
        (
            "/api/operations/list",
            json!({ "server_id": server, "filter": "all", "page": 1 }),
        ),
        (
            "/api/operations/preview",
            json!({ "server_id": server, "work": { "reboot": {} } }),
        ),
        ("/api/operations/plan", json!({ "operation_id": operation })),
        (
            "/api/operations/retry",
            json!({ "operation_id": operation }),
        ),
        ("/api/operations/show", json!({ "operation_id": operation })),
        (
            "/api/operations/output",
            json!({ "operation_id": operation, "after": 0 }),
        ),
    ]
}
