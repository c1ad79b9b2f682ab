use ssh::Place;
use ssh::fake::{Answer, FakeConnector};

use super::*;
use crate::plan::outline;

#[test]
fn the_steps_and_their_values_are_these() {
    let outlines: Vec<_> = plan("7-1").steps.iter().map(outline).collect();
    assert_eq!(
        outlines,
        [
            r#"Reboot as Root in 1200s [this reboot="7-1"]"#,
            "Wait until it is back as Root in 180s, booted anew within 420s []",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_knocked_at_until_it_has_booted_anew() {
    let connector = FakeConnector::new();
    connector.refuse(Some(Error::Refused { place: place() }));
    let waiting = tokio::spawn({
        let connector = connector.clone();
        async move { reconnect(&*connector, &target(), "7-1", Duration::from_mins(7)).await }
    });
    sleep(Duration::from_secs(30)).await;
    assert!(!waiting.is_finished());
    // It answers, still on the boot before; then it is back.
    connector.remote.respond(|_| Answer::code(75));
    connector.refuse(None);
    sleep(Duration::from_secs(30)).await;
    assert!(!waiting.is_finished());
    connector.remote.respond(|_| Answer::code(0));
    assert!(waiting.await.expect("ends").is_ok());
    let runs = connector.remote.runs();
    assert!(runs.len() > 10 && runs.iter().all(|run| run.stdin == b"7-1\n"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_comes_back_is_given_up_with_the_last_reason() {
    let connector = FakeConnector::new();
    connector.refuse(Some(Error::Refused { place: place() }));
    let sentence = reconnect(&*connector, &target(), "7-1", Duration::from_mins(7))
        .await
        .err()
        .expect("is there")
        .to_string();
    assert!(
        sentence.starts_with("The server is not back 7 minutes after the reboot.")
            && sentence.contains("203.0.113.7:22 refused the connection"),
        "{sentence}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_host_key_ends_the_wait_at_once() {
    let connector = FakeConnector::new();
    connector.refuse(Some(Error::HostKeyChanged {
        place: place(),
        expected: "old".into(),
        found: "new".into(),
        found_key: Some(Box::new(KEY.parse().expect("is a key"))),
    }));
    let error = reconnect(&*connector, &target(), "7-1", Duration::from_mins(7)).await;
    assert!(
        matches!(&error, Err(CheckError::HostKeyChanged { found: Some(found), .. }) if found == KEY)
    );
    assert!(connector.remote.runs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_asked_is_not_waited_for() {
    let connector = FakeConnector::new();
    connector.remote.respond(|_| Answer::code(76));
    let error = reconnect(&*connector, &target(), "7-1", Duration::from_mins(7)).await;
    assert!(
        matches!(error, Err(CheckError::Other(sentence)) if sentence.contains("knows nothing"))
    );
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn place() -> Place {
    Place::new("203.0.113.7", 22)
}

fn target() -> Target {
    Target {
        server: 1,
        address: "203.0.113.7".into(),
        port: 22,
        user: "root".into(),
        host_key: KEY.parse().expect("is a key"),
        private_key: String::new().into(),
    }
}
