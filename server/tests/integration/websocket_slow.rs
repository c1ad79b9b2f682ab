//! Sockets that take nothing: they lose their queue, are told so once, and hold up nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use wire::event::Event;
use wire::{ServerId, Timestamp};

use crate::support::{ORIGIN, TestApp, Visitor};
use crate::websocket::{OWN_KEY, serve, signed_in};

const STALLED: usize = 10;
/// How many events wait for one socket.
const QUEUE: usize = 256;
const EVENTS: usize = 4_000;
/// Half the queue of a socket.
const BATCH: usize = 100;

type Raw = WebSocketStream<TcpStream>;

/// A socket whose kernel takes little on its behalf, so that it stalls soon.
async fn with_small_buffer(address: SocketAddr, who: &Visitor, channels: &[String]) -> Raw {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut request = format!("ws://{address}/app/{OWN_KEY}")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", ORIGIN.parse().unwrap());
    headers.insert("cookie", who.cookie.parse().unwrap());
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    for channel in channels {
        let subscribe = json!({ "event": "pusher:subscribe", "data": { "channel": channel } });
        socket
            .send(Message::text(subscribe.to_string()))
            .await
            .unwrap();
    }
    // The greeting and the answers.
    for _ in 0..=channels.len() {
        socket.next().await.unwrap().unwrap();
    }
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_sockets_are_told_once_for_each_lost_queue_and_the_others_miss_nothing() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let address = serve(&app).await;
    let channels = [
        format!("private-servers.{server}"),
        "private-servers".to_owned(),
    ];
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(with_small_buffer(address, &owner, &channels).await);
    }
    let mut reader = signed_in(address, &owner).await;
    reader.subscribe(&channels[0]).await;
    let mut waits = Vec::new();
    for batch in 0..EVENTS / BATCH {
        let sent_at = Instant::now();
        for place in 0..BATCH {
            publish(&app, &owner, server, batch * BATCH + place);
        }
        for place in 0..BATCH {
            let event = reader.next().await.unwrap();
            let wanted = Timestamp(i64::try_from(batch * BATCH + place).unwrap()).to_rfc3339();
            assert!(event["data"].as_str().unwrap().contains(&wanted), "{event}");
            waits.push(sent_at.elapsed());
        }
    }
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
    // All at once: after 10 s a socket that takes nothing is given up.
    let heard = join_all(stalled.iter_mut().map(what_is_left)).await;
    for (events, resyncs) in heard {
        // Before the kernel takes no more, a queue may be lost several times; each time it is told once.
        let told = |channel: &String| resyncs.iter().filter(|name| *name == channel).count();
        let [specific, generic] = [told(&channels[0]), told(&channels[1])];
        assert_eq!(specific, generic);
        let lost = 2 * EVENTS - events;
        assert!(
            (1..=lost / QUEUE).contains(&specific),
            "{specific} for {lost} lost events"
        );
    }
}

/// How many events a socket hears before it is silent for 2 s, and on which channels it is told to look again.
async fn what_is_left(socket: &mut Raw) -> (usize, Vec<String>) {
    let (mut events, mut resyncs) = (0, Vec::new());
    while let Ok(Some(Ok(Message::Text(text)))) =
        timeout(Duration::from_secs(2), socket.next()).await
    {
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["event"].as_str().unwrap() {
            "ServerUpdated" => events += 1,
            "Resync" => resyncs.push(message["channel"].as_str().unwrap().to_owned()),
            other => panic!("{other}"),
        }
    }
    (events, resyncs)
}

fn publish(app: &TestApp, owner: &Visitor, server_id: ServerId, number: usize) {
    let event = Event::ServerUpdated {
        server_id,
        timestamp: Timestamp(i64::try_from(number).unwrap()),
    };
    app.panel
        .db
        .bus()
        .publish(owner.who.user(), Arc::new(event));
}
