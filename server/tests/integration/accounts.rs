use std::time::{Duration, Instant};

use axum::http::StatusCode;
use domain::accounts;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{ORIGIN, PASSWORD, TestApp, field};

#[tokio::test]
async fn the_set_up_token_makes_one_account_and_only_one() {
    let app = TestApp::start().await;
    let token = accounts::new_setup_token(&app.panel.db)
        .await
        .unwrap()
        .unwrap();
    let with = |token: &str| json!({ "token": token, "name": "Ada", "email": "Ada@Example.com", "password": PASSWORD });
    let wrong = app.call(None, "/api/accounts/setup", with("guess")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(field(&wrong, "token").is_some());

    let right = app
        .call(None, "/api/accounts/setup", with(token.expose_secret()))
        .await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.body);
    assert!(right.cookie.is_some());

    let again = app
        .call(None, "/api/accounts/setup", with(token.expose_secret()))
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(
        accounts::new_setup_token(&app.panel.db)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_restart_before_set_up_ends_the_old_token() {
    let app = TestApp::start().await;
    let old = accounts::new_setup_token(&app.panel.db)
        .await
        .unwrap()
        .unwrap();
    accounts::new_setup_token(&app.panel.db)
        .await
        .unwrap()
        .unwrap();
    let answer = app
        .call(
            None,
            "/api/accounts/setup",
            json!({
                "token": old.expose_secret(), "name": "Ada", "email": "a@b", "password": PASSWORD,
            }),
        )
        .await;
    assert!(field(&answer, "token").is_some());
}

#[tokio::test]
async fn signing_in_sets_a_cookie_that_signing_out_ends() {
    let app = TestApp::start().await;
    app.owner().await;
    let answer = app
        .call(
            None,
            "/api/accounts/sign_in",
            json!({ "email": " ADA@example.com", "password": PASSWORD }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let cookie = answer.cookie.unwrap();
    let with_cookie = async |path: &str| {
        let headers = [("origin", ORIGIN), ("cookie", cookie.as_str())];
        app.call_as(None, path, json!({ "input": {} }), &headers)
            .await
            .status
    };
    assert_eq!(with_cookie("/api/servers/list").await, StatusCode::OK);
    assert_eq!(with_cookie("/api/accounts/sign_out").await, StatusCode::OK);
    assert_eq!(
        with_cookie("/api/servers/list").await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_get_the_same_answer() {
    let app = TestApp::start().await;
    app.owner().await;
    let try_as = async |email: &str| {
        app.call(
            None,
            "/api/accounts/sign_in",
            json!({ "email": email, "password": "wrong password" }),
        )
        .await
    };
    let (known, unknown) = (
        try_as("ada@example.com").await,
        try_as("eve@example.com").await,
    );
    assert_eq!(known.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(known.body, unknown.body);
}

#[tokio::test]
async fn guessing_is_slowed_down_whatever_the_forwarded_address_says() {
    let app = TestApp::start().await;
    app.owner().await;
    let mut refused = 0;
    for attempt in 0..15 {
        let forwarded = format!("10.0.0.{attempt}");
        let answer = app
            .call_as(
                None,
                "/api/accounts/sign_in",
                json!({ "input": { "email": "ada@example.com", "password": "wrong password" } }),
                &[("origin", ORIGIN), ("x-forwarded-for", &forwarded)],
            )
            .await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 5);
}

/// Without the hash for the unknown, its answer would come some hundred times sooner.
#[tokio::test]
async fn the_time_of_an_answer_does_not_tell_which_accounts_there_are() {
    let app = TestApp::start().await;
    app.owner().await;
    let fastest = async |email: &str| {
        let mut fastest = Duration::MAX;
        for _ in 0..4 {
            let begun = Instant::now();
            app.call(
                None,
                "/api/accounts/sign_in",
                json!({ "email": email, "password": "wrong password" }),
            )
            .await;
            fastest = fastest.min(begun.elapsed());
        }
        fastest
    };
    let (known, unknown) = (
        fastest("ada@example.com").await,
        fastest("eve@example.com").await,
    );
    assert!(
        unknown * 8 > known && known * 8 > unknown,
        "known {known:?}, unknown {unknown:?}"
    );
}
