//! As little HTTP as it takes to ask a panel how it is, over TCP or TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Response, Uri};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// For each of: looking the name up, connecting, TLS, the answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: u64 = 64 * 1024;

/// A way to a web server.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where to ask: `https://panel.example.com`, taken apart.
#[derive(Clone, Debug)]
pub struct Origin {
    pub text: String,
    pub authority: String,
    pub host: String,
    pub port: u16,
    is_tls: bool,
}

impl Origin {
    /// `None` when it is no origin.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_tls = uri.scheme_str()? == "https";
        let authority = uri.authority()?;
        Some(Self {
            text: text.to_owned(),
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority
                .port_u16()
                .unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
        })
    }

    /// Whether it means the machine that asks.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }

    /// Opens the way there.
    ///
    /// # Errors
    /// What happened and what to do.
    pub async fn connect(&self) -> Result<Box<dyn Stream>, (String, String)> {
        let Self { host, port, .. } = self;
        let addresses: Vec<_> = match timeout(PATIENCE, lookup_host((host.as_str(), *port))).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if addresses.is_empty() {
            return Err((
                format!("{host} does not resolve to an address on this machine"),
                "check the spelling, and the DNS record of this name".to_owned(),
            ));
        }
        let tcp =
            match timeout(PATIENCE, TcpStream::connect(&addresses[..])).await {
                Ok(Ok(tcp)) => tcp,
                Ok(Err(error)) => {
                    return Err((
                        format!("{host}:{port} does not take a connection: {error}"),
                        "start what should listen there (the panel, or the proxy before it)"
                            .to_owned(),
                    ));
                }
                Err(_) => {
                    return Err((
                    format!("{host}:{port} does not answer within {} s", PATIENCE.as_secs()),
                    "a firewall may be in between, or this machine cannot reach its own public \
                     address: try it from another one"
                        .to_owned(),
                ));
                }
            };
        if !self.is_tls {
            return Ok(Box::new(tcp));
        }
        match timeout(PATIENCE, shake_hands(host, tcp)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(reason)) => Err((
                format!("TLS with {host}:{port} fails: {reason}"),
                "renew the certificate, or add its issuer to this machine's trusted ones"
                    .to_owned(),
            )),
            Err(_) => Err((
                format!(
                    "{host}:{port} does not speak TLS within {} s",
                    PATIENCE.as_secs()
                ),
                "check that this port of the proxy serves https".to_owned(),
            )),
        }
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// What happened and what to do.
    pub async fn get(&self, path: &str) -> Result<Response<String>, (String, String)> {
        let mut stream = self.connect().await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: brokeforge-doctor\r\nAccept: */*\r\n\
             Connection: close\r\n\r\n",
            self.authority
        );
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            let mut bytes = Vec::new();
            stream.take(LONGEST_ANSWER).read_to_end(&mut bytes).await?;
            std::io::Result::Ok(bytes)
        };
        let bytes = match timeout(PATIENCE, exchange).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        parse(&bytes).ok_or_else(|| {
            (
                format!("{} answers, but not in HTTP", self.text),
                "another program listens there; check the address and the port".to_owned(),
            )
        })
    }
}

async fn shake_hands(host: &str, tcp: TcpStream) -> Result<Box<dyn Stream>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}

fn parse(bytes: &[u8]) -> Option<Response<String>> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?;
    let status: u16 = status
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let mut response = Response::builder().status(status);
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let Ok(name) = name.trim().parse::<HeaderName>()
            && let Ok(value) = HeaderValue::from_str(value.trim())
        {
            response = response.header(name, value);
        }
    }
    response.body(body.to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_what_is_no_http_is_told_apart() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nDate: today\r\nX: a:b\r\n\r\nok").expect("is http");
        assert_eq!(
            (answer.status().as_u16(), answer.body().as_str()),
            (200, "ok")
        );
        assert_eq!(answer.headers()["date"], "today");
        assert_eq!(answer.headers()["x"], "a:b");
        for other in [&b""[..], b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1\r\n\r\n"] {
            assert!(parse(other).is_none());
        }
    }

    #[test]
    fn an_origin_knows_its_port_and_whether_it_is_this_machine() {
        let origin = |text| Origin::parse(text).expect("an origin");
        assert_eq!(origin("https://a.example").port, 443);
        assert_eq!(origin("http://a.example").port, 80);
        assert_eq!(origin("http://[::1]:3000").host, "::1");
        assert!(origin("http://localhost:3000").is_loopback());
        assert!(!origin("https://a.example").is_loopback());
        assert!(Origin::parse("a.example").is_none());
    }
}
