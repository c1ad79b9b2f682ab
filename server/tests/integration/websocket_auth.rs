//! `/broadcasting/auth`: what it signs, for whom, and what the signature opens.

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tower::ServiceExt;

use crate::support::{ALLOWED_ORIGIN, ORIGIN, TestApp, Visitor, rule};
use crate::websocket::{BAD_ORIGINS, established, serve};

const FORM: &str = "application/x-www-form-urlencoded";
const CHANNEL: &str = "private-servers";

/// The `auth` of a channel as pusher-js asks for it, or the status of the refusal.
pub async fn sign(
    app: &TestApp,
    who: Option<&Visitor>,
    socket_id: &str,
    channel: &str,
) -> Result<String, StatusCode> {
    let body = json!({ "socket_id": socket_id, "channel_name": channel }).to_string();
    let (status, _, answer) = ask(app, who, Some(ORIGIN), "application/json", &body).await;
    match status {
        StatusCode::OK => Ok(answer["auth"].as_str().unwrap().to_owned()),
        refused => Err(refused),
    }
}

async fn ask(
    app: &TestApp,
    who: Option<&Visitor>,
    origin: Option<&str>,
    kind: &str,
    body: &str,
) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::post("/broadcasting/auth").header(header::CONTENT_TYPE, kind);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    if let Some(who) = who {
        request = request.header(header::COOKIE, &who.cookie);
    }
    send(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn send(app: &TestApp, mut request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = app.site.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    let body = serde_json::from_slice(&bytes.unwrap()).unwrap_or(Value::Null);
    (status, headers, body)
}

#[tokio::test]
async fn a_client_without_a_cookie_hears_what_a_session_has_signed_for_it() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let address = serve(&app).await;
    let (mut socket, id) =
        established(address, None, Some(ALLOWED_ORIGIN), app.panel.app.key()).await;
    let channel = format!("private-servers.{server}");
    let form = format!("socket_id={id}&channel_name={channel}&extra=ignored");
    let (status, _, answer) = ask(&app, Some(&owner), Some(ORIGIN), FORM, &form).await;
    assert_eq!(status, StatusCode::OK);
    let auth = answer["auth"].as_str().unwrap();
    assert!(auth.starts_with(&format!("{}:", app.panel.app.key())));
    assert_eq!(auth, sign(&app, Some(&owner), &id, &channel).await.unwrap());
    let answer = socket.subscribe_with(&channel, auth).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
    let input = json!({
        "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
    });
    app.call(Some(&owner), "/api/firewall/create", input).await;
    let event = socket.next().await.unwrap();
    assert_eq!(event["event"], "ServerUpdated");
    let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["server_id"], json!(server));
    assert_eq!(data.as_object().unwrap().len(), 2, "{data}");
}

#[tokio::test]
async fn a_signature_opens_nothing_on_another_socket_channel_or_session() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let ada_elsewhere = app.another_session(&ada).await;
    let address = serve(&app).await;
    let key = app.panel.app.key();
    let refused = |answer: Value| {
        assert_eq!(answer["event"], "pusher:subscription_error", "{answer}");
        assert!(answer["data"].as_str().unwrap().contains("\"status\":403"));
    };
    let (mut first, first_id) = established(address, None, None, key).await;
    let (mut second, second_id) = established(address, None, None, key).await;
    let auth = sign(&app, Some(&ada), &first_id, CHANNEL).await.unwrap();
    refused(second.subscribe_with(CHANNEL, &auth).await);
    refused(first.subscribe_with("private-account", &auth).await);
    refused(first.subscribe(CHANNEL).await);
    let answer = first.subscribe_with(CHANNEL, &auth).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
    // The socket is that session's now: neither another account's nor another session's signature counts,
    // and none at all does not either.
    for who in [&bob, &ada_elsewhere] {
        let auth = sign(&app, Some(who), &first_id, "private-account")
            .await
            .unwrap();
        refused(first.subscribe_with("private-account", &auth).await);
    }
    refused(first.subscribe("private-account").await);
    // A socket that came with a cookie is its session's from the beginning.
    let (mut own, own_id) = established(address, Some(&bob), Some(ORIGIN), key).await;
    let foreign = sign(&app, Some(&ada), &own_id, CHANNEL).await.unwrap();
    refused(own.subscribe_with(CHANNEL, &foreign).await);
    let fitting = sign(&app, Some(&bob), &own_id, CHANNEL).await.unwrap();
    let answer = own.subscribe_with(CHANNEL, &fitting).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
    // A page of another address has a cookie in its hands that it did not earn.
    let (mut page, _) = established(address, Some(&ada), Some(ALLOWED_ORIGIN), key).await;
    refused(page.subscribe(CHANNEL).await);
    // A session that ends before its signature is shown.
    let late = sign(&app, Some(&ada), &second_id, CHANNEL).await.unwrap();
    app.call(Some(&ada), "/api/accounts/sign_out", json!({}))
        .await;
    refused(second.subscribe_with(CHANNEL, &late).await);
}

#[tokio::test]
async fn only_pages_of_known_origins_get_a_signature_and_only_allowed_ones_may_read_it_elsewhere() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let body = format!("socket_id=1.2&channel_name={CHANNEL}");
    let (status, _, _) = ask(&app, Some(&owner), None, FORM, &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    for origin in BAD_ORIGINS {
        let (status, headers, _) = ask(&app, Some(&owner), Some(origin), FORM, &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{origin}");
        assert!(!headers.contains_key("access-control-allow-origin"));
        let preflight = Request::options("/broadcasting/auth").header(header::ORIGIN, origin);
        let (status, headers, _) = send(&app, preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{origin}");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    let (status, headers, _) = ask(&app, Some(&owner), Some(ORIGIN), FORM, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains_key("access-control-allow-origin"));
    let (status, headers, _) = ask(&app, Some(&owner), Some(ALLOWED_ORIGIN), FORM, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], ALLOWED_ORIGIN);
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["vary"], "Origin");
    let preflight = Request::options("/broadcasting/auth").header(header::ORIGIN, ALLOWED_ORIGIN);
    let (status, headers, _) = send(&app, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-origin"], ALLOWED_ORIGIN);
    assert_eq!(headers["access-control-allow-methods"], "POST");
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let too_long = format!("socket_id=1.2&channel_name={}", "x".repeat(17_000));
    for (kind, body) in [
        (FORM, ""),
        (FORM, "socket_id=1.2"),
        (
            FORM,
            "socket_id=1.2:private-users.1&channel_name=private-servers",
        ),
        (FORM, "socket_id=&channel_name=private-servers"),
        (FORM, too_long.as_str()),
        ("application/json", "{"),
        ("application/json", "[]"),
        (
            "application/json",
            r#"{"socket_id":1.2,"channel_name":"private-servers"}"#,
        ),
        ("text/plain", "socket_id=1.2&channel_name=private-servers"),
        (
            "multipart/form-data",
            "socket_id=1.2&channel_name=private-servers",
        ),
    ] {
        let (status, _, answer) = ask(&app, Some(&owner), Some(ORIGIN), kind, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{kind} {body}");
        assert!(answer.get("auth").is_none());
    }
    let get = Request::get("/broadcasting/auth").header(header::COOKIE, &owner.cookie);
    let (status, _, _) = send(&app, get.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn key_and_secret_are_made_once_and_for_each_panel_its_own() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let auth = sign(&app, Some(&owner), "1.2", CHANNEL).await.unwrap();
    let (db, secrets) = (&app.panel.db, &app.panel.secrets);
    let again = domain::broadcasting::App::at_start(db, secrets)
        .await
        .unwrap();
    assert_eq!(again.key(), app.panel.app.key());
    let channel = CHANNEL.parse().unwrap();
    assert_eq!(
        again.session_of(&auth, "1.2", channel),
        Some(owner.who.session())
    );
    let other = TestApp::start().await;
    assert_ne!(other.panel.app.key(), app.panel.app.key());
    assert_eq!(other.panel.app.session_of(&auth, "1.2", channel), None);
    let shown = app
        .call(Some(&owner), "/api/broadcasting/show", json!({}))
        .await;
    assert_eq!(
        shown.body,
        json!({ "key": app.panel.app.key(), "url": ORIGIN })
    );
}
