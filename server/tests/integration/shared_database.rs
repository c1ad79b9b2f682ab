//! Several panels on one `PostgreSQL`. Where the suite runs on files there is nothing to share.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use domain::bus::{Heard, Listener, Topic};
use domain::db::hear_other_panels;
use provisioner::SshProber;
use serde_json::json;
use ssh::Reach;
use ssh::fake::{Answer, FakeConnector};
use tokio::time::timeout;
use wire::event::Event;
use wire::{ServerId, UserId};

use crate::databases::{column, connect, execute, is_postgres};
use crate::process::{Process, free_port, run};
use crate::support::{ORIGIN, TestApp, rule};

/// The next event, when it comes soon.
async fn next(listener: &mut Listener) -> Option<Heard> {
    timeout(Duration::from_secs(5), listener.next())
        .await
        .ok()
        .flatten()
}

/// Two panels that hear each other, and a listener on each topic at the second.
async fn two_panels() -> (TestApp, TestApp) {
    let first = TestApp::start().await;
    let second = first.beside().await;
    for app in [&first, &second] {
        let mut listener = app.panel.db.bus().listen();
        listener.join(Topic::User(UserId(0)));
        tokio::spawn(hear_other_panels(app.panel.db.clone()));
        // The first thing that is told is that something may have been missed.
        assert!(matches!(next(&mut listener).await, Some(Heard::Gap)));
    }
    (first, second)
}

/// What was changed before is on its way for a moment.
async fn until_quiet(listener: &mut Listener) {
    while timeout(Duration::from_millis(300), listener.next())
        .await
        .is_ok()
    {}
}

fn listen(app: &TestApp, topic: Topic) -> Listener {
    let mut listener = app.panel.db.bus().listen();
    listener.join(topic);
    listener
}

#[tokio::test]
async fn a_change_through_one_panel_is_heard_at_the_other_once_and_by_its_owner_only() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let other = first.other_owner().await;
    let server = first.provisioned_server(&owner).await;
    let mut specific = listen(&second, Topic::Server(server));
    until_quiet(&mut specific).await;
    let mut own = listen(&second, Topic::ServersOf(owner.who.user()));
    let mut foreign = listen(&second, Topic::ServersOf(other.who.user()));
    let mut here = listen(&first, Topic::Server(server));
    let input =
        json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form" });
    first
        .call(Some(&owner), "/api/firewall/create", input)
        .await;
    for listener in [&mut specific, &mut own, &mut here] {
        let heard = next(listener).await;
        let Some(Heard::Event(delivery)) = heard else {
            panic!("{heard:?}");
        };
        assert!(
            matches!(*delivery.event, Event::ServerUpdated { server_id, .. } if server_id == server)
        );
    }
    for listener in [&mut specific, &mut own, &mut foreign, &mut here] {
        let more = timeout(Duration::from_millis(300), listener.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let server = first.provisioned_server(&owner).await;
    let mut listener = listen(&second, Topic::Server(server));
    until_quiet(&mut listener).await;
    let row = domain::servers::row(&first.panel.db, server).await.unwrap();
    let mut tx = first.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.name = "web-2".to_owned())
        .await
        .unwrap();
    drop(tx);
    let heard = timeout(Duration::from_millis(500), listener.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn an_operation_that_another_panel_runs_is_told_of_with_its_title() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let server = first.provisioned_server(&owner).await;
    let mut listener = listen(&first, Topic::User(owner.who.user()));
    second.start_worker();
    let input =
        json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form" });
    first
        .call(Some(&owner), "/api/firewall/create", input)
        .await;
    let heard = next(&mut listener).await;
    let Some(Heard::Event(delivery)) = heard else {
        panic!("{heard:?}");
    };
    let Event::OperationEnded { ending, .. } = &*delivery.event else {
        panic!("{delivery:?}");
    };
    assert_eq!(ending.user_id, owner.who.user());
    assert!(ending.title.contains("Web"), "{ending:?}");
    assert!(first.connector.remote.runs().is_empty());
}

#[tokio::test]
async fn after_a_lost_connection_everybody_is_told_to_look_again_and_hears_on() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let server = first.provisioned_server(&owner).await;
    let mut listener = listen(&second, Topic::Server(server));
    until_quiet(&mut listener).await;
    let conn = connect(first.data()).await;
    let ended = column(
        &conn,
        "SELECT CAST(pg_terminate_backend(pid) AS text) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
    .await;
    assert_eq!(ended, ["true", "true"]);
    assert!(matches!(next(&mut listener).await, Some(Heard::Gap)));
    let row = domain::servers::row(&first.panel.db, server).await.unwrap();
    let mut tx = first.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.name = "web-2".to_owned())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(next(&mut listener).await, Some(Heard::Event(_))));
}

#[tokio::test]
async fn a_notice_that_cannot_be_read_makes_everybody_look_again() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let server = first.provisioned_server(&owner).await;
    let mut listener = listen(&second, Topic::Server(server));
    until_quiet(&mut listener).await;
    let conn = connect(first.data()).await;
    execute(&conn, "NOTIFY brokeforge_events, 'of a newer version'").await;
    assert!(matches!(next(&mut listener).await, Some(Heard::Gap)));
}

#[tokio::test]
async fn operations_are_shared_out_and_each_is_done_once() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let mut servers = Vec::new();
    let conn = connect(first.data()).await;
    for _ in 0..20 {
        servers.push(first.provisioned_server(&owner).await);
        // No two servers have the same address.
        execute(
            &conn,
            "UPDATE servers SET address = '203.0.113.' || (100 + id)",
        )
        .await;
    }
    for app in [&first, &second] {
        app.connector
            .remote
            .respond(|_| Answer::code(0).taking(Duration::from_millis(20)));
        app.start_worker();
    }
    for (number, server) in servers.iter().enumerate() {
        let app = if number % 2 == 0 { &first } else { &second };
        let key = format!("key-of-a-form-{number}");
        let input = json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": key });
        let answer = app.call(Some(&owner), "/api/firewall/create", input).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    for server in &servers {
        let input = json!({ "server_id": server });
        first
            .wait_for(&owner, "/api/firewall/show", input, |body| {
                body["rules"][0]["status"] == "active"
            })
            .await;
    }
    // Each claim has a number of its own: a step that another claim began would have another one.
    let begun_twice =
        "SELECT CAST(count(*) AS text) FROM operation_steps AS step JOIN operations AS operation
         ON operation.id = step.operation_id WHERE step.run <> operation.fence";
    assert_eq!(column(&conn, begun_twice).await, ["0"]);
    // Which panel did what is by chance; that one did all would be none.
    for app in [&first, &second] {
        assert!(!app.connector.remote.runs().is_empty());
    }
}

#[tokio::test]
async fn a_session_that_one_panel_ends_is_over_at_the_other() {
    if !is_postgres() {
        return;
    }
    let (first, second) = two_panels().await;
    let owner = first.owner().await;
    let list = async || {
        let answer = second.call(Some(&owner), "/api/servers/list", json!({}));
        answer.await.status
    };
    assert_eq!(list().await, StatusCode::OK);
    first
        .call(Some(&owner), "/api/accounts/sign_out", json!({}))
        .await;
    assert_eq!(list().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_that_start_at_once_on_an_empty_database_make_its_tables_once() {
    if !is_postgres() {
        return;
    }
    let (data, key) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    domain::secrets::Secrets::create(&key.path().join("brokeforge.key")).unwrap();
    let mut starts = Vec::new();
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let name = "brokeforge.key";
        fs::copy(key.path().join(name), folder.path().join(name)).unwrap();
        let database = crate::databases::of(data.path());
        starts.push(tokio::spawn(async move {
            let prober = Arc::new(SshProber::new(FakeConnector::new(), Reach::everywhere()));
            server::start::open_panel(folder.path(), &database, ORIGIN, prober)
                .await
                .map(|panel| panel.app.key().to_owned())
        }));
    }
    let mut keys = BTreeMap::new();
    for start in starts {
        *keys.entry(start.await.unwrap().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(keys.into_values().collect::<Vec<_>>(), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_panel_needs_the_key_file_of_the_others() {
    if !is_postgres() {
        return;
    }
    let first = Process::start("warn").await;
    let folder = tempfile::tempdir().unwrap();
    let url = crate::databases::url(first.data.path()).unwrap();
    let start = |url: String, folder: std::path::PathBuf| {
        tokio::task::spawn_blocking(move || {
            run(&folder, free_port(), &["serve", "--database-url", &url])
        })
    };
    let output = start(url.clone(), folder.path().to_owned()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    for word in ["brokeforge.key", "is missing", "another panel"] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    domain::secrets::Secrets::create(&folder.path().join("brokeforge.key")).unwrap();
    let output = start(url.clone(), folder.path().to_owned()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("is not the key file of this database"),
        "{said}"
    );
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    assert!(!said.contains(password), "{said}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://ada:hush@127.0.0.1:{}/panel", free_port());
    let arguments = ["serve", "--database-url", &url];
    let output = run(folder.path(), free_port(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    for word in ["postgres://127.0.0.1:", "/panel", "DATABASE_URL"] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!said.contains("hush"), "{said}");
    assert!(fs::read_dir(folder.path()).unwrap().all(|entry| {
        // No key is made for a database that nobody has seen.
        entry.unwrap().file_name() != "brokeforge.key"
    }));
}

#[tokio::test]
async fn a_worker_that_stops_lets_go_of_what_it_holds() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server: ServerId = app.provisioned_server(&owner).await;
    let input =
        json!({ "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form" });
    app.call(Some(&owner), "/api/firewall/create", input).await;
    let claims = async |worker: &str| {
        let claim = domain::queue::claim(&app.panel, worker).await;
        claim.unwrap().is_some()
    };
    let lets_go = async |worker: &str| {
        let gone = domain::queue::let_go(&app.panel.db, worker).await;
        gone.unwrap();
    };
    assert!(claims("leaving").await);
    assert!(!claims("next").await);
    lets_go("another").await;
    assert!(!claims("next").await);
    lets_go("leaving").await;
    assert!(claims("next").await);
}
