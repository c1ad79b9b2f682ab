//! Operations: pieces of remote work that a user can watch.

pub mod list;

use serde::{Deserialize, Serialize};

use crate::diagnosis::Diagnosis;
use crate::{OperationId, ResourceKind, ServerId, Timestamp};

/// Names an operation in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationInput {
    pub operation_id: OperationId,
}

/// Asks for the output after a chunk that is already shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputInput {
    pub operation_id: OperationId,
    /// The last chunk the reader has; 0 asks for all of it.
    pub after: i64,
}

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Puts the panel's key on a server, with a password given for this once.
    Authorize,
    /// Makes a plain server ready for use.
    Provision,
    /// Restarts the server and waits until it is back.
    Reboot,
    /// Runs a scheduled task now, whatever the time.
    RunTask,
    /// Puts a managed resource on its server.
    Install(ResourceKind),
    /// Changes a managed resource that is there.
    Change(ResourceKind),
    /// Takes a managed resource off its server.
    Remove(ResourceKind),
}

impl OperationKind {
    /// The words in the database: what is done, and to what.
    pub fn as_words(self) -> (&'static str, Option<ResourceKind>) {
        match self {
            Self::Authorize => ("authorize", None),
            Self::Provision => ("provision", None),
            Self::Reboot => ("reboot", None),
            Self::RunTask => ("run", Some(ResourceKind::ScheduledTask)),
            Self::Install(kind) => ("install", Some(kind)),
            Self::Change(kind) => ("change", Some(kind)),
            Self::Remove(kind) => ("remove", Some(kind)),
        }
    }

    /// The kind of a pair of words, if it is one.
    pub fn parse(verb: &str, resource: Option<ResourceKind>) -> Option<Self> {
        match (verb, resource) {
            ("authorize", None) => Some(Self::Authorize),
            ("provision", None) => Some(Self::Provision),
            ("reboot", None) => Some(Self::Reboot),
            ("run", Some(ResourceKind::ScheduledTask)) => Some(Self::RunTask),
            ("install", Some(kind)) => Some(Self::Install(kind)),
            ("change", Some(kind)) => Some(Self::Change(kind)),
            ("remove", Some(kind)) => Some(Self::Remove(kind)),
            _ => None,
        }
    }
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl OperationState {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    pub fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How far one step of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Waiting,
    Running,
    Succeeded,
    Failed,
    /// Never begun, because a step before it failed.
    Skipped,
}

impl StepStatus {
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The status of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// An operation as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationResource {
    pub id: OperationId,
    pub server_id: ServerId,
    pub kind: OperationKind,
    /// `Provision web-1`
    pub title: String,
    pub state: OperationState,
    /// The name of who asked for it.
    pub requested_by: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Why it failed and what to do next, or who cancelled it.
    pub error: Option<String>,
    /// Who wants it cancelled, while it still runs.
    pub cancel_requested_by: Option<String>,
    /// What it waits for, in a sentence.
    pub note: Option<String>,
    /// It failed, nothing newer was done about the same, and the panel can begin it again by itself.
    pub can_retry: bool,
    pub steps: Vec<StepResource>,
    /// The panel's clock when this was read, so that elapsed times do not depend on the browser's.
    pub read_at: Timestamp,
}

/// One step of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResource {
    pub position: i32,
    pub title: String,
    pub status: StepStatus,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// What the step found or did, in one line.
    pub summary: Option<String>,
    /// The earlier operation that did this step, when this one had no need to.
    pub done_in: Option<OperationId>,
    /// `exit code 100`, `signal KILL`, when the step failed on the server.
    pub exit: Option<String>,
    /// Why it failed on the server, and what to do next.
    pub diagnosis: Option<Diagnosis>,
}

/// Output that the reader does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPage {
    pub chunks: Vec<OutputChunk>,
    /// Whether there is more right now than fitted into this answer.
    pub more: bool,
    /// Nothing is there, and the operation is so old that its output is not kept any more.
    pub pruned: bool,
}

/// A piece of what a step printed. Of control sequences only colours are left, as `colours` reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputChunk {
    /// Grows from chunk to chunk; the next question says `after: id`.
    pub id: i64,
    pub step: i32,
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for state in OperationState::ALL {
            assert_eq!(OperationState::parse(state.as_str()), Some(state));
        }
        for status in StepStatus::ALL {
            assert_eq!(StepStatus::parse(status.as_str()), Some(status));
        }
        for resource in ResourceKind::ALL {
            assert_eq!(ResourceKind::parse(resource.as_str()), Some(resource));
            for kind in [
                OperationKind::Install(resource),
                OperationKind::Change(resource),
                OperationKind::Remove(resource),
                OperationKind::Provision,
                OperationKind::Authorize,
                OperationKind::Reboot,
            ] {
                let (verb, of) = kind.as_words();
                assert_eq!(OperationKind::parse(verb, of), Some(kind));
            }
        }
    }
}
