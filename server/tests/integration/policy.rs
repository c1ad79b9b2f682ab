use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::policy::{Policy, SERVER_FUNCTIONS};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;
use server::router::ROUTES;
use tokio::time::timeout;

use crate::support::{ORIGIN, TestApp};

#[tokio::test]
async fn every_server_function_has_a_policy_and_every_policy_a_function() {
    let _app = TestApp::start().await;
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path)
        .collect();
    let named: BTreeSet<_> = SERVER_FUNCTIONS.iter().map(|(path, _)| *path).collect();
    assert_eq!(registered, named);
    assert_eq!(registered.len(), count_attributes(Path::new("../app/src")));
}

#[tokio::test]
async fn no_server_function_answers_get() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path}");
        let request = Request::get(path)
            .header("cookie", &owner.cookie)
            .body(Body::empty())
            .unwrap();
        assert_eq!(
            app.send(request).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn nobody_without_a_session_gets_past_a_function_that_wants_one() {
    let app = TestApp::start().await;
    let mut checked = 0;
    for (path, policy) in SERVER_FUNCTIONS {
        match policy {
            Policy::SignedIn | Policy::Administrator => {
                let answer = app.call(None, path, json!({})).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
                checked += 1;
            }
            Policy::Public | Policy::SetupOnly | Policy::Invited | Policy::TaskToken => {}
        }
    }
    assert!(checked >= 10, "only {checked} functions want a session");
}

#[tokio::test]
async fn what_only_the_administrator_may_call_is_not_there_for_others() {
    let app = TestApp::start().await;
    app.owner().await;
    let member = app.other_owner().await;
    let mut checked = 0;
    for (path, policy) in SERVER_FUNCTIONS {
        match policy {
            Policy::Administrator => {
                let answer = app.call(Some(&member), path, json!({})).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
                checked += 1;
            }
            Policy::SignedIn
            | Policy::Public
            | Policy::SetupOnly
            | Policy::Invited
            | Policy::TaskToken => {}
        }
    }
    assert!(
        checked >= 5,
        "only {checked} functions want an administrator"
    );
}

#[tokio::test]
async fn every_call_from_a_foreign_page_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    for (path, _) in SERVER_FUNCTIONS {
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://127.0.0.1:3000.evil.example")],
            &[("origin", "http://127.0.0.1:3001")],
            &[("origin", "https://127.0.0.1:3000")],
            &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
            &[("origin", ORIGIN), ("sec-fetch-site", "same-site")],
        ] {
            let answer = app
                .call_as(Some(&owner), path, json!({ "input": {} }), headers)
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
    }
    assert!(app.connector.calls().is_empty());
}

#[tokio::test]
async fn a_form_cannot_call_a_server_function() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
    ] {
        let request = Request::post("/api/servers/list")
            .header("origin", ORIGIN)
            .header("cookie", &owner.cookie)
            .header("content-type", kind)
            .body(Body::from("input={}"))
            .unwrap();
        assert_eq!(
            app.send(request).await.status,
            StatusCode::FORBIDDEN,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn unknown_fields_are_refused_by_every_function() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    for (path, _) in SERVER_FUNCTIONS {
        let answer = app
            .call(
                Some(&owner),
                path,
                json!({ "user_id": 1, "status": "active" }),
            )
            .await;
        assert!(
            answer.status.is_client_error(),
            "{path} {} {}",
            answer.status,
            answer.body
        );
    }
}

#[tokio::test]
async fn what_no_policy_names_is_not_there() {
    let app = TestApp::start().await;
    for path in [
        "/api/",
        "/api/servers",
        "/api/servers/listx",
        "/api/admin",
        "/api/servers/list/",
    ] {
        let answer = app.call(None, path, json!({})).await;
        assert!(
            answer.status == StatusCode::NOT_FOUND
                || answer.status == StatusCode::METHOD_NOT_ALLOWED,
            "{path} {}",
            answer.status
        );
    }
    assert_eq!(
        app.send(Request::get("/etc/passwd").body(Body::empty()).unwrap())
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.send(
            Request::get("/pkg/../../brokeforge.key")
                .body(Body::empty())
                .unwrap()
        )
        .await
        .status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn every_route_stands_in_the_table_once() {
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(paths.len(), ROUTES.len());
    assert!(paths.contains("/api/{*function}"));
}

/// The feature `bench` is off unless somebody asks for it, and so it is in what is tested and what is built for users.
#[cfg(not(feature = "bench"))]
#[tokio::test]
async fn nobody_can_publish_through_a_route_for_benchmarks() {
    assert!(ROUTES.iter().all(|route| !route.path.contains("bench")));
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let request = Request::post("/bench/publish")
        .header("origin", ORIGIN)
        .header("cookie", &owner.cookie)
        .header("content-type", "application/json")
        .body(Body::from(
            r#"{"channel":"private-servers","marker":"heard"}"#,
        ))
        .unwrap();
    let status = app.send(request).await.status;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

/// How often `#[server` stands at the beginning of a line.
fn count_attributes(folder: &Path) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return count_attributes(&path);
            }
            let text = std::fs::read_to_string(&path).unwrap();
            text.lines()
                .filter(|line| line.trim_start().starts_with("#[server"))
                .count()
        })
        .sum()
}

/// Many panels in one process are a thing of tests; a page that never ends would be one of everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_to_its_end_while_another_panel_begins() {
    let app = Arc::new(TestApp::start().await);
    let owner = app.owner().await;
    let beginning = app.clone();
    let others = tokio::task::spawn_blocking(move || {
        for _ in 0..50 {
            drop(beginning.site_with(Arc::default()));
        }
    });
    while !others.is_finished() {
        let request = Request::get("/account")
            .header(header::COOKIE, &owner.cookie)
            .body(Body::empty())
            .unwrap();
        let answer = timeout(Duration::from_secs(20), app.send(request)).await;
        assert_eq!(answer.expect("the page has no end").status, StatusCode::OK);
    }
}
