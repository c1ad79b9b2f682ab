use axum::http::StatusCode;
use serde_json::{Value, json};
use ssh::fake::Answer;
use ssh::{ExitStatus, Stream};
use wire::ServerId;

use crate::support::{TestApp, Visitor, field};

async fn shown(app: &TestApp, who: &Visitor, server: ServerId) -> Value {
    let input = json!({ "server_id": server });
    app.call(Some(who), "/api/servers/show", input).await.body
}

async fn provision(app: &TestApp, who: &Visitor, input: Value) -> crate::support::Answer {
    app.call(Some(who), "/api/servers/provision", input).await
}

/// The end of the latest provisioning.
async fn ended(app: &TestApp, who: &Visitor, server: ServerId) -> Value {
    let input = json!({ "server_id": server });
    let is_over = |body: &Value| {
        matches!(
            body["provisioning"]["state"].as_str(),
            Some("succeeded" | "failed")
        )
    };
    let body = app.wait_for(who, "/api/servers/show", input, is_over).await;
    body["provisioning"].clone()
}

#[tokio::test]
async fn choices_that_nobody_offers_are_refused_and_nothing_is_queued() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    for php in [
        "", "8", "8.2.1", "8.2;id", "$(id)", "8.2\n", "-8.2", "latest",
    ] {
        let choices = json!({ "php": php, "parts": [] });
        let input = json!({ "server_id": server, "choices": choices });
        let answer = provision(&app, &owner, input).await;
        assert!(field(&answer, "php").is_some(), "{php:?}: {}", answer.body);
    }
    for choices in [
        json!({ "php": "8.2", "parts": ["mysql"] }),
        json!({ "php": "8.2", "parts": [], "status": "active" }),
        json!({ "php": "8.2" }),
        json!("8.2"),
    ] {
        let input = json!({ "server_id": server, "choices": choices });
        let answer = provision(&app, &owner, input).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    }
    assert_eq!(
        shown(&app, &owner, server).await["provisioning"],
        Value::Null
    );
}

#[tokio::test]
async fn what_was_chosen_decides_the_steps_and_stays_chosen_for_the_next_time() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    assert_eq!(
        shown(&app, &owner, server).await["software"]["chosen"],
        json!({ "php": "own", "parts": [] })
    );
    let choices = json!({ "php": "none", "parts": ["redis", "mariadb"] });
    let input = json!({ "server_id": server, "choices": choices });
    let answer = provision(&app, &owner, input).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    // The web server is asked last, from outside; nothing answers at this address.
    app.connector.remote.respond(|_| Answer::code(1));
    app.start_worker();
    let titles = |operation: &Value| -> Vec<String> {
        let steps = operation["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = titles(&ended(&app, &owner, server).await);
    for (title, is_there) in [
        ("MariaDB", true),
        ("Redis", true),
        ("PHP", false),
        ("Node.js", false),
    ] {
        assert_eq!(first.iter().any(|it| it == title), is_there, "{first:?}");
    }

    let again = json!({ "server_id": server });
    assert_eq!(provision(&app, &owner, again).await.status, StatusCode::OK);
    let second = titles(&ended(&app, &owner, server).await);
    assert_eq!(first, second);
    assert_eq!(
        shown(&app, &owner, server).await["software"]["chosen"],
        json!({ "php": "none", "parts": ["mariadb", "redis"] })
    );
}

#[tokio::test]
async fn a_step_that_fails_tells_its_cause_its_exit_code_and_what_to_do_next() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| {
        Answer::code(100).and(
            Stream::Stdout,
            "::fact otherwise Could not install: nginx.\nE: You don't have enough free space in /var/cache/apt/archives/.\n",
        )
    });
    let input = json!({ "server_id": server });
    assert_eq!(provision(&app, &owner, input).await.status, StatusCode::OK);
    app.start_worker();
    let operation = ended(&app, &owner, server).await;
    let step = &operation["steps"][0];
    assert_eq!(step["exit"], "exit code 100");
    assert_eq!(step["diagnosis"]["kind"], "disk_full");
    let (what, next) = (&step["diagnosis"]["sentence"], &step["diagnosis"]["action"]);
    assert!(
        what.as_str().unwrap().contains("/var/cache/apt/archives"),
        "{what}"
    );
    assert!(next.as_str().unwrap().ends_with("then retry."), "{next}");
    let error = operation["error"].as_str().unwrap();
    assert!(error.contains(what.as_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_step_that_was_killed_is_told_from_one_that_failed() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| Answer {
        result: Ok(ExitStatus::Signal("KILL".into())),
        ..Answer::code(0)
    });
    let input = json!({ "server_id": server });
    provision(&app, &owner, input).await;
    app.start_worker();
    let operation = ended(&app, &owner, server).await;
    let step = &operation["steps"][0];
    assert_eq!(step["diagnosis"]["kind"], "out_of_memory");
    assert_eq!(step["exit"], "killed by signal KILL");
}

#[tokio::test]
async fn what_a_server_offers_is_asked_once_when_the_key_is_accepted() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector
        .remote
        .respond(|_| Answer::stdout("::fact os Debian 12.11\n::fact php_offered 8.2 8.4 $(id)\n"));
    let input = json!({ "server_id": server });
    for _ in 0..2 {
        app.call(Some(&owner), "/api/servers/check", input.clone())
            .await;
    }
    let shown = shown(&app, &owner, server).await;
    assert_eq!(shown["software"]["php_offered"], json!(["8.2", "8.4"]));
    assert_eq!(shown["summary"]["os"], "Debian 12.11");
    assert_eq!(app.connector.remote.runs().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_tell_what_it_offers_is_connected_all_the_same() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    app.connector.remote.respond(|_| Answer::code(127));
    let input = json!({ "server_id": server });
    app.call(Some(&owner), "/api/servers/check", input).await;
    let shown = shown(&app, &owner, server).await;
    assert_eq!(shown["summary"]["connection"], "connected");
    assert_eq!(shown["software"]["php_offered"], json!([]));
}
