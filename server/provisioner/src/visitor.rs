//! Looks at a server from outside, as its visitors do.

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Asks a web server for a page.
#[async_trait]
pub trait Visitor: Send + Sync {
    /// Whether a web server answers there; if not, why, in a sentence.
    async fn visit(&self, address: &str, port: u16) -> Result<(), String>;
}

/// Comes over the network.
pub struct Network;

#[async_trait]
impl Visitor for Network {
    async fn visit(&self, address: &str, port: u16) -> Result<(), String> {
        let ask = async {
            let mut stream = TcpStream::connect((address, port)).await?;
            stream
                .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await?;
            let mut start = [0; 5];
            stream.read_exact(&mut start).await?;
            Ok::<_, std::io::Error>(start == *b"HTTP/")
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
