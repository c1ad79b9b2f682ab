//! Lists of operations: whose they hold, their pages and filters, and beginning again from a row.

use axum::http::StatusCode;
use domain::entities::operation;
use sea_orm::{ActiveValue::NotSet, Set};
use serde_json::{Value, json};
use ssh::Stream;
use ssh::fake::Answer;
use wire::ServerId;

use crate::support::{TestApp, Visitor, rule};

#[tokio::test]
async fn everybody_sees_the_operations_of_their_own_servers_and_of_no_other() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let server = app.provisioned_server(&ada).await;
    add_rule(&app, &ada, server, "8081").await;
    let of_ada = list(&app, &ada, None, "all", 1).await;
    assert_eq!(of_ada["count"], 1);
    assert_eq!(of_ada["operations"][0]["server_name"], "web-1");
    assert_eq!(of_ada["operations"][0]["requested_by"], "Ada");
    let of_bob = list(&app, &bob, None, "all", 1).await;
    assert_eq!(
        of_bob,
        json!({ "filter": "all", "page": 1, "count": 0, "operations": [] })
    );
    let refused = app
        .call(
            Some(&bob),
            "/api/operations/list",
            input(Some(server), "all", 1),
        )
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_field_that_is_not_asked_for_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    for (name, value) in [("owner_id", json!(2)), ("limit", json!(1_000_000))] {
        let mut input = input(None, "all", 1);
        input[name] = value;
        let answer = app.call(Some(&owner), "/api/operations/list", input).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
    }
    for input in [
        input(None, "everything", 1),
        json!({ "server_id": null, "filter": "all", "page": -1 }),
    ] {
        let answer = app.call(Some(&owner), "/api/operations/list", input).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages_newest_first_and_without_a_gap() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let (server, other) = (
        app.provisioned_server(&owner).await,
        another_server(&app, &owner).await,
    );
    let failed = fill(&app, &owner, server, 120).await;
    fill(&app, &owner, other, 3).await;
    let mut seen = Vec::new();
    for page in 1..=3 {
        let listed = list(&app, &owner, None, "all", page).await;
        assert_eq!(
            (&listed["count"], &listed["page"]),
            (&json!(123), &json!(page))
        );
        seen.extend(ids(&listed));
    }
    assert_eq!(seen.len(), 123);
    assert!(seen.is_sorted_by(|one, next| one > next), "{seen:?}");

    let past_the_end = list(&app, &owner, None, "all", u64::MAX).await;
    assert_eq!(past_the_end["page"], 3);
    let before_the_first = list(&app, &owner, None, "all", 0).await;
    assert_eq!(before_the_first["page"], 1);
    let of_one = list(&app, &owner, Some(other), "all", 1).await;
    assert_eq!(of_one["count"], 3);

    let only_failed = list(&app, &owner, Some(server), "failed", 1).await;
    assert_eq!(only_failed["count"], failed);
    let states = only_failed["operations"].as_array().unwrap();
    assert!(states.iter().all(|row| row["state"] == "failed"));
    let under_way = list(&app, &owner, None, "under_way", 1).await;
    assert_eq!(under_way["count"], 0);
}

#[tokio::test]
async fn what_failed_names_its_step_and_is_begun_again_from_its_row_once() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| {
        Answer::code(1).and(
            Stream::Stdout,
            "::error The disk is full. Free some space.\n",
        )
    });
    add_rule(&app, &owner, server, "8081").await;
    app.start_worker();
    let failed = wait_for(&app, &owner, |row| row["state"] == "failed").await;
    assert_eq!(failed["step"], "Add the rule");
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("The disk is full.")
    );
    assert_eq!(failed["can_retry"], true);

    app.connector.remote.respond(|_| Answer::code(0));
    let path = "/api/operations/retry";
    let again = json!({ "operation_id": failed["id"] });
    let clicks = (0..10).map(|_| app.call(Some(&owner), path, again.clone()));
    let answers = futures::future::join_all(clicks).await;
    let made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .collect();
    assert_eq!(made.len(), 1);
    let others = answers
        .iter()
        .filter(|answer| answer.status != StatusCode::OK);
    for answer in others {
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    }
    let next = wait_for(&app, &owner, |row| row["state"] == "succeeded").await;
    assert_eq!(next["id"], made[0].body);
    // What came after it is the last word now.
    let listed = list(&app, &owner, None, "all", 1).await;
    assert_eq!(listed["count"], 2);
    assert_eq!(listed["operations"][1]["can_retry"], false);
    let late = app.call(Some(&owner), path, again).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_queued_says_what_it_waits_for() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let takes_long = Answer::code(0).taking(std::time::Duration::from_mins(1));
    app.connector.remote.respond(move |_| takes_long.clone());
    add_rule(&app, &owner, server, "8081").await;
    app.start_worker();
    wait_for(&app, &owner, |row| row["state"] == "running").await;
    add_rule(&app, &owner, server, "8082").await;
    let queued = wait_for(&app, &owner, |row| row["state"] == "queued").await;
    let input = json!({ "operation_id": queued["id"] });
    let shown = app.call(Some(&owner), "/api/operations/show", input).await;
    assert_eq!(
        shown.body["note"],
        "Waits for its turn: Add firewall rule Web (8081/tcp) is under way on this server."
    );
}

#[tokio::test]
async fn a_failed_change_and_a_failed_removal_are_begun_again_as_they_were_asked_for() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let id = add_rule(&app, &owner, server, "8081").await;
    app.start_worker();
    wait_for(&app, &owner, |row| row["state"] == "succeeded").await;

    app.connector.remote.respond(|_| Answer::code(1));
    let change = json!({ "server_id": server, "rule_id": id, "rule": rule("Web", "8082"), "shown": rule("Web", "8081") });
    app.call(Some(&owner), "/api/firewall/update", change).await;
    let failed = wait_for(&app, &owner, |row| row["state"] == "failed").await;
    app.connector.remote.respond(|_| Answer::code(0));
    retry(&app, &owner, &failed["id"]).await;
    let input = json!({ "server_id": server });
    app.wait_for(&owner, "/api/firewall/show", input.clone(), |body| {
        body["rules"][0]["port"] == "8082" && body["rules"][0]["status"] == "active"
    })
    .await;

    app.connector.remote.respond(|_| Answer::code(1));
    let removal = json!({ "server_id": server, "kind": "firewall_rule", "id": id });
    app.call(Some(&owner), "/api/lifecycle/remove", removal)
        .await;
    let failed = wait_for(&app, &owner, |row| {
        row["state"] == "failed" && row["kind"]["remove"] == "firewall_rule"
    })
    .await;
    app.connector.remote.respond(|_| Answer::code(0));
    retry(&app, &owner, &failed["id"]).await;
    app.wait_for(&owner, "/api/firewall/show", input, |body| {
        body["rules"] == json!([])
    })
    .await;
}

#[tokio::test]
async fn a_failed_provisioning_is_begun_again_and_a_failed_reboot_is_not() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| Answer::code(1));
    app.start_worker();
    let input = json!({ "server_id": server });
    app.call(Some(&owner), "/api/servers/provision", input.clone())
        .await;
    let failed = wait_for(&app, &owner, |row| row["state"] == "failed").await;
    let shown = app
        .call(Some(&owner), "/api/servers/show", input.clone())
        .await;
    assert_eq!(shown.body["provisioning"]["can_retry"], true);
    app.connector.remote.respond(|_| Answer::code(0));
    retry(&app, &owner, &failed["id"]).await;

    app.connector.remote.respond(|_| Answer::code(1));
    app.call(Some(&owner), "/api/servers/reboot", input).await;
    let failed = wait_for(&app, &owner, |row| {
        row["state"] == "failed" && row["kind"] == "reboot"
    })
    .await;
    assert_eq!(failed["can_retry"], false);
    let refused = app
        .call(
            Some(&owner),
            "/api/operations/retry",
            json!({ "operation_id": failed["id"] }),
        )
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap()
            .contains("own page")
    );
}

async fn retry(app: &TestApp, owner: &Visitor, operation: &Value) {
    let answer = app
        .call(
            Some(owner),
            "/api/operations/retry",
            json!({ "operation_id": operation }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// The newest row that is as wanted, as soon as there is one.
async fn wait_for(app: &TestApp, owner: &Visitor, wanted: impl Fn(&Value) -> bool) -> Value {
    let newest = |body: &Value| wanted(&body["operations"][0]);
    let listed = app
        .wait_for(owner, "/api/operations/list", input(None, "all", 1), newest)
        .await;
    listed["operations"][0].clone()
}

async fn list(
    app: &TestApp,
    who: &Visitor,
    server: Option<ServerId>,
    filter: &str,
    page: u64,
) -> Value {
    let answer = app
        .call(
            Some(who),
            "/api/operations/list",
            input(server, filter, page),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

fn input(server: Option<ServerId>, filter: &str, page: u64) -> Value {
    json!({ "server_id": server, "filter": filter, "page": page })
}

fn ids(listed: &Value) -> Vec<i64> {
    let rows = listed["operations"].as_array().unwrap();
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

async fn add_rule(app: &TestApp, owner: &Visitor, server: ServerId, port: &str) -> Value {
    let answer = app
        .call(
            Some(owner),
            "/api/firewall/create",
            json!({ "server_id": server, "rule": rule("Web", port), "request_key": format!("key-of-{port}") }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

async fn another_server(app: &TestApp, owner: &Visitor) -> ServerId {
    let answer = app
        .call(Some(owner), "/api/servers/create", json!({
            "name": "web-2", "address": "203.0.113.8", "port": "22", "user": "root", "host_key": crate::support::HOST_KEY,
        }))
        .await;
    ServerId(answer.body.as_i64().unwrap())
}

/// Writes finished operations, every seventh of which has failed; returns how many have.
async fn fill(app: &TestApp, owner: &Visitor, server: ServerId, count: i64) -> usize {
    let mut tx = app.panel.db.begin().await.unwrap();
    for at in 0..count {
        tx.insert(operation::ActiveModel {
            id: NotSet,
            server_id: Set(server.0),
            verb: Set("provision".into()),
            resource_kind: Set(None),
            resource_id: Set(None),
            title: Set("Provision".into()),
            requested_by: Set(owner.who.user().0),
            state: Set(if at % 7 == 0 { "failed" } else { "succeeded" }.into()),
            prior_status: Set(None),
            payload: Set(None),
            error: Set(None),
            lease_owner: Set(None),
            lease_until: Set(None),
            fence: Set(1),
            attempts: Set(0),
            cancel_requested_by: Set(None),
            note: Set(None),
            created_at: Set(at),
            started_at: Set(Some(at)),
            ended_at: Set(Some(at)),
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    (0..count).filter(|at| at % 7 == 0).count()
}
