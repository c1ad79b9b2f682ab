//! The end of a step that somebody cancelled, or that took too long: it counts only once nothing of it runs any more.

use std::time::Duration;

use anyhow::Result;
use ssh::{Discard, Privilege, Stop};
use tokio::time::{Instant, sleep};
use wire::operations::StepStatus;

use super::Run;
use crate::backoff::Backoff;
use crate::firewall;
use crate::plan::{Plan, Step, StepKind};

/// The server itself stops a step at its deadline; this much later it has done so, clocks and
/// stubborn processes included.
const STOPPED_BY_ITSELF: Duration = Duration::from_mins(2);

/// What was to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No step was running by itself.
    Nothing,
    /// This one, and nothing of it runs any more.
    Step(&'static str),
    /// This one, by the server itself at its deadline: there was no way to it.
    OutOfReach(&'static str),
}

impl Run<'_> {
    /// Stops what runs on the server, however long it takes to get there.
    ///
    /// # Errors
    /// Only faults of the panel itself.
    pub async fn stop(&self, plan: &Plan) -> Result<Stopped> {
        let states = self.claim.steps(&self.panel.db).await?;
        let running = states
            .iter()
            .zip(&plan.steps)
            .find(|(state, _)| state.status == StepStatus::Running);
        let Some((state, step)) = running else {
            return Ok(Stopped::Nothing);
        };
        if step.detached_as().is_none() || state.run == 0 {
            return Ok(Stopped::Nothing);
        }
        let since = domain::db::now().millis_since(state.started_at);
        let left = (step.deadline + STOPPED_BY_ITSELF).saturating_sub(Duration::from_millis(since));
        let give_up = Instant::now() + left;
        let mut backoff = Backoff::default();
        loop {
            let Some(trouble) = self.stop_once(step, state.position, state.run).await else {
                return Ok(Stopped::Step(step.title));
            };
            if Instant::now() >= give_up {
                tracing::warn!(operation = %self.claim.operation, trouble, "a step was left to its own deadline");
                return Ok(Stopped::OutOfReach(step.title));
            }
            let note = format!("Stopping it has not worked yet, and is tried again. {trouble}");
            self.claim.note(&self.panel.db, Some(note)).await?;
            sleep(backoff.next()).await;
        }
    }

    /// `None` once nothing runs any more, or else why that is not known.
    async fn stop_once(&self, step: &Step, position: i32, run: i64) -> Option<String> {
        let remote = match self.connect().await {
            Ok(remote) => remote,
            Err(error) => return Some(error.to_string()),
        };
        match remote.stop(&self.job(position, run)).await {
            Ok(Stop::Done) => {}
            Ok(Stop::Left(processes)) => {
                return Some(format!("Processes that cannot be stopped: {processes}."));
            }
            Ok(Stop::Busy) => {
                return Some("The server is busy with another step of this panel.".to_owned());
            }
            Ok(Stop::Refused(reason)) => return Some(reason),
            Err(error) => return Some(error.to_string()),
        }
        match step.kind {
            StepKind::Plain | StepKind::AfterReboot { .. } | StepKind::ProbeFromOutside { .. } => {
                None
            }
            StepKind::Confirmed { .. } => {
                let (script, deadline) = (firewall::TAKE_BACK, Duration::from_mins(1));
                let mut nowhere = Discard;
                let named = firewall::step_line(self.claim.operation, position);
                let taking = remote.run(
                    script,
                    Privilege::Root,
                    named.as_bytes(),
                    deadline,
                    &mut nowhere,
                );
                match taking.await {
                    Ok(exit) if exit.succeeded() => None,
                    Ok(exit) => Some(format!(
                        "Taking the change back ended with {}.",
                        exit.status
                    )),
                    Err(error) => Some(error.to_string()),
                }
            }
        }
    }
}
