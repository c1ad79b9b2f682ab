//! Background programs: commands that a server keeps running. `program`: what a form must say; `environment`: variables, whose
//! values are secrets; `processes`: what is known of each process, and what they printed last.

mod environment;
mod processes;
mod program;

use serde::{Deserialize, Serialize};

pub use self::environment::{NewVariable, SecretText, VariableFields};
pub use self::processes::{LogInput, LogLine, LogResource, ProcessResource, ProcessState};
pub use self::program::{
    NewProgram, ProcessCount, ProgramFields, ProgramSettings, StopSignal, StopWait, directory,
};
use crate::servers::ServerSummary;
use crate::{OperationId, ProgramId, ServerId, Status, Timestamp};

/// Adds a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProgramInput {
    pub server_id: ServerId,
    pub program: ProgramFields,
    /// Made once per form by the page: ten clicks with one key make one program.
    pub request_key: String,
}

/// Changes a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateProgramInput {
    pub server_id: ServerId,
    pub program_id: ProgramId,
    pub program: ProgramFields,
    /// As they were when the form was filled: if they are others by now, nothing is overwritten unseen.
    pub shown: ProgramFields,
}

/// Names a program in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramInput {
    pub server_id: ServerId,
    pub program_id: ProgramId,
}

/// Starts, stops or restarts a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlInput {
    pub server_id: ServerId,
    pub program_id: ProgramId,
    pub act: ProgramAct,
}

/// What is done to all processes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramAct {
    Start,
    Stop,
    Restart,
}

impl ProgramAct {
    /// As a title begins and a button says it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::Restart => "Restart",
        }
    }
}

/// A program as the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramResource {
    pub id: ProgramId,
    pub settings: ProgramSettings,
    /// Names alone: values are shown to nobody.
    pub variables: Vec<String>,
    /// `Paused` where it was stopped by somebody.
    pub status: Status,
    /// Why the last operation on it failed.
    pub error_log: Option<String>,
    /// The operation that is queued or running for it, or else the last one.
    pub operation_id: Option<OperationId>,
    /// As they were seen last, by their numbers; none before the panel has looked.
    pub processes: Vec<ProcessResource>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One line of what happened to the programs of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEvent {
    pub id: i64,
    pub sentence: String,
    pub actor: String,
    pub at: Timestamp,
}

/// All that the page of a server's programs shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramsResource {
    pub server: ServerSummary,
    /// Whether programs can be added: the user that they run as was made.
    pub is_ready: bool,
    pub programs: Vec<ProgramResource>,
    pub recent_events: Vec<ProgramEvent>,
}

/// All that the page of one program shows beside its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramPage {
    pub server: ServerSummary,
    pub program: ProgramResource,
}

/// The environment that a program's command finds before its own variables, for people who write one.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("SHELL", "/bin/sh"),
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "the home directory of the user"),
    ("BROKEFORGE_PROCESS", "the number of the process, from 1"),
];
