//! Nobody who has an account looks at what only the panel's own machine reaches.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{HOST_KEY, TestApp, field};

const LOCAL: [&str; 7] = [
    "127.0.0.1",
    "127.1.2.3",
    "::1",
    "::ffff:127.0.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "fe80::1",
];

fn server(address: &str) -> Value {
    json!({ "name": "web-1", "address": address, "port": "22", "user": "root", "host_key": HOST_KEY })
}

#[tokio::test]
async fn addresses_of_the_panels_own_machine_are_refused_by_the_field() {
    let mut app = TestApp::start().await;
    app.keep_off_this_machine();
    let owner = app.owner().await;
    for address in LOCAL {
        for (path, input) in [
            (
                "/api/servers/host_key",
                json!({ "address": address, "port": "22" }),
            ),
            ("/api/servers/create", server(address)),
        ] {
            let answer = app.call(Some(&owner), path, input).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
            let sentence = field(&answer, "address").unwrap();
            assert!(
                sentence.contains("BROKEFORGE_ALLOW_LOCAL_ADDRESSES"),
                "{sentence}"
            );
        }
    }
    let listed = app.call(Some(&owner), "/api/servers/list", json!({})).await;
    assert_eq!(listed.body, json!([]));
}

#[tokio::test]
async fn a_name_that_leads_there_is_refused_when_it_is_connected_to() {
    let mut app = TestApp::start().await;
    app.keep_off_this_machine();
    let owner = app.owner().await;
    let place = json!({ "address": "localhost", "port": "22" });
    let answer = app.call(Some(&owner), "/api/servers/host_key", place).await;
    assert!(
        field(&answer, "address")
            .unwrap()
            .contains("a loopback address")
    );
    // The name may lead elsewhere when it is added, as whoever owns it likes.
    let created = app
        .call(Some(&owner), "/api/servers/create", server("localhost"))
        .await;
    assert_eq!(created.status, StatusCode::OK, "{}", created.body);
    let input = json!({ "server_id": created.body });
    let checked = app.call(Some(&owner), "/api/servers/check", input).await;
    let error = checked.body["error"].as_str().unwrap();
    assert!(error.contains("a loopback address"), "{error}");
}

#[tokio::test]
async fn a_server_is_not_moved_there_either() {
    let mut app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.keep_off_this_machine();
    let fields = |address: &str| {
        json!({
            "name": "web-1", "address": address, "port": "22", "user": "root", "provider": "", "notes": "",
        })
    };
    let input = json!({
        "server_id": id, "fields": fields("127.0.0.1"), "shown": fields("203.0.113.7"), "host_key": "keep_pinned",
    });
    let answer = app.call(Some(&owner), "/api/servers/update", input).await;
    assert!(field(&answer, "address").is_some(), "{}", answer.body);
}
