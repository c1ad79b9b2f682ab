//! `POST /scheduler/report`: a server tells of a run of one of its tasks, with the token that only the two of them know.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use domain::{Error, scheduler};
use provisioner::scheduler::report;
use wire::ApiError;

use crate::router::AppState;

/// In bytes.
pub const LONGEST_BODY: usize = report::LONGEST;

/// Keeps a report. The token names the task, so nobody can tell of another one; a report that comes twice changes nothing
/// the second time. A server that is refused keeps the report.
pub async fn report(State(state): State<AppState>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(token) = token_of(&headers) else {
        return StatusCode::UNAUTHORIZED;
    };
    let db = &state.panel.db;
    let kept = async {
        let (server, task) = scheduler::by_token(db, token).await?;
        if state.panel.limits.report(task).is_err() {
            return Ok(StatusCode::TOO_MANY_REQUESTS);
        }
        let Some(report) = report::parse(&body) else {
            return Ok(StatusCode::BAD_REQUEST);
        };
        scheduler::record(db, server, &[(task, report)], None).await?;
        Ok(StatusCode::NO_CONTENT)
    };
    match kept.await {
        Ok(status) => status,
        Err(Error::Known(ApiError::NotFound)) => StatusCode::UNAUTHORIZED,
        Err(error) => {
            tracing::error!(%error, "could not keep the report of a run");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn token_of(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}
