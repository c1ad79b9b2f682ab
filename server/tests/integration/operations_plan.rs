//! What would be done, before it is asked for: the same words as what is done then.

use axum::http::StatusCode;
use serde_json::{Value, json};
use ssh::fake::Answer;
use wire::ServerId;

use crate::support::{TestApp, Visitor, field, rule};

#[tokio::test]
async fn what_is_shown_before_is_what_is_kept_with_the_operation_that_then_ran() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| Answer::code(0));
    app.start_worker();

    let add = json!({ "add_rule": { "rule": rule("Web", "8081") } });
    let call =
        json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form" });
    let id = same(&app, &owner, server, add, "/api/firewall/create", call).await;

    let other = rule("Web", "9000:9005");
    let change = json!({ "change_rule": { "rule_id": id, "rule": other } });
    let call =
        json!({ "server_id": server, "rule_id": id, "rule": other, "shown": rule("Web", "8081") });
    same(&app, &owner, server, change, "/api/firewall/update", call).await;

    let remove = json!({ "remove_rule": { "rule_id": id } });
    let call = json!({ "server_id": server, "kind": "firewall_rule", "id": id });
    same(&app, &owner, server, remove, "/api/lifecycle/remove", call).await;

    let choices = json!({ "php": "8.4", "parts": ["redis", "node"] });
    let provision = json!({ "provision": { "choices": choices } });
    let call = json!({ "server_id": server, "choices": choices });
    same(
        &app,
        &owner,
        server,
        provision,
        "/api/servers/provision",
        call,
    )
    .await;

    // Without choices it goes by those of the last time.
    let provision = json!({ "provision": { "choices": null } });
    let call = json!({ "server_id": server });
    same(
        &app,
        &owner,
        server,
        provision,
        "/api/servers/provision",
        call.clone(),
    )
    .await;

    let reboot = json!({ "reboot": {} });
    same(
        &app,
        &owner,
        server,
        reboot,
        "/api/servers/reboot",
        call.clone(),
    )
    .await;

    // A repair takes the steps of an installation.
    let repair = json!({ "install_scheduler": {} });
    let path = "/api/scheduler/repair";
    same(&app, &owner, server, repair, path, call.clone()).await;
    let show = app.call(Some(&owner), "/api/scheduler/show", call).await;
    let id = &show.body["installation"]["id"];
    let remove = json!({ "remove_scheduler": {} });
    let call = json!({ "server_id": server, "kind": "scheduler", "id": id });
    same(&app, &owner, server, remove, "/api/lifecycle/remove", call).await;
}

/// Asks for the preview, then for the work itself, and compares the steps. Returns what the work's call answered.
async fn same(
    app: &TestApp,
    owner: &Visitor,
    server: ServerId,
    work: Value,
    path: &str,
    call: Value,
) -> Value {
    let before = preview(app, owner, server, &work).await;
    assert!(!before["steps"].as_array().unwrap().is_empty());
    let answer = app.call(Some(owner), path, call).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    let newest = json!({ "server_id": server, "filter": "all", "page": 1 });
    let listed = app
        .wait_for(owner, "/api/operations/list", newest, |body| {
            body["operations"][0]["state"] == "succeeded"
        })
        .await;
    let id = &listed["operations"][0]["id"];
    let after = app
        .call(
            Some(owner),
            "/api/operations/plan",
            json!({ "operation_id": id }),
        )
        .await;
    assert_eq!(after.status, StatusCode::OK, "{}", after.body);
    for part in ["shared", "steps"] {
        assert_eq!(
            without_the_moment(&before[part]),
            without_the_moment(&after.body[part]),
            "{work}"
        );
    }
    answer.body
}

/// The panel's clock, and the name of a reboot, are others each time; everything else is the same to the letter.
fn without_the_moment(part: &Value) -> String {
    let text = part.to_string();
    let mut moments = Vec::new();
    for name in ["# the panel's clock: ", "# this reboot: "] {
        for (at, _) in text.match_indices(name) {
            let value = text[at + name.len()..].split("\\n").next().unwrap();
            assert!(value.len() >= 5, "{value}");
            moments.push(value.to_owned());
        }
    }
    moments
        .into_iter()
        .fold(text.clone(), |text, moment| text.replace(&moment, "NOW"))
}

#[tokio::test]
async fn a_preview_changes_nothing_and_reaches_no_server() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let show = json!({ "server_id": server });
    let before = app
        .call(Some(&owner), "/api/firewall/show", show.clone())
        .await;
    for work in [
        json!({ "add_rule": { "rule": rule("Web", "8081") } }),
        json!({ "provision": { "choices": null } }),
        json!({ "reboot": {} }),
    ] {
        let plan = preview(&app, &owner, server, &work).await;
        let head = plan["head"].as_str().unwrap();
        assert!(head.starts_with("#!/bin/sh\n"), "{head}");
        assert!(head.contains("web-1 (root@203.0.113.7, port 22)"), "{head}");
    }
    let after = app.call(Some(&owner), "/api/firewall/show", show).await;
    assert_eq!(before.body, after.body);
    let all = json!({ "server_id": null, "filter": "all", "page": 1 });
    let listed = app.call(Some(&owner), "/api/operations/list", all).await;
    assert_eq!(listed.body["count"], 0);
    assert!(app.connector.calls().is_empty(), "the network was touched");
}

#[tokio::test]
async fn a_form_that_would_be_refused_is_refused_with_the_same_words() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    for (port, sentence) in [
        ("90:80", "Put the lower port first"),
        ("80", "Port 80 is open already"),
    ] {
        let work = json!({ "add_rule": { "rule": rule("Web", port) } });
        let refused = ask(&app, &owner, server, &work).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let asked = app
            .call(
                Some(&owner),
                "/api/firewall/create",
                json!({
                    "server_id": server, "rule": rule("Web", port), "request_key": "key-of-a-form",
                }),
            )
            .await;
        assert_eq!(refused.body, asked.body);
        assert!(
            field(&refused, "port").unwrap().contains(sentence),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn what_is_not_in_the_form_is_refused_and_a_rule_is_found_under_its_own_server_only() {
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
    let id = made.body;
    for work in [
        json!({ "remove_rule": { "rule_id": id } }),
        json!({ "change_rule": { "rule_id": id, "rule": rule("x", "8082") } }),
    ] {
        let answer = ask(&app, &bob, mine, &work).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{work}");
    }
    for work in [
        json!({ "reboot": { "mark": "$(id)" } }),
        json!({ "remove_rule": { "rule_id": id, "script": "id" } }),
        json!({ "run": { "script": "id" } }),
        json!("reboot"),
    ] {
        let answer = ask(&app, &ada, theirs, &work).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{work}");
    }
}

#[tokio::test]
async fn the_sixty_first_preview_in_a_minute_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let work = json!({ "reboot": {} });
    for _ in 0..60 {
        preview(&app, &owner, server, &work).await;
    }
    let refused = ask(&app, &owner, server, &work).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
}

async fn preview(app: &TestApp, who: &Visitor, server: ServerId, work: &Value) -> Value {
    let answer = ask(app, who, server, work).await;
    assert_eq!(answer.status, StatusCode::OK, "{work}: {}", answer.body);
    answer.body
}

async fn ask(
    app: &TestApp,
    who: &Visitor,
    server: ServerId,
    work: &Value,
) -> crate::support::Answer {
    let input = json!({ "server_id": server, "work": work });
    app.call(Some(who), "/api/operations/preview", input).await
}
