//! `/app/{key}`: the Pusher protocol, version 7, for the panel's own page and for other clients.
//!
//! The page connects with a fixed key, and its cookie opens the channels. Other clients connect with the app's key and
//! show a signature of `/broadcasting/auth` for each channel.

mod socket;
mod sockets;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::access::Caller;
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
    upgrade: WebSocketUpgrade,
) -> Response {
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
