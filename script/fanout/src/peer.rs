//! What is measured, and how each of them is spoken to.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

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
}

pub struct Peer {
    pub kind: Kind,
    pub address: SocketAddr,
    sessions: Vec<String>,
    server: i64,
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

    /// The request that publishes an event to all subscribers.
    pub fn publication(&self, marker: &str) -> String {
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
                let body = format!(r#"{{"channel":"{channel}","marker":"{marker}"}}"#);
                ("/bench/publish", body)
            }
        };
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{}\r\n{body}",
            self.address,
            body.len(),
            self.cookie(0)
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

pub fn contains(message: &[u8], text: &[u8]) -> bool {
    message.windows(text.len()).any(|window| window == text)
}
