//! `brokeforge user`, the real program on the data folder of a panel that runs.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::databases::is_postgres;
use crate::process::on_its_database;
use crate::support::{PASSWORD, TestApp};

const NEW: &str = "another horse battery";

#[tokio::test]
async fn a_password_is_reset_from_standard_input_beside_a_running_panel() {
    let app = TestApp::start().await;
    let ada = app.owner().await;
    let output = run(
        &app,
        &["reset-password", " ADA@example.com", "--stdin"],
        &format!("{NEW}\n"),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!stdout(&output).contains(NEW));
    assert!(stdout(&output).contains("Its session was ended."));
    let call = app.call(Some(&ada), "/api/servers/list", json!({})).await;
    assert_eq!(call.status, StatusCode::UNAUTHORIZED);
    app.sign_in("ada@example.com", NEW).await;
    let old = app
        .call(
            None,
            "/api/accounts/sign_in",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_password_that_the_program_makes_up_is_printed_and_works() {
    let app = TestApp::start().await;
    app.owner().await;
    let output = run(
        &app,
        &["reset-password", "ada@example.com", "--generate"],
        "",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let password = text
        .lines()
        .find_map(|line| line.strip_prefix("Password: "))
        .unwrap();
    assert_eq!(password.len(), 23);
    app.sign_in("ada@example.com", password).await;
}

/// `script` gives the program a terminal of its own.
#[tokio::test]
async fn a_password_is_asked_for_on_the_terminal_without_being_shown() {
    let app = TestApp::start().await;
    app.owner().await;
    let command = format!(
        "{} user reset-password ada@example.com --data {}",
        env!("CARGO_BIN_EXE_brokeforge"),
        app.data().display()
    );
    let mut terminal = Command::new("script");
    on_its_database(&mut terminal, app.data());
    let mut process = terminal
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = process.stdin.take().unwrap();
    let mut screen = process.stdout.take().unwrap();
    let mut shown = String::new();
    for prompt in ["New password for ada@example.com: ", "The same again: "] {
        while !shown.ends_with(prompt) {
            let mut byte = [0];
            screen.read_exact(&mut byte).expect("a prompt");
            shown.push(char::from(byte[0]));
        }
        // The terminal stops showing what is typed right after the prompt.
        tokio::time::sleep(Duration::from_millis(300)).await;
        keyboard.write_all(format!("{NEW}\n").as_bytes()).unwrap();
    }
    screen.read_to_string(&mut shown).unwrap();
    assert!(process.wait().unwrap().success(), "{shown}");
    assert!(!shown.contains(NEW), "the password was shown");
    app.sign_in("ada@example.com", NEW).await;
}

#[tokio::test]
async fn an_unknown_email_is_answered_with_the_nearest_one() {
    let app = TestApp::start().await;
    app.owner().await;
    let near = run(
        &app,
        &["reset-password", "ada@exmple.com", "--generate"],
        "",
    );
    assert!(!near.status.success());
    assert!(
        stderr(&near).contains("Did you mean ada@example.com?"),
        "{}",
        stderr(&near)
    );
    let far = run(
        &app,
        &["reset-password", "zoe@panel.test", "--generate"],
        "",
    );
    assert!(
        stderr(&far).contains("brokeforge user list"),
        "{}",
        stderr(&far)
    );
}

#[tokio::test]
async fn a_bad_password_a_missing_terminal_and_a_missing_panel_are_told_apart() {
    let app = TestApp::start().await;
    app.owner().await;
    let mut cases = vec![
        (
            &["reset-password", "ada@example.com", "--stdin"][..],
            "short\n",
            "at least 10 characters",
        ),
        (&["reset-password", "ada@example.com"], "", "--stdin"),
    ];
    if !is_postgres() {
        cases.push((
            &["list", "--data", "/nonexistent"],
            "",
            "there is no panel in /nonexistent",
        ));
    }
    for (arguments, input, words) in cases {
        let output = run(&app, arguments, input);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    assert!(!std::path::Path::new("/nonexistent").exists());
    app.sign_in("ada@example.com", PASSWORD).await;
}

#[tokio::test]
async fn accounts_are_listed() {
    let app = TestApp::start().await;
    let empty = run(&app, &["list"], "");
    assert!(stdout(&empty).contains("/setup"), "{}", stdout(&empty));
    app.owner().await;
    app.other_owner().await;
    let output = run(&app, &["list"], "");
    assert_eq!(
        stdout(&output),
        "ada@example.com  administrator  Ada\nbob@example.com  member         Bob\n"
    );
}

fn run(app: &TestApp, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokeforge"));
    command
        .env("BROKEFORGE_DATA", app.data())
        .arg("user")
        .args(arguments);
    on_its_database(&mut command, app.data());
    feed(command, input)
}

fn feed(mut command: Command, input: &str) -> Output {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails early does not read its input.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
