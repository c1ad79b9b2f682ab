use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{ALLOWED_ORIGIN, ORIGIN, TestApp, Visitor, rule};

/// The key of the panel's own page.
pub const OWN_KEY: &str = server::websocket::OWN_KEY;

/// Neither the panel's own origin nor the allowed one, however much they look like them.
pub const BAD_ORIGINS: [&str; 20] = [
    "null",
    "",
    "file://",
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:3001",
    "https://127.0.0.1:3000",
    "ws://127.0.0.1:3000",
    "http://127.0.0.2:3000",
    "http://127.0.0.1:3000/",
    "http://127.0.0.1:3000.evil.example",
    "http://127.0.0.1:3000@evil.example",
    "http://evil-127.0.0.1:3000",
    "HTTP://127.0.0.1:3000",
    "http://status.example.com",
    "https://status.example.com:8443",
    "https://status.example.com.evil.example",
    "https://evil-status.example.com",
    "https://deep.status.example.com",
    "https://status.example.com, http://127.0.0.1:3000",
];

pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn say(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// Subscribes with a signature.
    pub async fn subscribe_with(&mut self, channel: &str, auth: &str) -> Value {
        let data = json!({ "channel": channel, "auth": auth });
        self.say(&json!({ "event": "pusher:subscribe", "data": data }))
            .await;
        self.next().await.unwrap()
    }

    pub async fn subscribe(&mut self, channel: &str) -> Value {
        self.say(&json!({ "event": "pusher:subscribe", "data": { "channel": channel } }))
            .await;
        self.next().await.unwrap()
    }

    /// The next message; `None` when the socket was closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(Duration::from_secs(20), self.0.next())
                .await
                .expect("a message")?
            {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Waits until the panel ends the socket, and returns the code of the error it said first.
    pub async fn end(&mut self) -> Option<u64> {
        let mut code = None;
        while let Some(message) = self.next().await {
            if message["event"] == "pusher:error" {
                code = message["data"]["code"].as_u64();
            }
        }
        code
    }

    /// Whether nothing is under way to this socket: a ping is answered before anything else comes.
    pub async fn is_silent(&mut self) -> bool {
        self.say(&json!({ "event": "pusher:ping", "data": {} }))
            .await;
        self.next().await.unwrap()["event"] == "pusher:pong"
    }
}

pub async fn serve(app: &TestApp) -> SocketAddr {
    serve_site(app.site.clone()).await
}

pub async fn serve_site(site: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = site.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, site).await });
    address
}

/// `origin` may be absent, as it is for programs. The error is the status of the refused handshake.
pub async fn connect(
    address: SocketAddr,
    who: Option<&Visitor>,
    origin: Option<&str>,
    key: &str,
) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}/app/{key}")
        .into_client_request()
        .unwrap();
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
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
    established(address, Some(who), Some(ORIGIN), OWN_KEY)
        .await
        .0
}

/// A socket that the panel has greeted, and its id.
pub async fn established(
    address: SocketAddr,
    who: Option<&Visitor>,
    origin: Option<&str>,
    key: &str,
) -> (Socket, String) {
    let mut socket = connect(address, who, origin, key)
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    let greeting = socket.next().await.unwrap();
    assert_eq!(
        greeting["event"], "pusher:connection_established",
        "{greeting}"
    );
    let data: Value = serde_json::from_str(greeting["data"].as_str().unwrap()).unwrap();
    assert!(data["activity_timeout"].as_u64().unwrap() > 0);
    (socket, data["socket_id"].as_str().unwrap().to_owned())
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

#[tokio::test]
async fn pages_of_other_origins_cannot_open_a_socket() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    for key in [OWN_KEY, app.panel.app.key()] {
        for origin in BAD_ORIGINS {
            let refused = connect(address, Some(&owner), Some(origin), key).await;
            assert_eq!(refused.err(), Some(403), "{key} {origin}");
        }
    }
    let own_key_elsewhere = connect(address, Some(&owner), Some(ALLOWED_ORIGIN), OWN_KEY).await;
    assert_eq!(own_key_elsewhere.err(), Some(403));
    for origin in [None, Some(ORIGIN), Some(ALLOWED_ORIGIN)] {
        established(address, None, origin, app.panel.app.key()).await;
    }
}

#[tokio::test]
async fn what_keeps_a_socket_out_is_named_by_the_protocols_codes() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let address = serve(&app).await;
    let too_old = format!("{}?protocol=4", app.panel.app.key());
    for (who, key, code) in [
        (Some(&owner), "another", 4001),
        (None, OWN_KEY, 4009),
        (None, &too_old, 4007),
    ] {
        let mut socket = connect(address, who, Some(ORIGIN), key)
            .await
            .unwrap_or_else(|status| panic!("{status}"));
        assert_eq!(socket.end().await, Some(code), "{key}");
    }
}
