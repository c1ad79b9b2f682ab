//! How much one socket may do, how many there may be, and when one is given up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::json;
use server::websocket::{Pace, Sockets};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{ORIGIN, TestApp, Visitor};
use crate::websocket::{OWN_KEY, established, serve, serve_site, signed_in};
use crate::websocket_auth::sign;

#[tokio::test]
async fn a_frame_over_16_kib_ends_the_socket_and_one_under_it_does_not() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &owner).await;
    let padded = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    for frame in [
        Message::text(padded(16 * 1024)),
        Message::binary(vec![0; 100]),
    ] {
        socket.0.send(frame).await.unwrap();
        let answer = socket.next().await.unwrap();
        assert_eq!(answer["event"], "pusher:error");
        assert_eq!(answer["data"]["code"], 4302);
    }
    socket
        .0
        .send(Message::text(padded(16 * 1024 + 1)))
        .await
        .unwrap();
    let last = loop {
        match socket.0.next().await {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break None,
        }
    };
    assert_eq!(last, Some(1009));
}

#[tokio::test]
async fn a_socket_has_200_channels_at_most() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let first = app.provisioned_server(&owner).await;
    let mut tx = app.panel.db.begin().await.unwrap();
    let row = domain::servers::row(&app.panel.db, first).await.unwrap();
    let mut ids = vec![first.0];
    for number in 2..=200 {
        let mut copy: domain::entities::server::ActiveModel =
            row.clone().into_active_model().reset_all();
        copy.id = NotSet;
        copy.name = sea_orm::Set(format!("web-{number}"));
        ids.push(tx.insert(copy).await.unwrap().id);
    }
    tx.commit().await.unwrap();
    let address = serve(&app).await;
    let mut socket = signed_in(address, &owner).await;
    for id in &ids {
        let answer = socket.subscribe(&format!("private-servers.{id}")).await;
        assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
    }
    let refused = socket.subscribe("private-servers").await;
    assert_eq!(refused["event"], "pusher:subscription_error");
    assert_eq!(refused["channel"], "private-servers");
    // Not one more, but one of them again, and another one in the place of one.
    let again = socket.subscribe(&format!("private-servers.{first}")).await;
    assert_eq!(again["event"], "pusher_internal:subscription_succeeded");
    let channel = format!("private-servers.{first}");
    socket
        .say(&json!({ "event": "pusher:unsubscribe", "data": { "channel": channel } }))
        .await;
    let answer = socket.subscribe("private-servers").await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
}

#[tokio::test]
async fn the_101st_socket_of_a_session_is_told_that_it_is_one_too_many() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let elsewhere = app.another_session(&owner).await;
    let address = serve(&app).await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(signed_in(address, &owner).await);
    }
    let surplus = || crate::websocket::connect(address, Some(&owner), Some(ORIGIN), OWN_KEY);
    assert_eq!(surplus().await.ok().unwrap().end().await, Some(4100));
    signed_in(address, &elsewhere).await;
    // Neither does a signature bring one more in.
    let (mut client, id) = established(address, None, None, app.panel.app.key()).await;
    let auth = sign(&app, Some(&owner), &id, "private-servers")
        .await
        .unwrap();
    let told = client.subscribe_with("private-servers", &auth).await;
    assert_eq!(told["data"]["code"], 4100);
    open.truncate(99);
    for attempt in 0.. {
        let mut socket = surplus().await.ok().unwrap();
        if socket.next().await.unwrap()["event"] == "pusher:connection_established" {
            break;
        }
        assert!(attempt < 100, "the place of a closed socket is free again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A panel whose sockets are in a hurry.
async fn impatient(app: &TestApp) -> (SocketAddr, Arc<Sockets>) {
    let sockets = Arc::new(Sockets::with_pace(Pace {
        activity: Duration::from_millis(300),
        answer: Duration::from_millis(600),
        check: Duration::from_millis(50),
        unknown: Duration::from_millis(600),
    }));
    let address = serve_site(app.site_with(sockets.clone())).await;
    (address, sockets)
}

async fn owner_and_panel() -> (TestApp, Visitor, SocketAddr, Arc<Sockets>) {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let (address, sockets) = impatient(&app).await;
    (app, owner, address, sockets)
}

#[tokio::test]
async fn a_silent_peer_is_asked_and_given_up_when_it_does_not_answer() {
    let (_app, owner, address, _) = owner_and_panel().await;
    let mut dead = signed_in(address, &owner).await;
    assert_eq!(dead.next().await.unwrap()["event"], "pusher:ping");
    assert_eq!(dead.end().await, Some(4201));
    let mut alive = signed_in(address, &owner).await;
    for _ in 0..4 {
        assert_eq!(alive.next().await.unwrap()["event"], "pusher:ping");
        alive
            .say(&json!({ "event": "pusher:pong", "data": {} }))
            .await;
    }
}

#[tokio::test]
async fn a_socket_that_never_shows_whose_it_is_may_come_again_later() {
    let (app, _owner, address, _) = owner_and_panel().await;
    let (mut socket, _) = established(address, None, None, app.panel.app.key()).await;
    assert_eq!(socket.end().await, Some(4202));
}

#[tokio::test]
async fn a_panel_that_stops_tells_its_sockets_to_come_back() {
    let (_app, owner, address, sockets) = owner_and_panel().await;
    let mut socket = signed_in(address, &owner).await;
    sockets.close_all().await;
    assert_eq!(socket.end().await, Some(4200));
}
