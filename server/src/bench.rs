//! `POST /bench/publish`: a server's change whose time is a text from outside, so that a load generator knows it again
//! on each of its sockets. Behind the route it is an event like any other: the same bus, subscriptions and sockets. Of a real
//! one, session and right were looked up before whatever it tells of was changed; here that is done once, beforehand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::access::Caller;
use domain::db::now;
use serde::Deserialize;
use serde_json::json;
use wire::event::{Channel, Event};
use wire::{ServerId, UserId};

use crate::broadcasting;
use crate::doorkeeper::is_own_origin;
use crate::router::AppState;

/// On a server's channel it goes out as each change of the server does: on `private-servers` as well.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    channel: String,
    marker: String,
    /// Whose change it is.
    user: UserId,
    /// What `/broadcasting/auth` signed for this channel and `socket_id`.
    auth: String,
    socket_id: String,
}

/// Publishes on a channel that the caller may hear, as a signature says. Not for other machines, nor for pages of other addresses.
pub async fn publish(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(publication): Json<Publication>,
) -> Response {
    if !caller.peer.is_loopback() || !is_own_origin(&headers, &state.panel.public_url, true) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(channel) = publication.channel.parse::<Channel>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let server_id = match channel {
        Channel::Server(id) => id,
        // Of no server, so that nobody hears it on another channel.
        Channel::Servers => ServerId(0),
        Channel::Account | Channel::User(_) => return StatusCode::NOT_FOUND.into_response(),
    };
    let Publication {
        marker,
        user,
        auth,
        socket_id,
        ..
    } = publication;
    let app = &state.panel.app;
    if app.session_of(&auth, &socket_id, channel).is_none() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let event = Event::ServerUpdated {
        server_id,
        timestamp: now(),
    };
    let name = event.name();
    let data = json!({ "server_id": server_id, "timestamp": marker });
    let bus = state.panel.db.bus();
    bus.publish_as(user, Arc::new(event), |channel| {
        Some(broadcasting::frame(name, Some(&channel.to_string()), &data).into())
    });
    StatusCode::NO_CONTENT.into_response()
}
