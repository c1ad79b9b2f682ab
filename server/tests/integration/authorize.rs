//! The password that lets the panel in: sealed while it waits, gone with the claim, nowhere else.

use std::sync::Arc;

use axum::http::StatusCode;
use domain::entities::{operation_secret, server};
use domain::operation_secrets::{GONE, LIFE_MS};
use domain::queue;
use domain::secrets::Place;
use provisioner::provisioning::SURVEY;
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use ssh::fake::{Answer, Call};
use ssh::{ADD_KEY, ALLOW_SUDO, Error, Privilege};
use wire::ServerId;

use crate::support::{HOST_KEY, TestApp, Visitor};

pub const CANARY: &str = "canary-5d1e '; id #";
/// The part of it that no page escapes.
pub const MARK: &str = "canary-5d1e";

#[tokio::test]
async fn a_waiting_password_is_sealed_and_gone_with_the_claim() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "admin").await;
    let operation = give(&app, &owner, server, CANARY).await;

    let waiting = the_waiting(&app).await.expect("it waits");
    assert!(!waiting.sealed.contains(MARK));
    let place = Place {
        table: "operation_secrets",
        row: operation,
        column: "sealed",
    };
    let opened = app.panel.secrets.open(place, &waiting.sealed).unwrap();
    assert_eq!(opened.expose_secret(), CANARY);
    let elsewhere = Place {
        row: operation + 1,
        ..place
    };
    assert!(app.panel.secrets.open(elsewhere, &waiting.sealed).is_err());

    let claim = queue::claim(&app.panel, "one").await.unwrap().unwrap();
    assert_eq!(claim.secret.as_ref().unwrap().expose_secret(), CANARY);
    assert!(the_waiting(&app).await.is_none());
    assert!(!format!("{claim:?}").contains(MARK));
    assert_eq!(claim.payload, None);
}

#[tokio::test]
async fn a_panel_that_dies_after_the_claim_asks_for_the_password_again_and_resumes_nothing() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    let operation = give(&app, &owner, server, CANARY).await;
    drop(
        queue::claim(&app.panel, "a worker that dies")
            .await
            .unwrap(),
    );
    queue::expire_leases(&app.panel.db).await.unwrap();

    app.start_worker();
    let shown = end_of(&app, &owner, operation).await;
    assert_eq!(shown["state"], "failed");
    let sentence = shown["error"].as_str().unwrap();
    assert!(sentence.contains("Enter the password again"), "{sentence}");
    assert!(app.connector.calls().is_empty(), "nobody tried again");
    assert!(queue::claim(&app.panel, "two").await.unwrap().is_none());
    // And again it can be given.
    give(&app, &owner, server, CANARY).await;
}

#[tokio::test]
async fn a_panel_that_dies_before_the_claim_uses_the_password_afterwards() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    let operation = give(&app, &owner, server, CANARY).await;
    queue::expire_leases(&app.panel.db).await.unwrap();
    app.start_worker();
    assert_eq!(end_of(&app, &owner, operation).await["state"], "succeeded");
}

#[tokio::test]
async fn a_password_that_waited_too_long_is_deleted_and_not_used() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    let operation = give(&app, &owner, server, CANARY).await;
    assert_eq!(
        domain::operation_secrets::expire(&app.panel.db)
            .await
            .unwrap(),
        0
    );

    age(&app).await;
    assert_eq!(
        domain::operation_secrets::expire(&app.panel.db)
            .await
            .unwrap(),
        1
    );
    assert!(the_waiting(&app).await.is_none());
    let shown = end_of(&app, &owner, operation).await;
    assert_eq!(
        (&shown["state"], &shown["error"]),
        (&json!("failed"), &json!(GONE))
    );

    // The same when the claim comes first.
    let operation = give(&app, &owner, server, CANARY).await;
    age(&app).await;
    let claim = queue::claim(&app.panel, "one").await.unwrap().unwrap();
    assert_eq!(claim.operation.0, operation);
    assert!(claim.secret.is_none());
    assert!(the_waiting(&app).await.is_none());
}

#[tokio::test]
async fn signing_out_takes_the_waiting_password_along() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    let operation = give(&app, &owner, server, CANARY).await;
    let other_session = app.another_session(&owner).await;
    let signed_out = app
        .call(Some(&owner), "/api/accounts/sign_out", json!({}))
        .await;
    assert_eq!(signed_out.status, StatusCode::OK);
    assert!(the_waiting(&app).await.is_none());

    app.start_worker();
    let shown = end_of(&app, &other_session, operation).await;
    assert_eq!(shown["error"], GONE);
    assert!(app.connector.calls().is_empty());
}

#[tokio::test]
async fn a_server_that_goes_takes_its_waiting_password_along() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = new_server(&app, &owner, "root").await;
    give(&app, &owner, id, CANARY).await;
    let refused = app
        .call(
            Some(&owner),
            "/api/servers/remove",
            json!({ "server_id": id, "confirm_name": "web-1" }),
        )
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "it is under way");

    let row = domain::servers::row(&app.panel.db, id).await.unwrap();
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.delete::<server::Model, server::ActiveModel>(row)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(the_waiting(&app).await.is_none());
}

#[tokio::test]
async fn a_sudo_user_gets_key_and_drop_in_and_the_panel_is_in() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "admin").await;
    let remote = Arc::downgrade(&app.connector.remote);
    app.connector.remote.refuse_privilege(no_privilege());
    app.connector.remote.respond(move |run| {
        if run.script == ALLOW_SUDO {
            remote.upgrade().unwrap().grant_privilege();
            return Answer::stdout("::summary wrote /etc/sudoers.d/brokeforge-admin\n");
        }
        Answer::code(0)
    });
    let operation = give(&app, &owner, server, CANARY).await;
    app.start_worker();
    let shown = end_of(&app, &owner, operation).await;
    assert_eq!(shown["error"], Value::Null);
    let steps: Vec<_> = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["title"].as_str().unwrap(),
                step["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("Log in with the password", "succeeded"),
            ("Add the panel's key", "succeeded"),
            ("Allow sudo without a password", "succeeded"),
            ("Log in with the key", "succeeded"),
        ]
    );
    let public_key = domain::servers::row(&app.panel.db, server)
        .await
        .unwrap()
        .public_key;
    let runs: Vec<_> = app
        .connector
        .remote
        .runs()
        .into_iter()
        .map(|run| {
            (
                run.script,
                run.privilege,
                String::from_utf8(run.stdin).unwrap(),
            )
        })
        .collect();
    assert_eq!(
        runs,
        [
            (ADD_KEY, Privilege::Login, format!("{public_key}\n")),
            (ALLOW_SUDO, Privilege::Login, format!("{CANARY}\n")),
            // As when the key was pasted: what does the server offer?
            (SURVEY, Privilege::Login, String::new()),
        ]
    );
    let calls = app.connector.calls();
    assert!(
        matches!(&calls[..], [Call::ConnectWithPassword { password, .. }, Call::Forget { .. }, Call::Connect { .. }, Call::Connect { .. }] if password == CANARY),
        "{calls:?}"
    );
    assert_eq!(
        summary(&app, &owner, server).await["connection"],
        "connected"
    );
    let again = app
        .call(
            Some(&owner),
            "/api/servers/authorize",
            json!({ "server_id": server, "password": CANARY }),
        )
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_user_whose_sudo_asks_for_nothing_and_root_get_no_drop_in() {
    for user in ["admin", "root"] {
        let app = TestApp::start().await;
        let owner = app.owner().await;
        let server = new_server(&app, &owner, user).await;
        let operation = give(&app, &owner, server, CANARY).await;
        app.start_worker();
        assert_eq!(end_of(&app, &owner, operation).await["error"], Value::Null);
        let scripts: Vec<_> = app
            .connector
            .remote
            .runs()
            .iter()
            .map(|run| run.script)
            .collect();
        assert_eq!(scripts, [ADD_KEY, SURVEY], "{user}");
    }
}

#[tokio::test]
async fn a_refused_password_is_told_and_the_next_one_is_tried() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    app.start_worker();
    let place = ssh::Place::new("203.0.113.7", 22);
    for (refusal, sentence) in [
        (
            Error::PasswordRefused {
                place: place.clone(),
                user: "root".into(),
            },
            "root may not log in by password",
        ),
        (
            Error::PasswordNotOffered {
                place: place.clone(),
                user: "root".into(),
                offered: vec!["publickey".into()],
            },
            "takes no passwords from root (it accepts: publickey). Run the shown line",
        ),
        (
            Error::HostKeyChanged {
                place,
                expected: "a".into(),
                found_key: None,
                found: "b".into(),
            },
            "Nothing was sent",
        ),
    ] {
        app.connector.refuse_password(Some(refusal));
        let operation = give(&app, &owner, server, CANARY).await;
        let error = end_of(&app, &owner, operation).await["error"].clone();
        assert!(error.as_str().unwrap().contains(sentence), "{error}");
        let shown = show(&app, &owner, server).await;
        assert_eq!(shown["summary"]["connection"], "awaiting_key");
        assert_eq!(shown["authorization"]["error"], error);
    }
    app.connector.refuse_password(None);
    let operation = give(&app, &owner, server, CANARY).await;
    assert_eq!(end_of(&app, &owner, operation).await["state"], "succeeded");
}

#[tokio::test]
async fn passwords_cannot_be_tried_without_end() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "root").await;
    let input = json!({ "server_id": server, "password": CANARY });
    let mut statuses = Vec::new();
    for _ in 0..61 {
        statuses.push(
            app.call(Some(&owner), "/api/servers/authorize", input.clone())
                .await
                .status,
        );
    }
    assert_eq!(statuses[0], StatusCode::OK);
    assert_eq!(statuses[1], StatusCode::CONFLICT, "one at a time");
    assert_eq!(statuses[60], StatusCode::TOO_MANY_REQUESTS);
}

pub async fn new_server(app: &TestApp, owner: &Visitor, user: &str) -> ServerId {
    let answer = app
        .call(Some(owner), "/api/servers/create", json!({
            "name": "web-1", "address": "203.0.113.7", "port": "22", "user": user, "host_key": HOST_KEY,
        }))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    ServerId(answer.body.as_i64().unwrap())
}

pub async fn give(app: &TestApp, owner: &Visitor, server: ServerId, password: &str) -> i64 {
    let answer = app
        .call(
            Some(owner),
            "/api/servers/authorize",
            json!({ "server_id": server, "password": password }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body.as_i64().unwrap()
}

async fn the_waiting(app: &TestApp) -> Option<operation_secret::Model> {
    operation_secret::Entity::find()
        .one(app.panel.db.reads())
        .await
        .unwrap()
}

/// Makes the waiting password as old as it may become.
async fn age(app: &TestApp) {
    let row = the_waiting(app).await.unwrap();
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.expires_at -= LIFE_MS + 1)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

pub async fn end_of(app: &TestApp, who: &Visitor, operation: i64) -> Value {
    let input = json!({ "operation_id": operation });
    app.wait_for(who, "/api/operations/show", input, |body| {
        body["state"] == "succeeded" || body["state"] == "failed"
    })
    .await
}

async fn show(app: &TestApp, owner: &Visitor, server: ServerId) -> Value {
    let input = json!({ "server_id": server });
    app.call(Some(owner), "/api/servers/show", input).await.body
}

async fn summary(app: &TestApp, owner: &Visitor, server: ServerId) -> Value {
    show(app, owner, server).await["summary"].clone()
}

pub fn no_privilege() -> Error {
    Error::NoPrivilege {
        place: ssh::Place::new("203.0.113.7", 22),
        user: "admin".into(),
    }
}
