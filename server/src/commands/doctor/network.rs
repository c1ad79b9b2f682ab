//! The port, the public address, and whether a WebSocket gets through.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::UNIX_EPOCH;

use axum::http::{Response, header};
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::Finding;
use super::http::{Origin, PATIENCE};
use crate::config::ServeOptions;
use crate::doorkeeper::POLICY_WITHOUT_PAGE;
use crate::websocket::OWN_KEY;

/// Findings, and the clock behind the public address, in milliseconds since 1970.
pub async fn look(options: &ServeOptions) -> (Vec<Finding>, Option<i64>) {
    let own_port = Origin::parse(&format!("http://{}", reachable(options.listen)));
    let (port, is_running) = port(options.listen, own_port.as_ref()).await;
    let mut findings = vec![port];
    findings.extend(allowed_origins(options));
    let public = match options.origin() {
        Ok(origin) => Origin::parse(&origin),
        Err(error) => {
            let advice = "write it as https://panel.example.com, and give it to --public-url or \
                          BROKEFORGE_PUBLIC_URL";
            findings.push(Finding::wrong("address", error.to_string(), advice));
            None
        }
    };
    let Some(public) = public else {
        return (findings, None);
    };
    let (address, clock, reaches_us) = address(&public, options, is_running).await;
    findings.push(address);
    findings.extend(proxies(options));
    let through = match (reaches_us, is_running, own_port) {
        (true, _, _) => Some(public.clone()),
        (false, true, Some(own_port)) => Some(own_port),
        (false, true | false, _) => None,
    };
    findings.push(match through {
        Some(through) => websocket(&through, &public).await,
        None => Finding::note(
            "websocket",
            "not tried: no panel answers",
            "start the panel and run doctor again",
        ),
    });
    // A clock on this machine would only agree with itself.
    (findings, clock.filter(|_| !public.is_loopback()))
}

/// Nothing is said where no other page may listen, as it is for most.
fn allowed_origins(options: &ServeOptions) -> Option<Finding> {
    const CHECK: &str = "origins";
    match options.allowed_origins() {
        Ok(origins) if origins.is_empty() => None,
        Ok(origins) => {
            let found = format!("pages of {} may listen", origins.join(" and "));
            Some(Finding::fine(CHECK, found))
        }
        Err(error) => {
            let advice = "write each as https://status.example.com, with commas in between, and give them to \
                          --allowed-origins or BROKEFORGE_ALLOWED_ORIGINS";
            Some(Finding::wrong(CHECK, error.to_string(), advice))
        }
    }
}

/// A panel on all interfaces is asked by the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port())
    } else {
        listen
    }
}

/// The panel itself speaks no TLS, so https says that a proxy is there.
fn proxies(options: &ServeOptions) -> Option<Finding> {
    let address = options.public_url.as_ref()?;
    (address.starts_with("https://") && options.trusted_proxies.is_empty()).then(|| {
        Finding::note(
            "proxies",
            "a proxy stands in front and is not trusted to say whom a request is from: the limit of sign-ins takes all visitors for one",
            "let it set X-Forwarded-For, and set BROKEFORGE_TRUSTED_PROXIES to its address, as 127.0.0.1",
        )
    })
}

async fn port(listen: SocketAddr, own_port: Option<&Origin>) -> (Finding, bool) {
    use std::io::ErrorKind;
    let error = match TcpListener::bind(listen).await {
        Ok(_free) => {
            let found = format!("{listen} is free; the panel is not running");
            return (
                Finding::note("port", found, "`brokeforge serve` starts it"),
                false,
            );
        }
        Err(error) => error,
    };
    let finding = match error.kind() {
        ErrorKind::AddrInUse => {
            let answer = match own_port {
                Some(own_port) => own_port.get("/health").await.ok(),
                None => None,
            };
            return match answer {
                Some(answer) if is_panel(&answer) && answer.status().is_success() => (
                    Finding::fine("port", format!("the panel answers on {listen}")),
                    true,
                ),
                Some(answer) if is_panel(&answer) => (
                    Finding::wrong(
                        "port",
                        format!(
                            "the panel on {listen} answers {}: {}",
                            answer.status().as_u16(),
                            answer.body()
                        ),
                        "read what it logged last, and start it again",
                    ),
                    true,
                ),
                Some(_) | None => (
                    Finding::wrong(
                        "port",
                        format!("another program has {listen}"),
                        format!(
                            "`ss -ltnp 'sport = :{}'` names it; stop it, or choose another port \
                             with --listen",
                            listen.port()
                        ),
                    ),
                    false,
                ),
            };
        }
        ErrorKind::PermissionDenied => Finding::wrong(
            "port",
            format!("this user may not listen on {listen}"),
            "use a port above 1023 and put a proxy in front, or give the service \
             CAP_NET_BIND_SERVICE",
        ),
        ErrorKind::AddrNotAvailable => Finding::wrong(
            "port",
            format!(
                "no interface of this machine has the address {}",
                listen.ip()
            ),
            "`ip address` lists them; behind a proxy on this machine use 127.0.0.1",
        ),
        _ => Finding::wrong(
            "port",
            format!("cannot listen on {listen}: {error}"),
            "choose another address with --listen",
        ),
    };
    (finding, false)
}

/// Whether an answer of `/health` comes from a panel: its body, and a header that no other program
/// is likely to send with it.
fn is_panel(answer: &Response<String>) -> bool {
    answer
        .headers()
        .get_all(header::CONTENT_SECURITY_POLICY)
        .iter()
        .any(|policy| policy == POLICY_WITHOUT_PAGE)
        && (answer.body().contains("ok") || answer.status().is_server_error())
}

async fn address(
    public: &Origin,
    options: &ServeOptions,
    is_running: bool,
) -> (Finding, Option<i64>, bool) {
    let text = &public.text;
    let finding = match public.get("/health").await {
        Ok(answer) if is_panel(&answer) => {
            let finding = Finding::fine("address", format!("{text} reaches a panel"));
            return (finding, clock_of(&answer), true);
        }
        Ok(answer) if matches!(answer.status().as_u16(), 502..=504) => {
            let found = format!(
                "{text} answers {}: a proxy is there and does not reach the panel",
                answer.status().as_u16()
            );
            let advice = format!("point the proxy at http://{}", options.listen);
            return (
                Finding::wrong("address", found, advice),
                clock_of(&answer),
                false,
            );
        }
        Ok(answer) => {
            let found = format!(
                "{text} answers {}, but it is not this panel",
                answer.status().as_u16()
            );
            let advice = format!(
                "point the proxy at http://{}, or set --public-url to the address people type",
                options.listen
            );
            Finding::wrong("address", found, advice)
        }
        // Its own port is free: that is told already, and nothing is wrong with it.
        Err(_) if !is_running && options.public_url.is_none() => Finding::note(
            "address",
            format!("{text}, made from --listen; not tried: no panel answers"),
            "start the panel and run doctor again",
        ),
        Err((found, advice)) => Finding::wrong("address", found, advice),
    };
    (finding, None, false)
}

fn clock_of(answer: &Response<String>) -> Option<i64> {
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    let since = httpdate::parse_http_date(date)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// A real upgrade, and the first frame: a panel greets a socket without a session with "sign in
/// first", so one frame proves that frames get through.
async fn websocket(through: &Origin, public: &Origin) -> Finding {
    const CHECK: &str = "websocket";
    let stream = match through.connect().await {
        Ok(stream) => stream,
        Err((found, advice)) => return Finding::wrong(CHECK, found, advice),
    };
    let scheme = if through.text.starts_with("https") {
        "wss"
    } else {
        "ws"
    };
    let address = format!("{scheme}://{}/app/{OWN_KEY}", through.authority);
    let request = address.clone().into_client_request().map(|mut request| {
        if let Ok(origin) = public.text.parse() {
            request.headers_mut().insert(header::ORIGIN, origin);
        }
        request
    });
    let request = match request {
        Ok(request) => request,
        Err(error) => return Finding::wrong(CHECK, error.to_string(), "check --public-url"),
    };
    let mut socket = match timeout(PATIENCE, client_async(request, stream)).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(WsError::Http(answer))) => {
            return refused(&address, answer.status().as_u16(), public);
        }
        Ok(Err(error)) => {
            let found = format!("{address} does not upgrade: {error}");
            return Finding::wrong(CHECK, found, PASS_ON);
        }
        Err(_) => {
            let found = format!("{address} does not answer within {} s", PATIENCE.as_secs());
            return Finding::wrong(CHECK, found, PASS_ON);
        }
    };
    match timeout(PATIENCE, socket.next()).await {
        Ok(Some(Ok(Message::Text(text)))) if text.contains("pusher:") => {
            Finding::fine(CHECK, format!("{address} upgrades, and frames get through"))
        }
        Ok(_) | Err(_) => Finding::wrong(
            CHECK,
            format!("{address} upgrades, but no frame gets through"),
            "turn off buffering of this location in the proxy",
        ),
    }
}

const PASS_ON: &str = "pass the headers Upgrade and Connection on, over HTTP/1.1; docs/install.md has \
                       the lines for nginx and Caddy";

fn refused(address: &str, status: u16, public: &Origin) -> Finding {
    match status {
        // What axum answers when the headers of the upgrade are not there.
        400 | 426 => Finding::wrong(
            "websocket",
            format!("{address} answers {status}: a proxy in between drops the Upgrade header"),
            PASS_ON,
        ),
        403 => Finding::wrong(
            "websocket",
            format!("{address} refuses pages from {}", public.text),
            "the running panel has another --public-url; start it again with this one",
        ),
        _ => Finding::wrong(
            "websocket",
            format!("{address} answers {status} in place of an upgrade"),
            PASS_ON,
        ),
    }
}
