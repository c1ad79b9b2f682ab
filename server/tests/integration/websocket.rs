use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{ORIGIN, TestApp, Visitor, rule};

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn say(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.say(&json!({ "event": "pusher:subscribe", "data": { "channel": channel } }))
            .await;
        self.next().await.unwrap()
    }

    /// The next message; `None` when the socket was closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(Duration::from_secs(6), self.0.next())
                .await
                .expect("a message within 6 s")?
            {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

pub async fn serve(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = app
        .site
        .clone()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, site).await });
    address
}

async fn connect(
    address: SocketAddr,
    who: Option<&Visitor>,
    origin: &str,
    key: &str,
) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}/app/{key}")
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", origin.parse().unwrap());
    if let Some(who) = who {
        request
            .headers_mut()
            .insert("cookie", who.cookie.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(Socket(socket)),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

pub async fn signed_in(address: SocketAddr, who: &Visitor) -> Socket {
    let mut socket = connect(address, Some(who), ORIGIN, "brokeforge")
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    assert_eq!(
        socket.next().await.unwrap()["event"],
        "pusher:connection_established"
    );
    socket
}

#[tokio::test]
async fn a_subscriber_hears_of_a_change_by_id_only() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.provisioned_server(&owner).await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &owner).await;
    let channel = format!("private-servers.{server}");
    assert_eq!(
        socket.subscribe(&channel).await["event"],
        "pusher_internal:subscription_succeeded"
    );
    app.call(
        Some(&owner),
        "/api/firewall/create",
        json!({
            "server_id": server, "rule": rule("Web", "8081"), "request_key": "key-of-a-form",
        }),
    )
    .await;
    let event = socket.next().await.unwrap();
    assert_eq!(
        (&event["event"], &event["channel"]),
        (&json!("ServerUpdated"), &json!(channel))
    );
    let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
    let mut fields: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["server_id", "timestamp"]);
}

#[tokio::test]
async fn foreign_and_unknown_channels_are_refused() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.owner().await, app.other_owner().await);
    let server = app.provisioned_server(&ada).await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &bob).await;
    let foreign = format!("private-servers.{server}");
    for channel in [
        foreign.as_str(),
        "private-servers.999",
        "servers",
        "private-servers.*",
        "presence-servers",
        "",
    ] {
        assert_eq!(
            socket.subscribe(channel).await["event"],
            "pusher:subscription_error",
            "{channel}"
        );
    }
    assert_eq!(
        socket.subscribe("private-servers").await["event"],
        "pusher_internal:subscription_succeeded"
    );
}

#[tokio::test]
async fn signing_out_cuts_the_socket_within_five_seconds() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &owner).await;
    app.call(Some(&owner), "/api/accounts/sign_out", json!({}))
        .await;
    let last = timeout(Duration::from_secs(5), async {
        assert_eq!(socket.next().await.unwrap()["data"]["code"], 4009);
        socket.next().await
    })
    .await
    .unwrap();
    assert_eq!(last, None);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_open_a_socket() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    for origin in [
        "null",
        "http://evil.example",
        "http://127.0.0.1:3001",
        "https://127.0.0.1:3000",
        "http://127.0.0.1:3000.evil.example",
        "http://evil-127.0.0.1:3000",
    ] {
        assert_eq!(
            connect(address, Some(&owner), origin, "brokeforge")
                .await
                .err(),
            Some(403),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_and_a_missing_session_are_named_by_the_protocols_codes() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    for (who, key, code) in [(Some(&owner), "another", 4001), (None, "brokeforge", 4009)] {
        let mut socket = connect(address, who, ORIGIN, key)
            .await
            .unwrap_or_else(|status| panic!("{status}"));
        assert_eq!(socket.next().await.unwrap()["data"]["code"], code);
        assert_eq!(socket.next().await, None);
    }
}

#[tokio::test]
async fn malformed_frames_and_client_events_are_refused_and_the_socket_lives() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    let mut socket = signed_in(address, &owner).await;
    for frame in [
        "",
        "{",
        "[]",
        r#"{"event":"client-typing","channel":"private-servers","data":{}}"#,
    ] {
        socket.0.send(Message::text(frame)).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap()["event"],
            "pusher:error",
            "{frame}"
        );
    }
    socket
        .say(&json!({ "event": "pusher:ping", "data": {} }))
        .await;
    assert_eq!(socket.next().await.unwrap()["event"], "pusher:pong");
}
