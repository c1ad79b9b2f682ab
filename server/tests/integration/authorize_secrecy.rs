//! A password given once is nowhere to be found afterwards, whatever the server prints of it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::Request;
use serde_json::json;
use ssh::fake::Answer;
use ssh::{ALLOW_SUDO, Stream};

use crate::authorize::{CANARY, MARK, end_of, give, new_server, no_privilege};
use crate::databases::{connect, dump};
use crate::support::{TestApp, field};

#[tokio::test]
async fn the_password_is_in_no_log_no_database_and_no_answer_even_if_the_server_prints_it() {
    const CONTROL: &str = "control-9b2c";
    let logs = Logs::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer({
            let logs = logs.clone();
            move || logs.clone()
        })
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("{CONTROL} in the log");

    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = new_server(&app, &owner, "admin").await;
    app.connector.remote.refuse_privilege(no_privilege());
    app.connector.remote.respond(|run| {
        let text = format!("{CONTROL} {CANARY}\n::summary {CANARY}\n::error {CONTROL} {CANARY}\n");
        let answer = Answer::code(u32::from(run.script == ALLOW_SUDO));
        answer.and(Stream::Stderr, &text)
    });
    let mut seen = String::new();
    let refused = app
        .call(
            Some(&owner),
            "/api/servers/authorize",
            json!({ "server_id": server, "password": format!("{CANARY}\nsecond line") }),
        )
        .await;
    assert!(field(&refused, "password").is_some(), "{}", refused.body);
    seen += &refused.body.to_string();

    let waiting = give(&app, &owner, server, CANARY).await;
    let databases = [stored(&app).await];
    app.start_worker();
    end_of(&app, &owner, waiting).await;
    for (path, input) in [
        ("/api/servers/show", json!({ "server_id": server })),
        ("/api/servers/list", json!({})),
        ("/api/operations/show", json!({ "operation_id": waiting })),
        (
            "/api/operations/output",
            json!({ "operation_id": waiting, "after": 0 }),
        ),
    ] {
        seen += &app.call(Some(&owner), path, input).await.body.to_string();
    }
    for page in [
        format!("/servers/{server}"),
        format!("/servers/{server}/operations/{waiting}"),
    ] {
        let request = Request::get(page)
            .header("cookie", &owner.cookie)
            .body(axum::body::Body::empty())
            .unwrap();
        seen += &app.send(request).await.body.to_string();
    }

    for (place, bytes) in [
        ("answers", seen.into_bytes()),
        ("database while it waited", databases[0].clone()),
        ("database", stored(&app).await),
        ("log", logs.0.lock().unwrap().clone()),
    ] {
        assert!(!holds(&bytes, MARK), "{place}");
        // The search does find what is there.
        let control = if place == "database while it waited" {
            "web-1"
        } else {
            CONTROL
        };
        assert!(holds(&bytes, control), "{place} lacks {control}");
    }
}

/// All bytes in the panel's folder, and every row of its database.
async fn stored(app: &TestApp) -> Vec<u8> {
    let rows = dump(&connect(app.data()).await).await;
    std::fs::read_dir(app.data())
        .unwrap()
        .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default())
        .chain(rows.into_bytes())
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
