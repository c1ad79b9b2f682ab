//! What is known of each process of a program.

use serde::{Deserialize, Serialize};

use crate::{ProgramId, ServerId, Timestamp};

/// One process of a program, as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessResource {
    /// From 1.
    pub number: i32,
    pub state: ProcessState,
    pub pid: Option<i64>,
    /// By the server's clock.
    pub started_at: Option<Timestamp>,
    /// How often it was restarted by itself since somebody started it.
    pub restarts: i64,
    /// `exit code 1`, `signal KILL`: how it ended last.
    pub last_end: Option<String>,
    /// By the server's clock.
    pub last_end_at: Option<Timestamp>,
}

/// How a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    Starting,
    Running,
    /// It has ended and is about to be started again.
    Restarting,
    Stopping,
    /// It does not run, because it was stopped or has done what it had to do.
    Stopped,
    /// It has ended badly and is not started again.
    Failed,
}

impl ProcessState {
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Running,
        Self::Restarting,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// The state of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Asks for what the processes of a program printed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogInput {
    pub server_id: ServerId,
    pub program_id: ProgramId,
}

/// The end of a program's log, oldest line first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogResource {
    pub lines: Vec<LogLine>,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// By the server's clock.
    pub at: Timestamp,
    /// The number of the process that it is of.
    pub process: Option<i32>,
    /// What systemd says of the process, not the process itself.
    pub is_about_it: bool,
    /// Of control sequences only colours are left, as `colours` reads them.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::ProcessState;

    #[test]
    fn every_word_reads_back() {
        for state in ProcessState::ALL {
            assert_eq!(ProcessState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ProcessState::parse("active"), None);
    }
}
