//! What every request passes on its way in: who is calling, from which page, and may they.

use std::net::{IpAddr, SocketAddr};

use app::policy::{Policy, policy_of};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use domain::access::Caller;
use domain::sessions;
use wire::ApiError;
use wire::accounts::Role;

use crate::router::AppState;

/// Finds out who is calling and leaves it with the request as `Caller`.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
    let peer = state.proxies.client(peer, request.headers());
    let user_agent = header_text(request.headers(), &header::USER_AGENT)
        .unwrap_or_default()
        .to_owned();
    let cookies = CookieJar::from_headers(request.headers());
    let signed_in = match cookies.get(app::session::COOKIE) {
        Some(cookie) => match sessions::find(&state.panel.db, cookie.value()).await {
            Ok(found) => found,
            Err(error) => return refuse(&error.into()),
        },
        None => None,
    };
    request.extensions_mut().insert(Caller {
        signed_in,
        peer,
        user_agent,
    });
    next.run(request).await
}

/// Lets a call through only from the panel's own pages and only to what the policy table names;
/// and gives a failed call the status of its error.
pub async fn guard_calls(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return refuse(&ApiError::NotFound);
    }
    let Some(policy) = policy_of(request.uri().path()) else {
        return refuse(&ApiError::NotFound);
    };
    if !is_own_origin(request.headers(), &state.panel.public_url, false) {
        return refuse(&ApiError::Refused {
            message: format!(
                "This call did not come from a page of the panel at {}.",
                state.panel.public_url
            ),
        });
    }
    if header_text(request.headers(), &header::CONTENT_TYPE)
        .is_none_or(|kind| !kind.starts_with("application/json"))
    {
        return refuse(&ApiError::Refused {
            message: "Send JSON.".to_owned(),
        });
    }
    let role = request
        .extensions()
        .get::<Caller>()
        .and_then(|caller| caller.signed_in.as_ref())
        .map(|who| who.account.role);
    match (policy, role) {
        (Policy::SignedIn | Policy::Administrator, None) => return refuse(&ApiError::SignedOut),
        (Policy::Administrator, Some(Role::Member)) => return refuse(&ApiError::NotFound),
        (Policy::Administrator, Some(Role::Administrator))
        | (Policy::SignedIn, Some(_))
        | (Policy::SetupOnly | Policy::Invited | Policy::TaskToken | Policy::Public, _) => {}
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        with_status_of_error(response).await
    } else {
        response
    }
}

/// The content-security policy of every answer that is no page.
pub const POLICY_WITHOUT_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Headers that every answer carries. The content-security policy of pages is set where the
/// page's nonce is made.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY_WITHOUT_PAGE));
    response
}

/// Whether a request comes from a page of the panel. Programs that are no browsers send no Origin;
/// a socket takes them (their session is theirs to use), a mutation does not.
pub fn is_own_origin(headers: &HeaderMap, public_url: &str, absent_is_fine: bool) -> bool {
    let fetch_site = HeaderName::from_static("sec-fetch-site");
    if let Some(site) = header_text(headers, &fetch_site)
        && site != "same-origin"
        && site != "none"
    {
        return false;
    }
    match headers.get(header::ORIGIN) {
        None => absent_is_fine,
        Some(origin) => origin
            .to_str()
            .is_ok_and(|origin| same_origin(origin, public_url)),
    }
}

/// Whether a request comes from a page of another address that may listen for whoever is signed in here.
pub fn is_allowed_origin(headers: &HeaderMap, allowed: &[String]) -> bool {
    header_text(headers, &header::ORIGIN)
        .is_some_and(|origin| allowed.iter().any(|known| known == origin))
}

/// On the machine itself, `localhost` and `127.0.0.1` are one place with two names.
fn same_origin(origin: &str, public_url: &str) -> bool {
    origin == public_url
        || loopback_port(origin).is_some_and(|port| loopback_port(public_url) == Some(port))
}

fn loopback_port(origin: &str) -> Option<u16> {
    let authority = origin.strip_prefix("http://")?;
    let (host, port) = authority.rsplit_once(':')?;
    matches!(host, "localhost" | "127.0.0.1" | "[::1]").then(|| port.parse().ok())?
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The framework answers every failed call with 500; the error inside knows better.
async fn with_status_of_error(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, 64 * 1024).await else {
        return refuse(&ApiError::Internal);
    };
    if let Ok(error) = serde_json::from_slice::<ApiError>(&bytes) {
        parts.status = StatusCode::from_u16(error.http_status()).unwrap_or(parts.status);
        parts.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    Response::from_parts(parts, bytes.into())
}

fn refuse(error: &ApiError) -> Response {
    let status =
        StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(error)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:3000";

    fn headers(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ORIGIN,
            HeaderValue::from_str(origin).expect("is a header"),
        );
        headers
    }

    #[test]
    fn foreign_origins_are_refused_in_every_disguise() {
        for origin in [
            "null",
            "",
            "http://127.0.0.1",
            "http://127.0.0.1:3001",
            "https://127.0.0.1:3000",
            "http://127.0.0.1:3000.evil.example",
            "http://evil.example",
            "http://evil.example:3000",
            "http://localhost:3001",
            "http://localhost.evil.example:3000",
            "http://127.0.0.1:3000/",
            "http://127.0.0.1:3000@evil.example",
            "HTTP://127.0.0.1:3000",
            "http://[::1]:3001",
            "file://",
            "http://127.0.0.2:3000",
            "http://0.0.0.0:3000",
            "ws://127.0.0.1:3000",
            "http://127.0.0.1:03000x",
            "http://127.0.0.1:3000 http://127.0.0.1:3000",
        ] {
            assert!(
                !is_own_origin(&headers(origin), OWN, true),
                "{origin} passed"
            );
        }
        for origin in [OWN, "http://localhost:3000", "http://[::1]:3000"] {
            assert!(
                is_own_origin(&headers(origin), OWN, false),
                "{origin} refused"
            );
        }
    }

    #[test]
    fn a_cross_site_fetch_is_refused_whatever_its_origin() {
        let mut own = headers(OWN);
        own.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(!is_own_origin(&own, OWN, true));
    }

    #[test]
    fn an_absent_origin_is_taken_by_sockets_only() {
        assert!(is_own_origin(&HeaderMap::new(), OWN, true));
        assert!(!is_own_origin(&HeaderMap::new(), OWN, false));
    }
}
