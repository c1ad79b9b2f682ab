//! Who is calling, and is it theirs. Every server function begins with one of these.

use axum::http::{HeaderValue, header};
use domain::access::{self, Administrator, Caller, OwnedOperation, OwnedServer, SignedIn};
use domain::sessions::{LONGEST_MS, SessionToken};
use domain::{Error, Panel};
use leptos::context::use_context;
use leptos_axum::ResponseOptions;
use wire::{ApiError, OperationId, ServerId};

/// The name of the session's cookie.
pub const COOKIE: &str = "brokeforge_session";

/// No session lives longer, so its cookie need not either.
const COOKIE_SECONDS: i64 = LONGEST_MS / 1000;

/// The panel, for calls that anybody may make.
pub fn panel() -> Result<Panel, ApiError> {
    use_context::<Panel>()
        .ok_or_else(|| Error::Internal("a call came without the panel in its context".into()))
        .map_err(ApiError::from)
}

/// Whoever sent the request.
pub fn caller() -> Result<Caller, ApiError> {
    use_context::<Caller>()
        .ok_or_else(|| Error::Internal("a call came without its caller in its context".into()))
        .map_err(ApiError::from)
}

/// The account behind the request.
pub fn signed_in() -> Result<(Panel, SignedIn), ApiError> {
    let who = caller()?.signed_in()?.clone();
    Ok((panel()?, who))
}

/// The account behind the request, proved to be an administrator's.
pub fn administrator() -> Result<(Panel, Administrator), ApiError> {
    let (panel, who) = signed_in()?;
    Ok((panel, access::administrator(who)?))
}

/// A server, proved to be the caller's.
pub async fn owned_server(id: ServerId) -> Result<(Panel, SignedIn, OwnedServer), ApiError> {
    let (panel, who) = signed_in()?;
    let server = access::owned_server(&panel.db, &who, id).await?;
    Ok((panel, who, server))
}

/// An operation, proved to run on a server of the caller's.
pub async fn owned_operation(id: OperationId) -> Result<(Panel, OwnedOperation), ApiError> {
    let (panel, who) = signed_in()?;
    let operation = access::owned_operation(&panel.db, &who, id).await?;
    Ok((panel, operation))
}

/// Hands the browser its new session.
pub fn begin(panel: &Panel, token: &SessionToken) {
    set_cookie(panel, token.expose(), COOKIE_SECONDS);
}

/// Takes the session back from the browser.
pub fn end(panel: &Panel) {
    set_cookie(panel, "", 0);
}

fn set_cookie(panel: &Panel, value: &str, seconds: i64) {
    let secure = if panel.public_url.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let (Some(response), Ok(cookie)) = (
        use_context::<ResponseOptions>(),
        HeaderValue::from_str(&cookie),
    ) {
        response.append_header(header::SET_COOKIE, cookie);
    }
}
