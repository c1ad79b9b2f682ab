//! `/app/{key}`: the Pusher protocol, version 7, for the panel's own page and for other clients.
//!
//! The page connects with a fixed key, and its cookie opens the channels. Other clients connect with the app's key and
//! show a signature of `/broadcasting/auth` for each channel.

mod socket;
mod sockets;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::{Caller, SignedIn};
use serde::Deserialize;

use self::socket::{Closing, Socket};
pub use self::sockets::{Pace, Sockets};
use crate::doorkeeper::{is_allowed_origin, is_own_origin};
use crate::router::AppState;

/// The key that the panel's own page connects with.
pub const OWN_KEY: &str = "brokeforge";

const LONGEST_FRAME: usize = 16 * 1024;

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
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return no_upgrade(&state.sockets, &caller, &headers, rejection),
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
    upgrade
        .max_message_size(LONGEST_FRAME)
        .max_frame_size(LONGEST_FRAME)
        .on_upgrade(move |stream| async move {
            Socket::new(stream, state.panel, state.sockets, who)
                .serve(refusal)
                .await;
        })
}

/// A proxy that was told nothing of it drops the Upgrade header and passes the rest of the handshake on. No page sees
/// the answer to its handshake; so it asks once more by a plain request, and is told then.
fn no_upgrade(
    sockets: &Sockets,
    caller: &Caller,
    headers: &HeaderMap,
    rejection: WebSocketUpgradeRejection,
) -> Response {
    let session = caller.signed_in.as_ref().map(SignedIn::session);
    let Some(session) = session else {
        return rejection.into_response();
    };
    if headers.contains_key(header::SEC_WEBSOCKET_KEY) && sockets.note_cut_off(session) {
        tracing::warn!(
            "a WebSocket's handshake came without its Upgrade header, or over HTTP/1.0: the proxy in front has to pass it on"
        );
    }
    if !sockets.is_cut_off(session) {
        return rejection.into_response();
    }
    let answer = "The handshake came without its Upgrade header.";
    (StatusCode::UPGRADE_REQUIRED, answer).into_response()
}
