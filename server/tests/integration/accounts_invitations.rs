//! Several accounts: who lets them in, and what each may see.

use axum::http::{StatusCode, header};
use domain::entities::{audit_entry, invitation, user};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::databases;
use crate::support::{Answer, ORIGIN, PASSWORD, TestApp, Visitor, field};
use crate::websocket::{serve, signed_in};

const HOUR_MS: i64 = 3_600_000;

#[tokio::test]
async fn an_invited_account_is_made_once_and_is_signed_in() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let token = invite(&app, &ada, "Bob@Example.com").await;
    let open = look(&app, &token).await;
    assert_eq!(open["open"]["email"], "bob@example.com");
    assert_eq!(open["open"]["invited_by"], "Ada");

    let answer = accept(&app, &token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let bob = app.with_cookie(&answer.cookie.unwrap()).await;
    assert_eq!(bob.who.account.email, "bob@example.com");
    assert_eq!(bob.who.account.role, wire::accounts::Role::Member);
    app.sign_in("bob@example.com", PASSWORD).await;

    assert_eq!(look(&app, &token).await, "used");
    let again = accept(&app, &token).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body["message"].as_str().unwrap().contains("was used"));
    assert_eq!(listed(&app, &ada).await, json!([]));
}

#[tokio::test]
async fn two_who_accept_at_once_make_one_account() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let token = invite(&app, &ada, "bob@example.com").await;
    let answers = futures::future::join_all((0..8).map(|_| accept(&app, &token))).await;
    let made = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(made, 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, StatusCode::OK | StatusCode::CONFLICT))
    );
    let users = user::Entity::find()
        .count(app.panel.db.reads())
        .await
        .unwrap();
    assert_eq!(users, 2);
}

#[tokio::test]
async fn a_link_that_opens_nothing_says_why_and_nothing_else() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let expired = invite(&app, &ada, "bob@example.com").await;
    let row = invitation::Entity::find()
        .one(app.panel.db.reads())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.expires_at - row.created_at, 48 * HOUR_MS);
    let mut tx = app.panel.db.begin().await.unwrap();
    let at = tx.at().0;
    tx.update(&row, |row| row.expires_at = at).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(listed(&app, &ada).await[0]["is_expired"], true);

    let withdrawn = invite(&app, &ada, "eve@example.com").await;
    let id = listed(&app, &ada).await[0]["id"].clone();
    let answer = app
        .call(
            Some(&ada),
            "/api/invitations/revoke",
            json!({ "invitation_id": id }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);

    let replaced = invite(&app, &ada, "joe@example.com").await;
    invite(&app, &ada, "joe@example.com").await;

    for (token, state, words) in [
        (expired.as_str(), "expired", "has expired"),
        (&withdrawn, "revoked", "was withdrawn"),
        (&replaced, "revoked", "was withdrawn"),
        ("guess", "unknown", "no invitation of this panel"),
        ("", "unknown", "no invitation of this panel"),
    ] {
        assert_eq!(look(&app, token).await, state);
        let refused = accept(&app, token).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{state}");
        let text = refused.body.to_string();
        assert!(text.contains(words), "{text}");
        assert!(!text.contains('@') && !text.contains("Ada"), "{text}");
    }
    let users = user::Entity::find()
        .count(app.panel.db.reads())
        .await
        .unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn the_link_is_built_from_the_public_url_whatever_the_request_says() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-proto", "https"),
    ] {
        let answer = app
            .call_as(
                Some(&ada),
                "/api/invitations/create",
                json!({ "input": { "email": "bob@example.com" } }),
                &[(header::ORIGIN.as_str(), ORIGIN), (name, value)],
            )
            .await;
        let link = answer.body["link"].as_str().unwrap();
        assert!(
            link.starts_with(&format!("{ORIGIN}/invitation#")),
            "{name}: {link}"
        );
    }
}

#[tokio::test]
async fn the_database_holds_no_token_that_opens_a_door() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let token = invite(&app, &ada, "bob@example.com").await;
    assert!(token.len() >= 43, "fewer than 256 bits");
    for file in ["brokeforge.db", "brokeforge.db-wal"] {
        let bytes = std::fs::read(app.data().join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&token), "{file}");
    }
    let conn = databases::connect(app.data()).await;
    assert!(!databases::dump(&conn).await.contains(&token));
    assert!(!listed(&app, &ada).await.to_string().contains(&token));
}

#[tokio::test]
async fn somebody_who_has_an_account_is_not_invited() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    app.other_owner().await;
    for (email, sentence) in [
        ("bob@example.com", "An account has this e-mail already."),
        ("nobody", "Write an e-mail address like name@example.com."),
    ] {
        let answer = app
            .call(
                Some(&ada),
                "/api/invitations/create",
                json!({ "email": email }),
            )
            .await;
        assert_eq!(field(&answer, "email"), Some(sentence));
    }
}

#[tokio::test]
async fn trying_tokens_is_slowed_down() {
    let app = TestApp::start().await;
    app.owner().await;
    let mut refused = 0;
    for attempt in 0..40 {
        let answer = app
            .call(
                None,
                "/api/invitations/show",
                json!({ "token": format!("guess {attempt}") }),
            )
            .await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused >= 8, "only {refused} of 40 were refused");
}

#[tokio::test]
async fn each_account_sees_its_own_servers_only_and_so_does_its_socket() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let server = app.provisioned_server(&ada).await;
    let bob = member(&app, &ada, "bob@example.com").await;
    let theirs = app.call(Some(&bob), "/api/servers/list", json!({})).await;
    assert_eq!(theirs.body, json!([]));
    let foreign = app
        .call(
            Some(&bob),
            "/api/servers/show",
            json!({ "server_id": server }),
        )
        .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let address = serve(&app).await;
    let mut socket = signed_in(address, &bob).await;
    assert_eq!(
        socket.subscribe(&format!("private-servers.{server}")).await["event"],
        "pusher:subscription_error"
    );

    // The administrator is no exception.
    let bobs = app
        .call(
            Some(&bob),
            "/api/servers/create",
            json!({
                "name": "bobs", "address": "203.0.113.8", "port": "22", "user": "root",
                "host_key": crate::support::HOST_KEY,
            }),
        )
        .await
        .body;
    let foreign = app
        .call(
            Some(&ada),
            "/api/servers/show",
            json!({ "server_id": bobs }),
        )
        .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let mut socket = signed_in(address, &ada).await;
    assert_eq!(
        socket.subscribe(&format!("private-servers.{bobs}")).await["event"],
        "pusher:subscription_error"
    );
}

#[tokio::test]
async fn an_account_is_removed_when_it_owns_nothing_and_its_email_was_typed() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let bob = member(&app, &ada, "bob@example.com").await;
    let server = app.provisioned_server(&bob).await;

    let wrong = remove(&app, &ada, &bob, "bob").await;
    assert!(field(&wrong, "confirm_email").is_some());
    let busy = remove(&app, &ada, &bob, "bob@example.com").await;
    assert_eq!(busy.status, StatusCode::CONFLICT);
    assert!(busy.body["message"].as_str().unwrap().contains("web-1"));
    let own = remove(&app, &ada, &ada, "ada@example.com").await;
    assert_eq!(own.status, StatusCode::CONFLICT);

    let mut tx = app.panel.db.begin().await.unwrap();
    let row = domain::servers::row(&app.panel.db, server).await.unwrap();
    tx.delete(row).await.unwrap();
    tx.commit().await.unwrap();
    let address = serve(&app).await;
    let mut socket = signed_in(address, &bob).await;
    let removed = remove(&app, &ada, &bob, "BOB@example.com ").await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.body);
    let call = app.call(Some(&bob), "/api/servers/list", json!({})).await;
    assert_eq!(call.status, StatusCode::UNAUTHORIZED);
    assert_eq!(socket.next().await.unwrap()["data"]["code"], 4009);
    let again = remove(&app, &ada, &bob, "bob@example.com").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);

    let entries = audit_entry::Entity::find()
        .all(app.panel.db.reads())
        .await
        .unwrap();
    let told: Vec<_> = entries
        .iter()
        .filter(|entry| entry.topic == "account")
        .map(|entry| (entry.actor.as_str(), entry.sentence.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("Ada", "Set up the panel"),
            ("Ada", "Invite bob@example.com"),
            ("Bob", "Accept the invitation"),
            ("Ada", "Remove the account bob@example.com"),
        ]
    );
}

#[tokio::test]
async fn the_administrators_page_hears_of_an_accepted_invitation() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let token = invite(&app, &ada, "bob@example.com").await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &ada).await;
    socket.subscribe("private-account").await;
    accept(&app, &token).await;
    assert_eq!(socket.next().await.unwrap()["event"], "AccountUpdated");
}

async fn invite(app: &TestApp, by: &Visitor, email: &str) -> String {
    let answer = app
        .call(
            Some(by),
            "/api/invitations/create",
            json!({ "email": email }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let link = answer.body["link"].as_str().unwrap();
    link.rsplit_once('#').unwrap().1.to_owned()
}

async fn look(app: &TestApp, token: &str) -> Value {
    app.call(None, "/api/invitations/show", json!({ "token": token }))
        .await
        .body
}

async fn accept(app: &TestApp, token: &str) -> Answer {
    app.call(
        None,
        "/api/invitations/accept",
        json!({ "token": token, "name": "Bob", "password": PASSWORD }),
    )
    .await
}

async fn member(app: &TestApp, by: &Visitor, email: &str) -> Visitor {
    let token = invite(app, by, email).await;
    let answer = accept(app, &token).await;
    app.with_cookie(&answer.cookie.unwrap()).await
}

async fn listed(app: &TestApp, who: &Visitor) -> Value {
    app.call(Some(who), "/api/invitations/list", json!({}))
        .await
        .body
}

async fn remove(app: &TestApp, by: &Visitor, whose: &Visitor, confirm_email: &str) -> Answer {
    app.call(
        Some(by),
        "/api/accounts/remove",
        json!({ "user_id": whose.who.user(), "confirm_email": confirm_email }),
    )
    .await
}
