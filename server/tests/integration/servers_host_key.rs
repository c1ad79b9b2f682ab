//! Changed host keys, against a real sshd: nothing is sent to a server before somebody has decided.

use std::fs;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use wire::ServerId;

use crate::servers_edit::last_entry;
use crate::sshd::{Sshd, own_user};
use crate::support::{Answer, TestApp, Visitor, field};

/// A panel that is let in to a real sshd.
struct Fixture {
    app: TestApp,
    owner: Visitor,
    sshd: Sshd,
    id: ServerId,
}

impl Fixture {
    async fn start() -> Self {
        let app = TestApp::start_over_ssh().await;
        let owner = app.owner().await;
        let sshd = Sshd::start();
        let created = app
            .call(
                Some(&owner),
                "/api/servers/create",
                json!({
                    "name": "web-1", "address": "127.0.0.1", "port": sshd.port.to_string(),
                    "user": own_user(), "host_key": sshd.host_key().await.to_string(),
                }),
            )
            .await;
        let id = ServerId(created.body.as_i64().unwrap());
        let fixture = Self {
            app,
            owner,
            sshd,
            id,
        };
        fixture.authorize(&fixture.sshd).await;
        fixture.check().await;
        fixture
    }

    /// Lets the panel's key in, as pasting the shown line does.
    async fn authorize(&self, sshd: &Sshd) {
        let row = domain::servers::row(&self.app.panel.db, self.id)
            .await
            .unwrap();
        fs::create_dir_all(sshd.home.join(".ssh")).unwrap();
        fs::write(sshd.authorized_keys(), row.public_key + "\n").unwrap();
    }

    async fn check(&self) -> Value {
        self.call("/api/servers/check", json!({ "server_id": self.id }))
            .await
            .body
    }

    async fn show(&self) -> Value {
        self.call("/api/servers/show", json!({ "server_id": self.id }))
            .await
            .body
    }

    async fn accept(&self, host_key: &Value, name: &str) -> Answer {
        let input = json!({ "server_id": self.id, "host_key": host_key, "confirm_name": name });
        self.call("/api/servers/accept_host_key", input).await
    }

    /// Moves the server to another port.
    async fn move_to(&self, port: u16, decision: Value) -> Answer {
        let now = self.show().await;
        let shown = json!({
            "name": now["summary"]["name"], "address": "127.0.0.1",
            "port": now["summary"]["port"].to_string(), "user": own_user(), "provider": "", "notes": "",
        });
        let mut fields = shown.clone();
        fields["port"] = json!(port.to_string());
        let input = json!({
            "server_id": self.id, "fields": fields, "shown": shown, "host_key": decision,
        });
        self.call("/api/servers/update", input).await
    }

    async fn call(&self, path: &str, input: Value) -> Answer {
        self.app.call(Some(&self.owner), path, input).await
    }

    /// Waits for the check that follows a decision. Who is not root gets in and is refused further on.
    async fn gets_in(&self, sshd: &Sshd) {
        let input = json!({ "server_id": self.id });
        self.app
            .wait_for(&self.owner, "/api/servers/show", input, |_| {
                sshd.logins() > 0
            })
            .await;
    }
}

#[tokio::test]
async fn a_key_that_changed_stops_every_login_until_it_is_accepted_by_name() {
    let fixture = Fixture::start().await;
    fixture.gets_in(&fixture.sshd).await;
    let pinned = fixture.show().await["host_key"].clone();
    fixture.sshd.change_host_key().await;
    let log_before = fixture.sshd.log().len();

    // The connection from before lives on; whoever logs in anew is stopped.
    let mut fresh = fixture;
    fresh.app.forget_connections();
    assert_eq!(fresh.check().await["connection"], "host_key_changed");
    let shown = fresh.show().await;
    let found = &shown["found_host_key"];
    assert_eq!(shown["host_key"], pinned);
    assert_eq!(
        found["fingerprint"],
        fresh.sshd.host_key().await.fingerprint()
    );
    let provision = json!({ "server_id": fresh.id });
    for path in ["/api/servers/provision", "/api/servers/reboot"] {
        let refused = fresh.call(path, provision.clone()).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
    }
    let log = fresh.sshd.log();
    assert!(!log[log_before..].contains("userauth-request"), "{log}");

    let key = &found["host_key"];
    let wrong_name = fresh.accept(key, "web-2").await;
    assert!(field(&wrong_name, "confirm_name").is_some());
    let wrong_key = fresh.accept(&pinned["host_key"], "web-1").await;
    assert_eq!(wrong_key.status, StatusCode::CONFLICT);
    assert_eq!(fresh.show().await["host_key"], pinned);
    let log = fresh.sshd.log();
    assert!(!log[log_before..].contains("userauth-request"), "{log}");

    let accepted = fresh.accept(key, "web-1").await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.body);
    let entry = last_entry(&fresh.app).await;
    assert!(
        entry
            .sentence
            .contains(pinned["fingerprint"].as_str().unwrap())
            && entry
                .sentence
                .contains(found["fingerprint"].as_str().unwrap())
            && entry.actor == "Ada",
        "{}",
        entry.sentence
    );
    let sshd = &fresh.sshd;
    let input = json!({ "server_id": fresh.id });
    fresh
        .app
        .wait_for(&fresh.owner, "/api/servers/show", input, |body| {
            sshd.log()[log_before..].contains("Accepted publickey")
                && body["found_host_key"].is_null()
                && body["summary"]["connection"] != "host_key_changed"
        })
        .await;
}

#[tokio::test]
async fn another_port_with_the_same_key_is_saved_and_the_connection_checked() {
    let fixture = Fixture::start().await;
    let port = cable_to(fixture.sshd.port).await;
    let answer = fixture.move_to(port, json!("verify")).await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
    assert_eq!(fixture.show().await["summary"]["port"], port);
    fixture.gets_in(&fixture.sshd).await;
}

#[tokio::test]
async fn a_port_where_nobody_answers_is_saved_only_by_a_second_decision_and_keeps_the_pin() {
    let fixture = Fixture::start().await;
    let pinned = fixture.show().await["host_key"].clone();
    let port = {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        nobody.local_addr().unwrap().port()
    };
    let answer = fixture.move_to(port, json!("verify")).await;
    assert_eq!(answer.body["outcome"], "unreachable");
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("refused the connection"), "{message}");
    assert_eq!(fixture.show().await["summary"]["port"], fixture.sshd.port);

    let answer = fixture.move_to(port, json!("keep_pinned")).await;
    assert_eq!(answer.body, json!({ "outcome": "saved" }));
    let now = fixture.show().await;
    assert_eq!(now["summary"]["port"], port);
    assert_eq!(now["host_key"], pinned);
}

#[tokio::test]
async fn another_key_at_the_new_port_saves_nothing_until_it_is_accepted() {
    let fixture = Fixture::start().await;
    let before = fixture.show().await;
    let other = Sshd::start();
    fixture.authorize(&other).await;

    let answer = fixture.move_to(other.port, json!("verify")).await;
    assert_eq!(answer.body["outcome"], "other_host_key");
    assert_eq!(answer.body["pinned"], before["host_key"]);
    let found = answer.body["found"].clone();
    assert_eq!(found["fingerprint"], other.host_key().await.fingerprint());

    let accept =
        |key: &Value, name: &str| json!({ "accept": { "host_key": key, "confirm_name": name } });
    let wrong = accept(&found["host_key"], "web-9");
    let wrong_name = fixture.move_to(other.port, wrong).await;
    assert!(field(&wrong_name, "confirm_name").is_some());
    // A decision for a key that is not the one there is no decision.
    let stale = accept(&before["host_key"]["host_key"], "web-1");
    let stale = fixture.move_to(other.port, stale).await;
    assert_eq!(stale.body["outcome"], "other_host_key");
    let unchanged = fixture.show().await;
    assert_eq!(unchanged["summary"]["port"], fixture.sshd.port);
    assert_eq!(unchanged["host_key"], before["host_key"]);
    assert!(!other.log().contains("userauth-request"), "{}", other.log());

    let accepted = accept(&found["host_key"], "web-1");
    let answer = fixture.move_to(other.port, accepted).await;
    assert_eq!(
        answer.body,
        json!({ "outcome": "saved" }),
        "{}",
        answer.body
    );
    let now = fixture.show().await;
    assert_eq!(now["host_key"], found);
    assert_eq!(now["summary"]["port"], other.port);
    fixture.gets_in(&other).await;
}

/// A port that leads to another one.
async fn cable_to(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    own
}
