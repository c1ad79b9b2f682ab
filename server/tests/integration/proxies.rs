//! Whom the limit of sign-ins counts when a proxy stands in front.

use axum::http::{StatusCode, header};
use serde_json::json;

use crate::support::{ORIGIN, TestApp};

/// Tries to sign in as somebody; the proxy says whom the request is from.
async fn try_as(app: &TestApp, email: &str, forwarded_for: &str) -> StatusCode {
    let input = json!({ "input": { "email": email, "password": "wrong wrong wrong" } });
    let headers = [
        (header::ORIGIN.as_str(), ORIGIN),
        ("x-forwarded-for", forwarded_for),
    ];
    let answer = app.call_as(None, "/api/accounts/sign_in", input, &headers);
    answer.await.status
}

#[tokio::test]
async fn behind_a_trusted_proxy_one_stranger_uses_up_nobody_elses_sign_ins() {
    let mut app = TestApp::start().await;
    app.trust_proxies("127.0.0.1");
    app.owner().await;
    for last in 0..20 {
        // What the stranger writes on the left is of no use.
        let forwarded = format!("198.51.100.{last}, 203.0.113.9");
        let status = try_as(&app, &format!("{last}@example.com"), &forwarded).await;
        assert_ne!(status, StatusCode::TOO_MANY_REQUESTS);
    }
    let of_stranger = try_as(&app, "x@example.com", "203.0.113.9").await;
    assert_eq!(of_stranger, StatusCode::TOO_MANY_REQUESTS);
    let of_another = try_as(&app, "ada@example.com", "203.0.113.10").await;
    assert_ne!(of_another, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_is_no_trusted_proxy_is_counted_itself_whatever_it_says() {
    let app = TestApp::start().await;
    // Making the first account was one of the twenty tries.
    app.owner().await;
    for last in 0..19 {
        let (email, from) = (format!("{last}@example.com"), format!("203.0.113.{last}"));
        let status = try_as(&app, &email, &from).await;
        assert_ne!(status, StatusCode::TOO_MANY_REQUESTS);
    }
    let another = try_as(&app, "x@example.com", "203.0.113.99").await;
    assert_eq!(another, StatusCode::TOO_MANY_REQUESTS);
}
