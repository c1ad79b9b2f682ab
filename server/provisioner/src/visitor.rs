//! Looks at a server from outside, as its visitors do.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use ssh::Reach;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Asks a web server for a page.
#[async_trait]
pub trait Visitor: Send + Sync {
    /// Whether a web server answers there; if not, why, in a sentence.
    async fn visit(&self, address: &str, port: u16) -> Result<(), String>;
}

/// Comes over the network.
pub struct Network(pub Reach);

impl Network {
    /// As for SSH, what a name leads to now is looked at: it may be another address than a minute ago.
    async fn connect(&self, address: &str, port: u16) -> io::Result<TcpStream> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name leads nowhere");
        for candidate in lookup_host((address, port)).await? {
            if let Some(what) = self.0.refusal(candidate.ip(), port) {
                failure = io::Error::other(format!("the name leads to {what}"));
                continue;
            }
            match TcpStream::connect(candidate).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

#[async_trait]
impl Visitor for Network {
    async fn visit(&self, address: &str, port: u16) -> Result<(), String> {
        let ask = async {
            let mut stream = self.connect(address, port).await?;
            stream
                .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await?;
            let mut start = [0; 5];
            stream.read_exact(&mut start).await?;
            Ok::<_, io::Error>(start == *b"HTTP/")
        };
        match timeout(Duration::from_secs(10), ask).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(format!("what answers on port {port} is no web server.")),
            Ok(Err(error)) => Err(format!(
                "the web server cannot be reached from the panel on port {port}: {error}. A firewall in front of the server may block it."
            )),
            Err(_) => Err(format!(
                "the web server did not answer the panel on port {port} within 10 s. A firewall in front of the server may block it."
            )),
        }
    }
}
