//! What the process is told by flags and by its environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use axum::http::Uri;
use clap::Args;

/// Options of `brokeforge serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen.
    #[arg(long, env = "BROKEFORGE_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// The folder of the database and its key file.
    #[arg(long, env = "BROKEFORGE_DATA", default_value = "data")]
    pub data: PathBuf,
    /// The folder that holds `pkg/`, as `script/build` makes it.
    #[arg(long, env = "BROKEFORGE_SITE", default_value = "site")]
    pub site: PathBuf,
    /// The address people type, as `https://panel.example.com`; made from `--listen` if absent.
    /// Plain http is taken only for loopback and private addresses.
    #[arg(long, env = "BROKEFORGE_PUBLIC_URL")]
    pub public_url: Option<String>,
}

impl ServeOptions {
    /// The panel's own origin, `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// When the given one is no origin, or plain http to a public address.
    pub fn origin(&self) -> Result<String> {
        let Some(given) = &self.public_url else {
            return Ok(format!("http://{}", self.listen));
        };
        let uri: Uri = given
            .parse()
            .with_context(|| format!("{given:?} is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            bail!("public URL {given:?}: write it as https://panel.example.com");
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            bail!("public URL {given:?}: leave out the path");
        }
        match scheme {
            "https" => {}
            "http" if is_private(authority.host()) => {}
            "http" => bail!(
                "public URL {given:?}: plain http is taken for loopback and private addresses only. \
                 Put a proxy with TLS in front and write https://"
            ),
            _ => bail!("public URL {given:?}: write http:// or https://"),
        }
        Ok(format!("{scheme}://{authority}"))
    }
}

fn is_private(host: &str) -> bool {
    if host == "localhost" {
        return true;
    }
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(public_url: &str) -> Result<String> {
        ServeOptions {
            listen: ([127, 0, 0, 1], 3000).into(),
            data: PathBuf::new(),
            site: PathBuf::new(),
            public_url: Some(public_url.to_owned()),
        }
        .origin()
    }

    #[test]
    fn plain_http_is_taken_for_loopback_and_private_addresses_only() {
        for good in [
            "http://localhost:3000",
            "http://192.168.1.5:3000",
            "http://[::1]:3000",
            "https://a.example/",
        ] {
            assert!(origin(good).is_ok(), "{good} refused");
        }
        for bad in [
            "http://a.example",
            "http://203.0.113.7",
            "ftp://localhost",
            "a.example",
            "https://a.example/x",
        ] {
            assert!(origin(bad).is_err(), "{bad} passed");
        }
    }
}
