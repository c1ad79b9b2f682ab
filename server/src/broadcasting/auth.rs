//! `POST /broadcasting/auth`: lets a socket of another program hear what the caller's session may hear.

use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Form, Json};
use domain::access::{Caller, may_subscribe};
use serde::Deserialize;
use serde_json::json;
use wire::event::Channel;

use crate::doorkeeper::{is_allowed_origin, is_own_origin};
use crate::router::AppState;

/// In bytes.
pub const LONGEST_BODY: usize = 16 * 1024;

/// What clients send. Some add parameters of their own, so further fields are let pass.
#[derive(Deserialize)]
struct Question {
    socket_id: String,
    channel_name: String,
}

/// Signs a channel for a socket, or says why not.
pub async fn authorize(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let mut response = answer(&state, &caller, request).await;
    let answered = response.headers_mut();
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    allow_reading(&state, &headers, answered);
    response
}

/// What a browser asks before it sends JSON, or headers of its own, from a page of another address.
pub async fn preflight(State(state): State<AppState>, headers: HeaderMap) -> Response {
    if !is_allowed_origin(&headers, &state.allowed_origins) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answered = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            // laravel-echo sends the second, and the others where its page has such a token.
            "content-type, x-requested-with, x-csrf-token, x-xsrf-token, x-socket-id",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        answered.insert(name, HeaderValue::from_static(value));
    }
    allow_reading(&state, &headers, answered);
    response
}

async fn answer(state: &AppState, caller: &Caller, request: Request) -> Response {
    let headers = request.headers();
    let is_known = is_own_origin(headers, &state.panel.public_url, false)
        || is_allowed_origin(headers, &state.allowed_origins);
    if !is_known {
        return refuse(StatusCode::FORBIDDEN, "This page may not listen here.");
    }
    let Some(who) = &caller.signed_in else {
        return refuse(StatusCode::UNAUTHORIZED, "Sign in first.");
    };
    let Some(question) = read(request).await else {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Send socket_id and channel_name, as a form or as JSON.",
        );
    };
    let Ok(channel) = question.channel_name.parse::<Channel>() else {
        return refuse_channel();
    };
    match may_subscribe(&state.panel.db, who, channel).await {
        Ok(true) => {
            let auth = state.panel.app.sign(&question.socket_id, channel, who);
            Json(json!({ "auth": auth })).into_response()
        }
        Ok(false) => refuse_channel(),
        Err(error) => {
            tracing::error!(%error, "a channel could not be decided");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The panel could not look that up. Try again.",
            )
        }
    }
}

/// pusher-js sends a form, others send JSON.
async fn read(request: Request) -> Option<Question> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let question: Question = if kind.starts_with("application/json") {
        Json::from_request(request, &()).await.ok()?.0
    } else {
        Form::from_request(request, &()).await.ok()?.0
    };
    is_socket_id(&question.socket_id).then_some(question)
}

/// `1234.5678`: anything else could bring a colon into what is signed.
fn is_socket_id(text: &str) -> bool {
    let is_number = |part: &str| {
        (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split_once('.')
        .is_some_and(|(first, second)| is_number(first) && is_number(second))
}

/// Lets the page of an allowed origin read the answer, which its browser would keep from it.
fn allow_reading(state: &AppState, headers: &HeaderMap, answered: &mut HeaderMap<HeaderValue>) {
    answered.insert(header::VARY, HeaderValue::from_static("Origin"));
    if is_allowed_origin(headers, &state.allowed_origins)
        && let Some(origin) = headers.get(header::ORIGIN)
    {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answered.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

fn refuse_channel() -> Response {
    refuse(
        StatusCode::FORBIDDEN,
        "This channel does not exist or is not yours.",
    )
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::is_socket_id;

    #[test]
    fn a_socket_id_is_two_numbers() {
        assert!(is_socket_id("1234.5678"));
        for bad in [
            "",
            ".",
            "1.",
            ".1",
            "1.2.3",
            "1:2",
            "1.2:private-servers",
            "a.b",
            "1. 2",
        ] {
            assert!(!is_socket_id(bad), "{bad}");
        }
    }
}
