use ssh::{Client, Connector, Discard, Error, PinnedHostKey, Privilege, Script, generate_key};
use std::time::Duration;

use crate::odd_servers::Cable;
use crate::sshd::{Sshd, own_user, target};

const TRUE: Script = Script::new("true\n");

#[tokio::test]
async fn the_host_key_is_fetched_without_logging_in() {
    let sshd = Sshd::start();
    let key = sshd.host_key().await;
    assert_eq!(key.algorithm(), "ssh-ed25519");
    assert!(key.fingerprint().starts_with("SHA256:"));
    assert!(!sshd.log().contains("userauth-request"), "{}", sshd.log());
}

#[tokio::test]
async fn every_accepted_type_of_host_key_can_be_pinned() {
    for (kind, algorithm) in [("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256")] {
        let sshd = Sshd::start_with_host_key(kind);
        let (_, target, remote) = sshd.log_in().await;
        assert_eq!(target.host_key.algorithm(), algorithm);
        assert!(run(&*remote).await.is_ok());
    }
}

#[tokio::test]
async fn a_changed_host_key_stops_before_authentication() {
    let sshd = Sshd::start();
    let key = generate_key("test").unwrap();
    sshd.authorize(&key);
    let other: PinnedHostKey = generate_key("other").unwrap().public_line.parse().unwrap();
    let found = sshd.host_key().await;

    let error = failure(
        &Client::new(ssh::Reach::everywhere()),
        &target(sshd.port, other.clone(), &key),
    )
    .await;

    assert!(
        matches!(&error, Error::HostKeyChanged { expected, found: seen, found_key: Some(key), .. }
            if expected.contains(other.fingerprint()) && seen.contains(found.fingerprint()) && **key == found),
        "{error:?}"
    );
    assert!(!sshd.log().contains("userauth-request"), "{}", sshd.log());

    // The same log line does appear when the key is right.
    Client::new(ssh::Reach::everywhere())
        .connect(&sshd.target(&key).await)
        .await
        .unwrap();
    assert!(sshd.log().contains("userauth-request"));
}

#[tokio::test]
async fn a_host_key_of_another_type_is_a_changed_host_key() {
    let sshd = Sshd::start_with_host_key("ecdsa");
    let key = generate_key("test").unwrap();
    sshd.authorize(&key);
    let pinned: PinnedHostKey = generate_key("old").unwrap().public_line.parse().unwrap();

    let error = failure(
        &Client::new(ssh::Reach::everywhere()),
        &target(sshd.port, pinned, &key),
    )
    .await;

    assert!(
        matches!(&error, Error::HostKeyChanged { found, found_key: Some(key), .. }
            if found.contains("ecdsa-sha2-nistp256") && key.algorithm() == "ecdsa-sha2-nistp256"),
        "{error:?}"
    );
    assert!(!sshd.log().contains("userauth-request"), "{}", sshd.log());
}

#[tokio::test]
async fn a_pinned_key_is_found_again_beside_a_better_one() {
    let sshd = Sshd::start_with_host_key("ecdsa");
    let pinned = sshd.host_key().await;
    let both = Sshd::start_with(&format!("HostKey {}", sshd.host_key_file().display()));
    assert_eq!(both.host_key().await.algorithm(), "ssh-ed25519");
    let found =
        ssh::fetch_host_key_like(&ssh::Reach::everywhere(), &pinned, "127.0.0.1", both.port).await;
    assert_eq!(found, Ok(pinned));
    // A server without the pinned type shows what it has.
    let ed25519 = both.host_key().await;
    let other =
        ssh::fetch_host_key_like(&ssh::Reach::everywhere(), &ed25519, "127.0.0.1", sshd.port).await;
    assert_eq!(other.unwrap().algorithm(), "ecdsa-sha2-nistp256");
}

#[tokio::test]
async fn a_server_with_an_rsa_key_only_is_told_what_to_do() {
    let sshd = Sshd::start_with_host_key("rsa");
    let error = ssh::fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", sshd.port)
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::UnsupportedHostKey { offered, .. } if !offered.is_empty()));
    assert!(error.to_string().contains("ssh-keygen -A"), "{error}");
}

#[tokio::test]
async fn a_refused_key_lists_the_methods_the_server_offers() {
    let sshd = Sshd::start_with("PasswordAuthentication yes");
    let key = generate_key("test").unwrap();
    let error = failure(
        &Client::new(ssh::Reach::everywhere()),
        &sshd.target(&key).await,
    )
    .await;
    assert_eq!(
        error,
        Error::KeyRefused {
            place: ssh::Place::new("127.0.0.1", sshd.port),
            user: own_user(),
            offered: vec!["publickey".into(), "password".into()],
            more_needed: false,
        }
    );
    assert!(
        error
            .to_string()
            .contains("it accepts: publickey, password"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_wants_a_password_as_well_is_told_apart() {
    let sshd =
        Sshd::start_with("PasswordAuthentication yes\nAuthenticationMethods publickey,password");
    let key = generate_key("test").unwrap();
    sshd.authorize(&key);
    let error = failure(
        &Client::new(ssh::Reach::everywhere()),
        &sshd.target(&key).await,
    )
    .await;
    assert!(
        matches!(
            &error,
            Error::KeyRefused {
                more_needed: true,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn thirty_callers_at_once_share_one_login() {
    let sshd = Sshd::start();
    let key = generate_key("test").unwrap();
    sshd.authorize(&key);
    let target = sshd.target(&key).await;
    let client = std::sync::Arc::new(Client::new(ssh::Reach::everywhere()));

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (client, target) = (client.clone(), target.clone());
        callers.spawn(async move { client.connect(&target).await.map(|_| ()) });
    }
    assert!(
        callers
            .join_all()
            .await
            .into_iter()
            .all(|outcome| outcome.is_ok())
    );
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn a_forgotten_connection_is_made_anew_and_the_old_one_runs_on() {
    let sshd = Sshd::start();
    let (client, target, old) = sshd.log_in().await;
    client.forget(target.server).await;
    let new = client.connect(&target).await.unwrap();
    assert_eq!(sshd.logins(), 2);
    assert!(run(&*old).await.is_ok());
    assert!(run(&*new).await.is_ok());
}

#[tokio::test]
async fn another_login_for_the_same_server_is_not_served_by_the_kept_connection() {
    let sshd = Sshd::start();
    let (client, mut target, _) = sshd.log_in().await;
    target.private_key = generate_key("stranger").unwrap().private_key;
    assert!(matches!(
        failure(&client, &target).await,
        Error::KeyRefused { .. }
    ));
}

#[tokio::test]
async fn a_dead_connection_is_replaced() {
    let sshd = Sshd::start();
    let cable = Cable::to(sshd.port).await;
    let (client, mut target, _) = sshd.log_in().await;
    target.port = cable.port;
    let old = client.connect(&target).await.unwrap();
    cable.pull();
    assert!(matches!(run(&*old).await, Err(Error::Lost { .. })));

    let new = client.connect(&target).await.unwrap();
    assert!(run(&*new).await.is_ok());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let error = ssh::fetch_host_key(&ssh::Reach::everywhere(), "no-such-host.invalid", 22)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NameDoesNotResolve { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().starts_with("no-such-host.invalid:22:"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_refused() {
    let (listener, port) = crate::odd_servers::listen().await;
    drop(listener);
    let error = ssh::fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", port)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_the_panels_own_fault() {
    let sshd = Sshd::start();
    let mut target = sshd.target(&generate_key("test").unwrap()).await;
    target.private_key = "nonsense".to_owned().into();
    assert!(matches!(
        failure(&Client::new(ssh::Reach::everywhere()), &target).await,
        Error::UnreadableKey { .. }
    ));
}

async fn failure(client: &Client, target: &ssh::Target) -> Error {
    client
        .connect(target)
        .await
        .map(|_| ())
        .expect_err("the login fails")
}

async fn run(remote: &dyn ssh::Remote) -> Result<ssh::Exit, Error> {
    remote
        .run(
            TRUE,
            Privilege::Login,
            Vec::new(),
            Duration::from_secs(20),
            &mut Discard,
        )
        .await
}
