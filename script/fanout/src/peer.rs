//! What is measured, and how each of them is spoken to.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

/// The number of the socket that the publisher could have.
const PUBLISHER: &str = "1.1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Raw,
    Nchan,
    Socketio,
    Brokeforge,
}

/// Where a peer is, and who subscribes to it.
#[derive(Args)]
pub struct Options {
    #[arg(long)]
    kind: Kind,
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    pub subscribers: usize,
    /// The panel's: a file with a session's token on each line; subscribers take them in turn
    #[arg(long, required_if_eq("kind", "brokeforge"))]
    sessions: Option<PathBuf>,
    /// The panel's: the server that is watched
    #[arg(long, required_if_eq("kind", "brokeforge"), default_value_t = 0)]
    server: i64,
    /// The panel's: whose server that is
    #[arg(long, required_if_eq("kind", "brokeforge"), default_value_t = 0)]
    user: i64,
}

pub struct Peer {
    pub kind: Kind,
    pub address: SocketAddr,
    sessions: Vec<String>,
    server: i64,
    user: i64,
}

impl Peer {
    pub fn new(options: &Options) -> Result<Self> {
        let sessions = match &options.sessions {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?
                .lines()
                .map(ToOwned::to_owned)
                .collect(),
            None => Vec::new(),
        };
        ensure!(
            options.kind != Kind::Brokeforge || !sessions.is_empty(),
            "there is no session"
        );
        Ok(Self {
            kind: options.kind,
            address: options.address,
            sessions,
            server: options.server,
            user: options.user,
        })
    }

    /// The request that opens a subscriber's WebSocket.
    pub fn handshake(&self, subscriber: usize) -> String {
        let path = match self.kind {
            Kind::Raw => "/",
            Kind::Nchan => "/subscribe",
            Kind::Socketio => "/socket.io/?EIO=4&transport=websocket",
            Kind::Brokeforge => "/app/brokeforge?protocol=7&client=fanout&version=1",
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            self.address,
            self.cookie(subscriber)
        )
    }

    /// What a subscriber asks for through its WebSocket; `None` where opening it is all.
    pub fn subscription(&self, subscriber: usize) -> Option<String> {
        match self.kind {
            Kind::Raw | Kind::Nchan => None,
            Kind::Socketio => Some("40".to_owned()),
            Kind::Brokeforge => {
                let channel = self.channel(subscriber);
                Some(format!(
                    r#"{{"event":"pusher:subscribe","data":{{"channel":"{channel}"}}}}"#
                ))
            }
        }
    }

    pub fn is_subscribed(&self, message: &[u8]) -> bool {
        match self.kind {
            Kind::Raw | Kind::Nchan => true,
            Kind::Socketio => message.starts_with(b"40"),
            Kind::Brokeforge => contains(message, b"subscription_succeeded"),
        }
    }

    /// The answer to a message that asks whether somebody is still there.
    pub fn sign_of_life(&self, message: &[u8]) -> Option<&'static str> {
        match self.kind {
            Kind::Raw | Kind::Nchan => None,
            Kind::Socketio => (message == b"2").then_some("3"),
            Kind::Brokeforge => {
                contains(message, b"pusher:ping").then_some(r#"{"event":"pusher:pong","data":{}}"#)
            }
        }
    }

    /// What a publisher asks for before; `None` where it need not show anything.
    pub fn permission(&self) -> Option<String> {
        match self.kind {
            Kind::Raw | Kind::Nchan | Kind::Socketio => None,
            Kind::Brokeforge => {
                let channel = self.channel(0);
                let body = format!(r#"{{"socket_id":"{PUBLISHER}","channel_name":"{channel}"}}"#);
                let headers = format!("Origin: http://{}\r\n{}", self.address, self.cookie(0));
                Some(self.post("/broadcasting/auth", &headers, &body))
            }
        }
    }

    /// The request that publishes an event to all subscribers, with what the one for permission was answered with.
    pub fn publication(&self, marker: &str, permission: &str) -> String {
        let (path, body) = match self.kind {
            // What our own event says; each peer puts around it what it puts around everything.
            Kind::Raw | Kind::Nchan | Kind::Socketio => (
                "/publish",
                format!(
                    r#"{{"event":"ServerUpdated","data":{{"server_id":1,"timestamp":"{marker}"}}}}"#
                ),
            ),
            Kind::Brokeforge => {
                let channel = self.channel(0);
                let (user, auth) = (self.user, auth_of(permission));
                let body = format!(
                    r#"{{"channel":"{channel}","marker":"{marker}","user":{user},"auth":"{auth}","socket_id":"{PUBLISHER}"}}"#
                );
                ("/bench/publish", body)
            }
        };
        self.post(path, "", &body)
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len(),
        )
    }

    /// A change of a server goes out on two channels. Half of the subscribers are on each, so that an event is as many
    /// deliveries as there are subscribers, as it is with the other peers.
    fn channel(&self, subscriber: usize) -> String {
        if subscriber.is_multiple_of(2) {
            format!("private-servers.{}", self.server)
        } else {
            "private-servers".to_owned()
        }
    }

    fn cookie(&self, subscriber: usize) -> String {
        if self.sessions.is_empty() {
            return String::new();
        }
        let token = &self.sessions[subscriber % self.sessions.len()];
        format!("Cookie: brokeforge_session={token}\r\n")
    }
}

/// The `auth` of `{"auth":"..."}`, which holds nothing that is escaped.
fn auth_of(answer: &str) -> &str {
    answer.split('"').nth(3).unwrap_or_default()
}

pub fn contains(message: &[u8], text: &[u8]) -> bool {
    message.windows(text.len()).any(|window| window == text)
}
