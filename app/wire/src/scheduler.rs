//! Scheduled tasks: commands that a server runs by itself at set times. `cron`: which times; `task`: what a form must
//! say; `runs`: what is known of each run; `installation`: what they need on their server.

mod cron;
mod installation;
mod runs;
mod task;

use serde::{Deserialize, Serialize};

pub use self::cron::{CronExpression, Schedule, Times};
pub use self::installation::InstallationResource;
pub use self::runs::{RunInput, RunResource, RunState, RunsInput, RunsPage, Trigger};
pub use self::task::{Frequency, NewTask, Overlap, RunAs, TaskFields, TaskTimeout, command};
use crate::servers::ServerSummary;
use crate::{OperationId, ServerId, Status, TaskId, Timestamp};

/// Adds a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTaskInput {
    pub server_id: ServerId,
    pub task: TaskFields,
    /// Made once per form by the page: ten clicks with one key make one task.
    pub request_key: String,
}

/// Changes a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateTaskInput {
    pub server_id: ServerId,
    pub task_id: TaskId,
    pub task: TaskFields,
    /// As they were when the form was filled: if they are others by now, nothing is overwritten unseen.
    pub shown: TaskFields,
}

/// Names a task in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    pub server_id: ServerId,
    pub task_id: TaskId,
}

/// Asks when an expression would come next on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextRunsInput {
    pub server_id: ServerId,
    pub expression: String,
}

/// When an expression comes next, by the clock of its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRuns {
    /// `Europe/Berlin`; `None` while the server has not told it, and then the times are UTC.
    pub time_zone: Option<String>,
    /// Whenever the server starts, and at no set time.
    pub at_boot: bool,
    /// The next five; fewer only where there are no more within fifty years.
    pub runs: Vec<NextRun>,
}

/// One time to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRun {
    pub at: Timestamp,
    /// `Friday, 1 January 2027, 04:30 CET`
    pub words: String,
}

/// A task as the pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResource {
    pub id: TaskId,
    pub name: String,
    pub command: String,
    pub run_as: RunAs,
    pub frequency: Frequency,
    pub expression: String,
    /// Seconds.
    pub timeout: u32,
    pub overlap: Overlap,
    pub notify: bool,
    pub status: Status,
    /// Why the last operation on it failed.
    pub error_log: Option<String>,
    /// The operation that is queued or running for it, or else the last one.
    pub operation_id: Option<OperationId>,
    pub last_run: Option<RunResource>,
    pub last_success_at: Option<Timestamp>,
    /// When it should have run last and did not, as far as nothing newer is known of it.
    pub missed_at: Option<Timestamp>,
    /// `None` where no set time is to come: paused, or run when the server starts.
    pub next_run: Option<NextRun>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One line of what happened to the tasks of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerEvent {
    pub id: i64,
    pub sentence: String,
    pub actor: String,
    pub at: Timestamp,
}

/// All that the page of a server's tasks shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerResource {
    pub server: ServerSummary,
    /// `None` where it is not installed.
    pub installation: Option<InstallationResource>,
    /// Whether cron runs, as the panel last found it; `None` before it has looked.
    pub is_running: Option<bool>,
    /// `Europe/Berlin`, as the server told.
    pub time_zone: Option<String>,
    /// How many seconds the server's clock is ahead of the panel's, if that was seen.
    pub clock_ahead: Option<i64>,
    pub tasks: Vec<TaskResource>,
    pub recent_events: Vec<SchedulerEvent>,
}

/// All that the page of one task shows beside its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPage {
    pub server: ServerSummary,
    pub task: TaskResource,
    pub next: NextRuns,
    /// The newest ones.
    pub runs: RunsPage,
}

/// The environment that a task's command finds, for people who write one.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("SHELL", "/bin/sh"),
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "the home directory of the user, where it starts"),
];
