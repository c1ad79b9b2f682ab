//! Who hears what: every role on every channel, and the end of what one may hear.

use std::net::SocketAddr;

use axum::http::StatusCode;
use serde_json::json;
use tokio::time::{Duration, Instant};
use wire::ServerId;

use crate::support::{ORIGIN, TestApp, Visitor, rule};
use crate::websocket::{OWN_KEY, Socket, connect, established, serve, signed_in};
use crate::websocket_auth::sign;

const MALFORMED: [&str; 12] = [
    "",
    "private-",
    "servers",
    "presence-servers",
    "private-servers.*",
    "private-servers.",
    "private-servers.01",
    "private-servers.1.1",
    "private-servers.1 OR 1=1",
    "private-users",
    "private-users.*",
    "private-nothing",
];

struct People {
    administrator: Visitor,
    owner: Visitor,
    other: Visitor,
    /// The owner's, in a session that has ended.
    revoked: Visitor,
    server: ServerId,
}

async fn people(app: &TestApp) -> People {
    let administrator = app.owner().await;
    let (owner, other) = (app.member("Olive").await, app.member("Otto").await);
    let server = app.provisioned_server(&owner).await;
    let revoked = app.another_session(&owner).await;
    People {
        administrator,
        owner,
        other,
        revoked,
        server,
    }
}

/// Signs the visitor out of the session that it holds.
async fn sign_out(app: &TestApp, who: &Visitor) {
    let answer = app
        .call(Some(who), "/api/accounts/sign_out", json!({}))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

/// Whether a page of the panel gets the channel by its cookie.
async fn page_hears(address: SocketAddr, who: Option<&Visitor>, channel: &str) -> bool {
    let mut socket = connect(address, who, Some(ORIGIN), OWN_KEY)
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    if socket.next().await.unwrap()["event"] == "pusher:error" {
        return false;
    }
    is_heard(&socket.subscribe(channel).await)
}

/// Whether another client gets the channel by a signature of this session.
async fn client_hears(
    app: &TestApp,
    address: SocketAddr,
    who: Option<&Visitor>,
    channel: &str,
) -> bool {
    let (mut socket, id) = established(address, None, None, app.panel.app.key()).await;
    let auth = match sign(app, who, &id, channel).await {
        Ok(auth) => auth,
        Err(status) => {
            assert!(
                status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED,
                "{status}"
            );
            // Whoever is refused may still try without, or with something that looks like it.
            assert!(!is_heard(&socket.subscribe(channel).await));
            format!("{}:1.{}", app.panel.app.key(), "0".repeat(64))
        }
    };
    is_heard(&socket.subscribe_with(channel, &auth).await)
}

fn is_heard(answer: &serde_json::Value) -> bool {
    match answer["event"].as_str().unwrap() {
        "pusher_internal:subscription_succeeded" => true,
        "pusher:subscription_error" => {
            let data = answer["data"].as_str().unwrap();
            assert!(data.contains("\"status\":403"), "{data}");
            false
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_role_hears_what_is_its_own_and_nothing_else() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    sign_out(&app, &people.revoked).await;
    let address = serve(&app).await;
    let roles = [
        ("administrator", Some(&people.administrator)),
        ("owner", Some(&people.owner)),
        ("other", Some(&people.other)),
        ("signed out", None),
        ("revoked", Some(&people.revoked)),
    ];
    let user = |who: &Visitor| format!("private-users.{}", who.who.user());
    // In the order of the roles above.
    let mut table = vec![
        (
            "private-servers".to_owned(),
            [true, true, true, false, false],
        ),
        (
            "private-account".to_owned(),
            [true, true, true, false, false],
        ),
        (
            format!("private-servers.{}", people.server),
            [false, true, false, false, false],
        ),
        ("private-servers.999".to_owned(), [false; 5]),
        (
            user(&people.administrator),
            [true, false, false, false, false],
        ),
        (user(&people.owner), [false, true, false, false, false]),
        (user(&people.other), [false, false, true, false, false]),
        ("private-users.999".to_owned(), [false; 5]),
    ];
    table.extend(MALFORMED.map(|name| (name.to_owned(), [false; 5])));
    for (channel, wanted) in &table {
        for ((role, who), wanted) in roles.iter().zip(wanted) {
            let heard = page_hears(address, *who, channel).await;
            assert_eq!(heard, *wanted, "page: {role} on {channel}");
            let heard = client_hears(&app, address, *who, channel).await;
            assert_eq!(heard, *wanted, "client: {role} on {channel}");
        }
    }
}

#[tokio::test]
async fn the_generic_channels_carry_the_subscribers_own_and_nothing_else() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    let address = serve(&app).await;
    let mut sockets = Vec::new();
    for who in [&people.administrator, &people.other, &people.owner] {
        let mut socket = signed_in(address, who).await;
        for channel in ["private-servers", "private-account"] {
            assert!(is_heard(&socket.subscribe(channel).await));
        }
        sockets.push(socket);
    }
    app.call(
        Some(&people.owner),
        "/api/firewall/create",
        json!({
            "server_id": people.server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
        }),
    )
    .await;
    let [administrator, other, owner] = &mut sockets[..] else {
        panic!("three sockets");
    };
    let heard = owner.next().await.unwrap();
    assert_eq!(heard["channel"], "private-servers");
    assert!(owner.is_silent().await);
    assert!(other.is_silent().await);
    assert!(administrator.is_silent().await);
    app.call(
        Some(&people.other),
        "/api/accounts/update",
        json!({ "name": "Ottilie", "email": "otto@example.com", "present_password": "" }),
    )
    .await;
    assert_eq!(other.next().await.unwrap()["channel"], "private-account");
    // The administrator sees all accounts, the owner only their own.
    let heard = administrator.next().await.unwrap();
    assert_eq!(heard["channel"], "private-account");
    assert!(owner.is_silent().await);
}

/// A page's socket and another client's, both of one session and on one channel.
async fn both_ways(
    app: &TestApp,
    address: SocketAddr,
    who: &Visitor,
    channel: &str,
) -> [Socket; 2] {
    let mut page = signed_in(address, who).await;
    assert!(is_heard(&page.subscribe(channel).await));
    let (mut client, id) = established(address, None, None, app.panel.app.key()).await;
    let auth = sign(app, Some(who), &id, channel).await.unwrap();
    assert!(is_heard(&client.subscribe_with(channel, &auth).await));
    [page, client]
}

#[tokio::test]
async fn the_end_of_a_session_or_an_account_ends_its_sockets_within_five_seconds() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    let address = serve(&app).await;
    let other = app.another_session(&people.other).await;
    let mut sockets = Vec::new();
    for who in [&people.owner, &people.revoked, &people.other, &other] {
        sockets.extend(both_ways(&app, address, who, "private-servers").await);
    }
    let kept = both_ways(&app, address, &people.administrator, "private-servers").await;
    sign_out(&app, &people.owner).await;
    let session = json!({ "session_id": people.revoked.who.session() });
    let by = app.another_session(&people.owner).await;
    let answer = app.call(Some(&by), "/api/sessions/revoke", session).await;
    assert_eq!(answer.status, StatusCode::OK);
    let input = json!({ "user_id": people.other.who.user(), "confirm_email": "otto@example.com" });
    let answer = app
        .call(Some(&people.administrator), "/api/accounts/remove", input)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let ended_at = Instant::now();
    for socket in &mut sockets {
        assert_eq!(socket.end().await, Some(4009));
    }
    assert!(ended_at.elapsed() < Duration::from_secs(5));
    for mut socket in kept {
        socket
            .say(&json!({ "event": "pusher:ping", "data": {} }))
            .await;
        assert!(socket.next().await.is_some());
    }
}

#[tokio::test]
async fn a_session_that_began_and_ended_between_two_looks_has_no_socket_either() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    // The panel looks at sessions as soon as somebody listens, and then every two seconds.
    let _kept = both_ways(&app, address, &owner, "private-servers").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let short = app.another_session(&owner).await;
    let mut sockets = both_ways(&app, address, &short, "private-servers").await;
    sign_out(&app, &short).await;
    let ended_at = Instant::now();
    for socket in &mut sockets {
        assert_eq!(socket.end().await, Some(4009));
    }
    assert!(ended_at.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn losing_a_server_ends_its_channel_within_five_seconds_and_leaves_the_others() {
    let app = TestApp::start().await;
    let people = people(&app).await;
    let address = serve(&app).await;
    let channel = format!("private-servers.{}", people.server);
    let mut sockets = both_ways(&app, address, &people.owner, &channel).await;
    assert!(is_heard(&sockets[0].subscribe("private-servers").await));
    let row = domain::servers::row(&app.panel.db, people.server)
        .await
        .unwrap();
    let mut tx = app.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.owner_id = people.other.who.user().0)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let lost_at = Instant::now();
    for socket in &mut sockets {
        loop {
            let message = socket.next().await.unwrap();
            if message["event"] == "pusher:subscription_error" {
                assert_eq!(message["channel"], channel);
                break;
            }
        }
    }
    assert!(lost_at.elapsed() < Duration::from_secs(5));
    let mut tx = app.panel.db.begin().await.unwrap();
    let row = domain::servers::row(&app.panel.db, people.server)
        .await
        .unwrap();
    tx.update(&row, |row| row.name = "moved".into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for mut socket in sockets {
        assert!(socket.is_silent().await, "it hears of it no more");
    }
}
