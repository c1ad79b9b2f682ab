//! Where somebody is signed in, and how that ends.

use std::time::Duration;

use axum::http::StatusCode;
use domain::bus::Topic;
use domain::entities::session;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tokio::time::timeout;
use wire::event::Channel;

use crate::support::{ORIGIN, PASSWORD, TestApp, Visitor};
use crate::websocket::{serve, signed_in};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn sessions_are_listed_with_browser_and_address_and_the_callers_own_first() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    let there = sign_in_with(&app, FIREFOX).await;
    let sessions = list(&app, &here).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["is_current"], true);
    assert_eq!(sessions[0]["id"], json!(here.who.session()));
    assert_eq!(sessions[1]["is_current"], false);
    assert_eq!(sessions[1]["browser"], "Firefox 128 on Linux");
    assert_eq!(sessions[1]["peer"], "127.0.0.1");
    assert_eq!(
        list(&app, &there).await[0]["browser"],
        "Firefox 128 on Linux"
    );
}

#[tokio::test]
async fn what_a_browser_says_of_itself_is_never_repeated() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    sign_in_with(&app, "<script>alert(1)</script> Chrome/1<img src=x>").await;
    let listed = json!(list(&app, &here).await).to_string();
    assert!(listed.contains("Chrome 1"), "{listed}");
    assert!(!listed.contains('<'), "{listed}");
}

#[tokio::test]
async fn a_revoked_session_is_signed_out_with_its_next_call_and_its_socket_within_five_seconds() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    let there = app.sign_in("ada@example.com", PASSWORD).await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &there).await;
    let mut mine = signed_in(address, &here).await;
    socket.subscribe("private-servers").await;

    let answer = revoke(&app, &here, &there).await;
    assert_eq!(answer, StatusCode::OK);
    let refused = app.call(Some(&there), "/api/servers/list", json!({})).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.body["error"], "signed_out");
    let last = timeout(Duration::from_secs(5), async {
        assert_eq!(socket.next().await.unwrap()["data"]["code"], 4009);
        socket.next().await
    })
    .await
    .unwrap();
    assert_eq!(last, None);

    // The other one goes on.
    assert_eq!(
        mine.subscribe("private-account").await["event"],
        "pusher_internal:subscription_succeeded"
    );
    assert_eq!(revoke(&app, &here, &there).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_ends_or_sees_the_session_of_somebody_else() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    assert_eq!(revoke(&app, &bob, &ada).await, StatusCode::NOT_FOUND);
    assert_eq!(list(&app, &bob).await.len(), 1);
    assert_eq!(list(&app, &ada).await.len(), 1);
}

#[tokio::test]
async fn signing_out_everywhere_else_keeps_this_one() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    let others = [
        app.sign_in("ada@example.com", PASSWORD).await,
        app.sign_in("ada@example.com", PASSWORD).await,
    ];
    let bob = app.other_owner().await;
    let answer = app
        .call(Some(&here), "/api/sessions/end_others", json!({}))
        .await;
    assert_eq!(answer.body, 2);
    for other in &others {
        assert_eq!(asks(&app, other).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asks(&app, &here).await, StatusCode::OK);
    assert_eq!(asks(&app, &bob).await, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_everywhere_ends_this_one_too() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    let there = app.sign_in("ada@example.com", PASSWORD).await;
    let bob = app.other_owner().await;
    let answer = app
        .call(Some(&here), "/api/sessions/end_everywhere", json!({}))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.cookie.as_deref(), Some("brokeforge_session="));
    for visitor in [&here, &there] {
        assert_eq!(asks(&app, visitor).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asks(&app, &bob).await, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_by_itself_when_it_is_not_used_and_after_thirty_days() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    for (hours_since_use, hours_left, status) in [
        (13 * 24, 24, StatusCode::OK),
        (15 * 24, 24, StatusCode::UNAUTHORIZED),
        (0, 0, StatusCode::UNAUTHORIZED),
    ] {
        set_clocks(&app, &ada, hours_since_use, hours_left).await;
        assert_eq!(
            asks(&app, &ada).await,
            status,
            "{hours_since_use} {hours_left}"
        );
    }
    let row = row(&app, &app.sign_in("ada@example.com", PASSWORD).await).await;
    assert_eq!(row.expires_at - row.created_at, 30 * 24 * HOUR_MS);
}

#[tokio::test]
async fn that_a_session_was_used_is_noted_once_a_minute_and_tells_nobody() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let before = row(&app, &ada).await.seen_at;
    asks(&app, &ada).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(row(&app, &ada).await.seen_at, before, "a write per request");

    set_clocks(&app, &ada, 1, 24).await;
    let mut listener = app.panel.db.bus().listen();
    listener.join(Topic::of(Channel::Account, ada.who.user()));
    let stale = row(&app, &ada).await.seen_at;
    for _ in 0..5 {
        asks(&app, &ada).await;
    }
    for attempt in 0.. {
        if row(&app, &ada).await.seen_at > stale {
            break;
        }
        assert!(attempt < 100, "it was never noted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = timeout(Duration::from_millis(300), listener.next()).await;
    assert!(heard.is_err(), "a clock that moved was announced");
}

#[tokio::test]
async fn the_accounts_own_pages_hear_of_a_new_session_and_nobody_elses_do() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let address = serve(&app).await;
    let mut adas = signed_in(address, &ada).await;
    let mut bobs = signed_in(address, &bob).await;
    for socket in [&mut adas, &mut bobs] {
        assert_eq!(
            socket.subscribe("private-account").await["event"],
            "pusher_internal:subscription_succeeded"
        );
    }
    app.sign_in("ada@example.com", PASSWORD).await;
    let event = adas.next().await.unwrap();
    assert_eq!(event["event"], "AccountUpdated");
    assert_eq!(event["channel"], "private-account");
    // Bob hears of his own first, so nothing of Ada's came before it.
    app.call(
        Some(&bob),
        "/api/accounts/update",
        json!({ "name": "Bobby", "email": "bob@example.com", "present_password": "" }),
    )
    .await;
    let event = bobs.next().await.unwrap();
    let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["user_id"], json!(bob.who.user()));
}

async fn sign_in_with(app: &TestApp, user_agent: &str) -> Visitor {
    let answer = app
        .call_as(
            None,
            "/api/accounts/sign_in",
            json!({ "input": { "email": "ada@example.com", "password": PASSWORD } }),
            &[("origin", ORIGIN), ("user-agent", user_agent)],
        )
        .await;
    app.with_cookie(&answer.cookie.unwrap()).await
}

async fn list(app: &TestApp, who: &Visitor) -> Vec<Value> {
    let answer = app.call(Some(who), "/api/sessions/list", json!({})).await;
    answer.body.as_array().unwrap().clone()
}

async fn revoke(app: &TestApp, who: &Visitor, whose: &Visitor) -> StatusCode {
    app.call(
        Some(who),
        "/api/sessions/revoke",
        json!({ "session_id": whose.who.session() }),
    )
    .await
    .status
}

async fn asks(app: &TestApp, who: &Visitor) -> StatusCode {
    app.call(Some(who), "/api/servers/list", json!({}))
        .await
        .status
}

async fn row(app: &TestApp, who: &Visitor) -> session::Model {
    session::Entity::find_by_id(who.who.session().0)
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap()
}

async fn set_clocks(app: &TestApp, who: &Visitor, hours_since_use: i64, hours_left: i64) {
    let before = row(app, who).await;
    let mut tx = app.panel.db.begin().await.unwrap();
    let at = tx.at().0;
    tx.update(&before, |row| {
        row.seen_at = at - hours_since_use * HOUR_MS;
        row.expires_at = at + hours_left * HOUR_MS;
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
}
