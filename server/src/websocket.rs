//! `/app/{key}`: the Pusher protocol, version 7, for the panel's own page and for other clients.
//!
//! The page connects with a fixed key, and its cookie opens the channels. Other clients connect with the app's key and
//! show a signature of `/broadcasting/auth` for each channel.

mod fanout;
mod outlet;
mod socket;
mod sockets;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::{Caller, SignedIn};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use self::outlet::{Line, Outlet};
use self::socket::{Closing, Socket};
pub use self::sockets::{Pace, Sockets};
use crate::doorkeeper::{is_allowed_origin, is_own_origin};
use crate::router::AppState;

/// The key that the panel's own page connects with.
pub const OWN_KEY: &str = "brokeforge";

const LONGEST_FRAME: usize = 16 * 1024;
/// Each socket has such a buffer from its first moment; what clients say is short. The library's own is 128 KiB.
const READ_BUFFER: usize = 1024;

/// What clients say of themselves in the address.
#[derive(Deserialize)]
pub struct Client {
    protocol: Option<String>,
}

/// Takes a connection at `/app/{key}`.
pub async fn connect(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    Query(client): Query<Client>,
    mut request: Request,
) -> Response {
    let upgrading = hyper::upgrade::on(&mut request);
    let headers = request.headers().clone();
    let Ok(accepted) = create_response_with_body(&request, Body::empty) else {
        return no_upgrade(&state.sockets, &caller, &headers);
    };
    let is_own = is_own_origin(&headers, &state.panel.public_url, true);
    let is_allowed = key != OWN_KEY && is_allowed_origin(&headers, &state.allowed_origins);
    if !is_own && !is_allowed {
        return (StatusCode::FORBIDDEN, "This page may not listen here.").into_response();
    }
    // Browsers send the cookie along for whichever page: it speaks for the panel's own only.
    let who = caller.signed_in.filter(|_| is_own);
    let refusal = match client.protocol.as_deref() {
        Some("5" | "6" | "7") | None => match (key == OWN_KEY, key == state.panel.app.key()) {
            (true, _) if who.is_none() => Some(Closing::SignInFirst),
            (true, _) | (_, true) => None,
            (false, false) => Some(Closing::UnknownKey),
        },
        Some(_) => Some(Closing::UnknownProtocol),
    };
    tokio::spawn(async move {
        if let Some(stream) = open(upgrading).await {
            Socket::new(stream, state.panel, state.sockets, who)
                .serve(refusal)
                .await;
        }
    });
    accepted
}

/// A proxy that was told nothing of it drops the Upgrade header and passes the rest of the handshake on. No page sees
/// the answer to its handshake; so it asks once more by a plain request, and is told then.
fn no_upgrade(sockets: &Sockets, caller: &Caller, headers: &HeaderMap) -> Response {
    let no_handshake =
        || (StatusCode::BAD_REQUEST, "This is no WebSocket handshake.").into_response();
    let session = caller.signed_in.as_ref().map(SignedIn::session);
    let Some(session) = session else {
        return no_handshake();
    };
    if headers.contains_key(header::SEC_WEBSOCKET_KEY) && sockets.note_cut_off(session) {
        tracing::warn!(
            "a WebSocket's handshake came without its Upgrade header, or over HTTP/1.0: the proxy in front has to pass it on"
        );
    }
    if !sockets.is_cut_off(session) {
        return no_handshake();
    }
    let answer = "The handshake came without its Upgrade header.";
    (StatusCode::UPGRADE_REQUIRED, answer).into_response()
}

/// The connection itself, from below the layers of HTTP: the thread that fans events out writes to it.
async fn open(upgrading: OnUpgrade) -> Option<WebSocketStream<Line>> {
    // Whoever asked may be gone by now.
    let upgraded = upgrading.await.ok()?;
    let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) else {
        tracing::error!("a WebSocket came over something that is no TCP connection");
        return None;
    };
    let line = Line(Arc::new(Outlet::new(parts.io.into_inner())));
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(LONGEST_FRAME))
        .max_frame_size(Some(LONGEST_FRAME));
    // A copy, for it is a piece of a buffer of 8 KiB that would live as long as the socket.
    let begun = parts.read_buf.to_vec();
    Some(WebSocketStream::from_partially_read(line, begun, Role::Server, Some(config)).await)
}
