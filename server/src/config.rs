//! What the process is told by flags and by its environment.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use axum::http::Uri;
use clap::Args;
use clap::builder::FalseyValueParser;
use ssh::Reach;

use crate::database::{Database, PostgresUrl};
use crate::proxies::TrustedProxies;

/// Where a panel is, on this machine and for its users: what `serve` and `doctor` are told.
#[derive(Args, Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen: an IP address and a port
    #[arg(long, env = "BROKEFORGE_LISTEN", value_name = "ADDRESS:PORT",
          default_value = "127.0.0.1:3000", value_parser = socket_address)]
    pub listen: SocketAddr,
    /// The folder of the database and its key file
    #[arg(long, env = "BROKEFORGE_DATA", value_name = "FOLDER",
          default_value_os_t = default_data_folder())]
    pub data: PathBuf,
    /// A `PostgreSQL` database instead of the file in the data folder, as
    /// `postgres://user:password@host/name`. Several panels may share one, each with a folder of its own and
    /// all with the same key file. Best given in the environment: everybody on the machine sees arguments
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<PostgresUrl>,
    /// The folder of files for browsers, as `script/build` makes it
    #[arg(
        long,
        env = "BROKEFORGE_SITE",
        value_name = "FOLDER",
        default_value = "site"
    )]
    pub site: PathBuf,
    /// The address people type, as `https://panel.example.com`; made from --listen if absent.
    /// Plain http is taken only for loopback and private addresses
    #[arg(long, env = "BROKEFORGE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// The proxies in front, as `127.0.0.1,10.0.0.0/8`: from these alone the panel takes over, by
    /// `X-Forwarded-For`, whom a request is from
    #[arg(
        long,
        env = "BROKEFORGE_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        default_value = "",
        hide_default_value = true
    )]
    pub trusted_proxies: TrustedProxies,
    /// Lets servers be added at loopback and link-local addresses: whoever has an account then
    /// reaches what listens on the panel's machine for that machine alone
    #[arg(long, env = "BROKEFORGE_ALLOW_LOCAL_ADDRESSES", value_parser = FalseyValueParser::new())]
    pub allow_local_addresses: bool,
    /// Pages of other addresses that may listen to the panel for whoever is signed in to it, as
    /// `https://status.example.com`, with commas in between
    #[arg(
        long,
        env = "BROKEFORGE_ALLOWED_ORIGINS",
        value_name = "URLS",
        default_value = "",
        hide_default_value = true
    )]
    pub allowed_origins: String,
}

/// The same folder from wherever the binary is started: a panel that looked into its working
/// directory would find another database there each time.
pub fn default_data_folder() -> PathBuf {
    match std::env::var_os("HOME") {
        Some(home) if !home.is_empty() => Path::new(&home).join(".local/share/brokeforge"),
        Some(_) | None => PathBuf::from("/var/lib/brokeforge"),
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.trim_start_matches(':').parse().unwrap_or(3000_u16);
    text.parse()
        .map_err(|_| format!("write an IP address and a port, as 127.0.0.1:{port}"))
}

impl ServeOptions {
    /// Where the panel's data lies.
    pub fn database(&self) -> Database {
        Database::of(&self.data, self.database_url.as_ref())
    }

    /// Where the panel may connect to.
    pub fn reach(&self) -> Reach {
        if self.allow_local_addresses {
            Reach::everywhere()
        } else {
            Reach::not_here(self.listen)
        }
    }

    /// The panel's own origin, `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// When the given one is no origin, or plain http to a public address; when none is given and
    /// `listen` does not tell it.
    pub fn origin(&self) -> Result<String> {
        let Some(given) = &self.public_url else {
            return self.origin_of_listen();
        };
        parse_origin("public URL", given)
    }

    /// The origins of other pages that may listen, as browsers write them.
    ///
    /// # Errors
    /// When one of them is no origin, or plain http to a public address.
    pub fn allowed_origins(&self) -> Result<Vec<String>> {
        self.allowed_origins
            .split(',')
            .map(str::trim)
            .filter(|given| !given.is_empty())
            .map(|given| parse_origin("allowed origin", given))
            .collect()
    }

    fn origin_of_listen(&self) -> Result<String> {
        if is_private_ip(self.listen.ip()) {
            return Ok(format!("http://{}", self.listen));
        }
        bail!(
            "--listen {} does not tell how people reach the panel; add --public-url, as \
             https://panel.example.com. Calls from a page of another address are refused",
            self.listen
        )
    }
}

fn parse_origin(what: &str, given: &str) -> Result<String> {
    let uri: Uri = given
        .parse()
        .with_context(|| format!("{what} {given:?} is no URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        bail!("{what} {given:?}: write it as https://panel.example.com");
    };
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        bail!("{what} {given:?}: leave out the path");
    }
    match scheme {
        "https" => {}
        "http" if is_private(authority.host()) => {}
        "http" => bail!(
            "{what} {given:?}: plain http is taken for loopback and private addresses only. \
             Put a proxy with TLS in front and write https://"
        ),
        _ => bail!("{what} {given:?}: write http:// or https://"),
    }
    Ok(format!("{scheme}://{authority}"))
}

fn is_private(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(is_private_ip)
}

fn is_private_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ServeOptions {
        ServeOptions {
            listen: ([127, 0, 0, 1], 3000).into(),
            data: PathBuf::new(),
            database_url: None,
            site: PathBuf::new(),
            public_url: None,
            trusted_proxies: TrustedProxies::default(),
            allow_local_addresses: false,
            allowed_origins: String::new(),
        }
    }

    fn origin(public_url: &str) -> Result<String> {
        let public_url = Some(public_url.to_owned());
        ServeOptions {
            public_url,
            ..options()
        }
        .origin()
    }

    #[test]
    fn listening_beyond_private_addresses_needs_a_public_url() {
        let origin = |listen: &str, public_url: Option<&str>| {
            ServeOptions {
                listen: listen.parse().expect("an address"),
                public_url: public_url.map(ToOwned::to_owned),
                ..options()
            }
            .origin()
        };
        for listen in ["0.0.0.0:3000", "[::]:3000", "203.0.113.7:3000"] {
            assert!(origin(listen, None).is_err(), "{listen} passed");
            assert!(origin(listen, Some("https://a.example")).is_ok());
        }
        let private = origin("192.168.1.5:3000", None).expect("is private");
        assert_eq!(private, "http://192.168.1.5:3000");
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

    #[test]
    fn allowed_origins_are_a_list_and_as_strict_as_the_public_url() {
        let allowed = |text: &str| {
            let allowed_origins = text.to_owned();
            ServeOptions {
                allowed_origins,
                ..options()
            }
            .allowed_origins()
        };
        assert!(allowed("").is_ok_and(|origins| origins.is_empty()));
        let two = allowed("https://a.example/, http://127.0.0.1:5173,").expect("are origins");
        assert_eq!(two, ["https://a.example", "http://127.0.0.1:5173"]);
        for bad in [
            "*",
            "null",
            "a.example",
            "http://a.example",
            "https://a.example/x",
        ] {
            assert!(allowed(bad).is_err(), "{bad} passed");
        }
    }
}
