//! What is known of each run of a task.

use serde::{Deserialize, Serialize};

use crate::{RunId, ServerId, TaskId, Timestamp};

/// Asks for runs older than one that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunsInput {
    pub server_id: ServerId,
    pub task_id: TaskId,
    /// The oldest run the reader has; `None` asks for the newest.
    pub before: Option<RunId>,
}

/// Asks for what a run printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInput {
    pub server_id: ServerId,
    pub task_id: TaskId,
    pub run_id: RunId,
}

/// Some runs, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsPage {
    pub runs: Vec<RunResource>,
    pub has_older: bool,
}

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResource {
    pub id: RunId,
    pub state: RunState,
    pub trigger: Trigger,
    /// By the server's clock.
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
    /// How much of what it printed is kept.
    pub output_bytes: i64,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Succeeded,
    Failed,
    /// Stopped because it took too long.
    TimedOut,
    /// Not begun, because the run before had not ended.
    Skipped,
    /// Ended by whoever began it, or with its server.
    Stopped,
    /// Its end was never written down: the server went down, or somebody killed it.
    Lost,
}

impl RunState {
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Skipped,
        Self::Stopped,
        Self::Lost,
    ];

    /// The word in the database and on the server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }

    /// The state of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    pub fn is_over(self) -> bool {
        match self {
            Self::Running => false,
            Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::Skipped
            | Self::Stopped
            | Self::Lost => true,
        }
    }

    /// Whether somebody has to be told.
    pub fn is_bad(self) -> bool {
        match self {
            Self::Failed | Self::TimedOut | Self::Lost => true,
            Self::Running | Self::Succeeded | Self::Skipped | Self::Stopped => false,
        }
    }
}

/// What began a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Cron,
    /// Somebody in the panel.
    Panel,
}

impl Trigger {
    pub const ALL: [Self; 2] = [Self::Cron, Self::Panel];

    /// The word in the database and on the server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Panel => "panel",
        }
    }

    /// The trigger of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}
