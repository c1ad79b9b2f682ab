//! What somebody changes of their own account.

use axum::http::StatusCode;
use domain::entities::audit_entry;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp, Visitor, field};

const NEW: &str = "another horse battery";

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_gives_this_one_another_cookie() {
    let app = TestApp::start().await;
    let here = app.owner().await;
    let there = app.sign_in("ada@example.com", PASSWORD).await;

    let answer = change_password(&app, &here, PASSWORD, NEW).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let fresh = app.with_cookie(&answer.cookie.unwrap()).await;
    assert_ne!(fresh.cookie, here.cookie);
    assert_eq!(fresh.who.session(), here.who.session());
    for (visitor, status) in [
        (&fresh, StatusCode::OK),
        (&here, StatusCode::UNAUTHORIZED),
        (&there, StatusCode::UNAUTHORIZED),
    ] {
        let answer = app
            .call(Some(visitor), "/api/servers/list", json!({}))
            .await;
        assert_eq!(answer.status, status);
    }
    let old = app
        .call(
            None,
            "/api/accounts/sign_in",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    app.sign_in("ada@example.com", NEW).await;
}

#[tokio::test]
async fn a_new_password_needs_the_present_one_and_guessing_it_is_slowed_down() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let short = change_password(&app, &ada, PASSWORD, "short").await;
    assert!(field(&short, "new_password").is_some());
    assert!(field(&short, "present_password").is_none());
    for _ in 0..5 {
        let wrong = change_password(&app, &ada, "not the password", NEW).await;
        assert_eq!(
            field(&wrong, "present_password"),
            Some("The current password is wrong.")
        );
    }
    let refused = change_password(&app, &ada, PASSWORD, NEW).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    app.sign_in("ada@example.com", PASSWORD).await;
}

#[tokio::test]
async fn a_name_is_changed_at_once_and_an_email_with_the_password_only() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let named = update(&app, &ada, "Ada L", "ada@example.com", "").await;
    assert_eq!(named.status, StatusCode::OK, "{}", named.body);

    let without = update(&app, &ada, "Ada L", "ada@example.org", "").await;
    assert!(field(&without, "present_password").is_some());
    let wrong = update(&app, &ada, "Ada L", "ada@example.org", "wrong password").await;
    assert!(field(&wrong, "present_password").is_some());
    assert_eq!(account(&app, &ada).await["email"], "ada@example.com");

    let right = update(&app, &ada, "Ada L", " ADA@example.org", PASSWORD).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.body);
    let account = account(&app, &ada).await;
    assert_eq!(
        (&account["name"], &account["email"]),
        (&json!("Ada L"), &json!("ada@example.org"))
    );
    app.sign_in("ada@example.org", PASSWORD).await;
}

#[tokio::test]
async fn an_email_belongs_to_one_account() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    app.other_owner().await;
    let taken = update(&app, &ada, "Ada", "BOB@example.com", PASSWORD).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(field(&taken, "email").is_some());
}

#[tokio::test]
async fn wrong_fields_are_named_one_by_one() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let answer = update(&app, &ada, "a\nb", "nobody", "").await;
    assert!(field(&answer, "name").is_some());
    assert!(field(&answer, "email").is_some());
}

#[tokio::test]
async fn the_ledger_tells_who_changed_what_and_holds_no_password() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    update(&app, &ada, "Ada L", "ada@example.org", PASSWORD).await;
    change_password(&app, &ada, PASSWORD, NEW).await;
    let entries = audit_entry::Entity::find()
        .order_by_asc(audit_entry::Column::Id)
        .all(app.panel.db.reads())
        .await
        .unwrap();
    let sentences: Vec<_> = entries
        .iter()
        .map(|entry| entry.sentence.as_str())
        .collect();
    assert_eq!(
        sentences,
        [
            "Set up the panel",
            "Change the name from Ada to Ada L",
            "Change the e-mail from ada@example.com to ada@example.org",
            "Change the password",
        ]
    );
    assert!(entries.iter().all(|entry| entry.user_id == Some(1)));
}

async fn change_password(app: &TestApp, who: &Visitor, present: &str, new: &str) -> Answer {
    app.call(
        Some(who),
        "/api/accounts/change_password",
        json!({ "present_password": present, "new_password": new }),
    )
    .await
}

async fn update(
    app: &TestApp,
    who: &Visitor,
    name: &str,
    email: &str,
    present_password: &str,
) -> Answer {
    app.call(
        Some(who),
        "/api/accounts/update",
        json!({ "name": name, "email": email, "present_password": present_password }),
    )
    .await
}

async fn account(app: &TestApp, who: &Visitor) -> Value {
    app.call(Some(who), "/api/accounts/show", json!({}))
        .await
        .body
}
