//! Sessions: the browsers in which an account is signed in.

use serde::{Deserialize, Serialize};

use crate::{SessionId, Timestamp};

/// One browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionResource {
    pub id: SessionId,
    /// The address it signed in from, as the panel saw it.
    pub peer: String,
    /// `Firefox 128 on Linux`: words of ours, never what the browser sent.
    pub browser: String,
    pub signed_in_at: Timestamp,
    /// Its latest request, to the minute.
    pub seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// Names one of the caller's sessions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionInput {
    pub session_id: SessionId,
}
