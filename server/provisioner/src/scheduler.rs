//! Scheduled tasks on their server: a line for cron that names nothing but our own program, and beside it what that program
//! reads. `installation`: what all of them need there; `report`: what a run writes down; `collecting`: how the panel gets to
//! know of it.

pub(crate) mod collecting;
pub(crate) mod installation;
pub mod report;

use std::time::Duration;

use domain::scheduler::{TaskHandle, TaskOnServer};
use sha2::{Digest, Sha256};
use ssh::Script;

use crate::plan::{Plan, Retry, Step};
use crate::provisioning;
use crate::scripts::script;

/// Puts a task on its server, with cron if that is not there.
pub fn install(task: &TaskOnServer) -> Plan {
    after_cron(written("Add the task", task))
}

/// Makes a task on its server what it is to be. Cron may have died since: whoever resumes a task wants it to run.
pub fn change(task: &TaskOnServer) -> Plan {
    after_cron(written("Change the task", task))
}

/// Takes a task off its server, and stops it if it runs. One that is not there is gone already.
pub fn remove(handle: &TaskHandle) -> Plan {
    let step = |title, script| Step::new(title, script, SHORT).with("handle", handle.to_string());
    Plan {
        steps: vec![
            step("Remove the task", REMOVE),
            step("Verify", IS_GONE).as_probe().retried(Retry::RepeatAll),
        ],
    }
}

/// Runs a task once, as cron would.
pub fn run_now(handle: &TaskHandle) -> Plan {
    let step = |title, script, deadline| {
        Step::new(title, script, deadline)
            .with("handle", handle.to_string())
            .retried(Retry::Repeat)
    };
    Plan {
        steps: vec![
            step("Look for the task", IS_THERE, SHORT).as_probe(),
            step("Run the command", RUN_NOW, LONGEST_RUN).with_users_command(),
        ],
    }
}

const TASK: Script = script!("put.sh", "tasks.sh", "run_task.sh", "task.sh");
const REMOVE: Script = script!("tasks.sh", "remove_task.sh");
const IS_GONE: Script = script!("tasks.sh", "task_is_gone.sh");
const IS_THERE: Script = script!("tasks.sh", "task_is_there.sh");
const RUN_NOW: Script = script!("tasks.sh", "run_task_now.sh");
const REMOVE_SCHEDULER: Script = script!("tasks.sh", "unknown_tasks.sh", "remove_scheduler.sh");
const SCHEDULER_IS_GONE: Script = script!("tasks.sh", "unknown_tasks.sh", "scheduler_is_gone.sh");
/// What there is of runs, and of the server; see `collecting`.
pub const COLLECT: Script = script!("tasks.sh", "collect_runs.sh");
/// Lets go of runs that the panel has.
pub const FORGET: Script = script!("tasks.sh", "forget_runs.sh");

const SHORT: Duration = Duration::from_mins(2);
/// The longest timeout there is, and a wait for a run that goes on.
const LONGEST_RUN: Duration = Duration::from_mins(65);

fn after_cron(step: Step) -> Plan {
    Plan {
        steps: vec![provisioning::scheduler().retried(Retry::Repeat), step],
    }
}

fn written(title: &'static str, task: &TaskOnServer) -> Step {
    let TaskOnServer {
        handle,
        task,
        is_paused,
        report_to,
    } = task;
    Step::new(title, TASK, SHORT)
        .with("handle", handle.to_string())
        .with("runs as", task.run_as.as_str())
        .with("timeout in seconds", task.timeout.seconds().to_string())
        .with("while the last run goes on", task.overlap.as_str())
        .with("when", task.expression.clone())
        .with("paused", if *is_paused { "yes" } else { "no" })
        .with("reports to", report_to.clone().unwrap_or_default())
        .with("SHA-256 of the command", hash(&task.command))
        .with("command", in_one_line(&task.command))
}

fn hash(command: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(command);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// As `printf %b` takes it apart again. That every byte arrives is checked there by the hash.
fn in_one_line(command: &str) -> String {
    command
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests;
