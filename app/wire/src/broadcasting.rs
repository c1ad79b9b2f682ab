//! What another program needs in order to listen to the channels.

use serde::{Deserialize, Serialize};

/// Where to connect, and with which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAccess {
    /// Names the panel's app; no secret.
    pub key: String,
    /// The panel's own origin, as `https://panel.example.com`.
    pub url: String,
}

impl ClientAccess {
    /// Host, port, and whether the socket goes over TLS.
    pub fn socket(&self) -> (&str, u16, bool) {
        let (authority, is_tls) = match self.url.strip_prefix("https://") {
            Some(authority) => (authority, true),
            None => (self.url.trim_start_matches("http://"), false),
        };
        let usual = if is_tls { 443 } else { 80 };
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().unwrap_or(usual), is_tls)
            }
            Some(_) | None => (authority, usual, is_tls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_told_apart() {
        for (url, wanted) in [
            (
                "https://panel.example.com",
                ("panel.example.com", 443, true),
            ),
            (
                "https://panel.example.com:8443",
                ("panel.example.com", 8443, true),
            ),
            ("http://127.0.0.1:3000", ("127.0.0.1", 3000, false)),
            ("http://[::1]:3000", ("[::1]", 3000, false)),
            ("http://[::1]", ("[::1]", 80, false)),
        ] {
            let access = ClientAccess {
                key: "k".into(),
                url: url.into(),
            };
            assert_eq!(access.socket(), wanted, "{url}");
        }
    }
}
