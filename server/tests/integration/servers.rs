use axum::http::StatusCode;
use serde_json::json;
use ssh::{Error, Place};

use crate::databases;
use crate::support::{HOST_KEY, TestApp, field};

#[tokio::test]
async fn every_wrong_field_of_a_new_server_gets_a_sentence() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let good = json!({ "name": "web-1", "address": "203.0.113.7", "port": "22", "user": "root", "host_key": HOST_KEY });
    let long = "x".repeat(1000);
    for (name, value) in [
        ("port", "0"),
        ("port", "65536"),
        ("port", "80;id"),
        ("address", "http://a.example"),
        ("address", "a b"),
        ("address", "-oProxyCommand=id"),
        ("user", "-x"),
        ("host_key", "ssh-rsa AAAA"),
        ("host_key", ""),
        ("name", &long),
        ("name", "a\nb"),
        ("name", "a\0"),
        ("name", "a\u{200f}b"),
    ] {
        let mut input = good.clone();
        input[name] = json!(value);
        let answer = app.call(Some(&owner), "/api/servers/create", input).await;
        assert!(
            field(&answer, name).is_some(),
            "{name}={value:?}: {}",
            answer.body
        );
    }
    let list = app
        .call(Some(&owner), "/api/servers/list", json!({}))
        .await
        .body;
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn a_private_key_is_sealed_at_rest_and_in_no_answer() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let row = domain::servers::row(&app.panel.db, id).await.unwrap();
    assert!(!row.sealed_private_key.is_empty() && !row.sealed_private_key.contains("OPENSSH"));
    let shown = app
        .call(
            Some(&owner),
            "/api/servers/show",
            json!({ "server_id": id }),
        )
        .await
        .body
        .to_string();
    assert!(!shown.contains("PRIVATE") && !shown.contains(&row.sealed_private_key));
    assert!(shown.contains("authorized_keys"), "{shown}");
}

#[tokio::test]
async fn a_key_that_was_not_pasted_yet_is_no_failure_and_a_refusal_later_is() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let created = app
        .call(Some(&owner), "/api/servers/create", json!({
            "name": "web-1", "address": "203.0.113.7", "port": "22", "user": "root", "host_key": HOST_KEY,
        }))
        .await;
    let input = json!({ "server_id": created.body });
    let refused = Error::KeyRefused {
        place: Place::new("203.0.113.7", 22),
        user: "root".into(),
        offered: vec!["password".into()],
        more_needed: false,
    };
    let connection = async || {
        app.call(Some(&owner), "/api/servers/check", input.clone())
            .await;
        app.call(Some(&owner), "/api/servers/show", input.clone())
            .await
            .body["summary"]["connection"]
            .clone()
    };
    app.connector.refuse(Some(refused.clone()));
    assert_eq!(connection().await, "awaiting_key");
    app.connector.refuse(None);
    assert_eq!(connection().await, "connected");
    app.connector.refuse(Some(refused));
    assert_eq!(connection().await, "failed");
}

#[tokio::test]
async fn removing_a_server_wants_its_name_and_waits_for_its_operations() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let remove = async |name: &str| {
        app.call(
            Some(&owner),
            "/api/servers/remove",
            json!({ "server_id": id, "confirm_name": name }),
        )
        .await
    };
    assert!(field(&remove("web-2").await, "confirm_name").is_some());
    let queued = app
        .call(
            Some(&owner),
            "/api/servers/provision",
            json!({ "server_id": id }),
        )
        .await;
    assert_eq!(queued.status, StatusCode::OK, "{}", queued.body);
    assert_eq!(remove("web-1").await.status, StatusCode::CONFLICT);
    let claim = domain::queue::claim(&app.panel, "one")
        .await
        .unwrap()
        .unwrap();
    claim
        .finish(&app.panel.db, domain::queue::Outcome::Succeeded)
        .await
        .unwrap();
    assert_eq!(remove("web-1").await.status, StatusCode::OK);
    assert!(
        app.connector
            .remote
            .runs()
            .iter()
            .any(|run| run.script == ssh::REMOVE_KEY)
    );
    let list = app
        .call(Some(&owner), "/api/servers/list", json!({}))
        .await
        .body;
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn a_removed_server_keeps_neither_sudo_nor_key_and_what_stays_is_told() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let remove = async |id| {
        let input = json!({ "server_id": id, "confirm_name": "web-1" });
        app.call(Some(&owner), "/api/servers/remove", input)
            .await
            .body
    };
    let id = app.provisioned_server(&owner).await;
    assert_eq!(remove(id).await, json!({ "key_stays": null }));
    let runs = app.connector.remote.runs();
    let scripts: Vec<_> = runs.iter().map(|run| run.script).collect();
    assert_eq!(scripts, [ssh::FORBID_SUDO, ssh::REMOVE_KEY]);
    assert_eq!(runs[0].stdin, b"root\n");

    let id = app.provisioned_server(&owner).await;
    app.connector.refuse(Some(Error::Refused {
        place: Place::new("203.0.113.7", 22),
    }));
    let told = remove(id).await["key_stays"].as_str().unwrap().to_owned();
    assert!(told.contains("refused the connection"), "{told}");
}

#[tokio::test]
async fn a_removal_that_fails_in_the_panel_leaves_its_key_on_the_server() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let fault = if databases::is_postgres() {
        "CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$;
         CREATE TRIGGER kept BEFORE DELETE ON servers FOR EACH ROW EXECUTE FUNCTION kept()"
    } else {
        "CREATE TRIGGER kept BEFORE DELETE ON servers BEGIN SELECT RAISE(FAIL, 'kept'); END"
    };
    databases::execute(app.panel.db.writes(), fault).await;
    let input = json!({ "server_id": id, "confirm_name": "web-1" });
    let answer = app.call(Some(&owner), "/api/servers/remove", input).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(app.connector.remote.runs().is_empty());
}

#[tokio::test]
async fn provisioning_twice_at_once_is_refused() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    let input = json!({ "server_id": id });
    assert_eq!(
        app.call(Some(&owner), "/api/servers/provision", input.clone())
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        app.call(Some(&owner), "/api/servers/provision", input)
            .await
            .status,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_host_key_that_changed_stops_everything_and_both_fingerprints_are_shown() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let id = app.provisioned_server(&owner).await;
    app.connector.refuse(Some(Error::HostKeyChanged {
        place: Place::new("203.0.113.7", 22),
        expected: "ssh-ed25519 SHA256:old".into(),
        found: "ssh-ed25519 SHA256:new".into(),
        found_key: None,
    }));
    app.call(
        Some(&owner),
        "/api/servers/check",
        json!({ "server_id": id }),
    )
    .await;
    let shown = app
        .call(
            Some(&owner),
            "/api/servers/show",
            json!({ "server_id": id }),
        )
        .await
        .body;
    assert_eq!(shown["summary"]["connection"], "host_key_changed");
    let sentence = shown["summary"]["connection_error"].as_str().unwrap();
    assert!(
        sentence.contains("SHA256:old") && sentence.contains("SHA256:new"),
        "{sentence}"
    );
    assert!(app.connector.remote.runs().is_empty());
}

#[tokio::test]
async fn a_server_that_accepts_tcp_and_never_speaks_is_named_within_ten_seconds() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let started = std::time::Instant::now();
    let answer = app
        .call(
            Some(&owner),
            "/api/servers/host_key",
            json!({ "address": "127.0.0.1", "port": port }),
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(
        answer.body["message"]
            .as_str()
            .unwrap()
            .contains("did not answer in time")
    );
    assert!(started.elapsed().as_secs() <= 11);
}
