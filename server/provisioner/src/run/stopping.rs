//! The end of a step that somebody cancelled, or that took too long: it counts only once nothing of it runs any more,
//! and what it has changed is taken back unless that was confirmed already.

use std::time::Duration;

use anyhow::Result;
use domain::queue::StepState;
use ssh::{Attended, Privilege, Remote, Stop, User};
use tokio::time::{Instant, sleep};
use wire::operations::StepStatus;

use super::Run;
use super::keeper::{Keeper, Progress, Report};
use crate::answer::Answer;
use crate::backoff::Backoff;
use crate::firewall::{self, Fate};
use crate::plan::{Plan, Step, StepKind};

/// The server itself stops a step at its deadline; this much later it has done so, clocks and
/// stubborn processes included.
const STOPPED_BY_ITSELF: Duration = Duration::from_mins(2);
const TAKE_BACK_WITHIN: Duration = Duration::from_mins(1);

/// What was to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No step was running by itself.
    Nothing,
    /// All that was asked for is done and stands.
    TooLate,
    /// This one, and nothing of it runs any more.
    Step(&'static str),
    /// This one, by the server itself at its deadline: there was no way to it.
    OutOfReach(&'static str),
}

/// What one attempt to stop a step came to.
enum Attempt {
    /// Nothing of it runs, and of a change that must be confirmed nothing is left.
    Stopped,
    /// It had ended well, and its change was confirmed.
    Stands(Report),
    /// Not known; why.
    Trouble(String),
}

impl Run<'_> {
    /// Stops what runs on the server, however long it takes to get there.
    ///
    /// # Errors
    /// Only faults of the panel itself.
    pub async fn stop(mut self, plan: &Plan) -> Result<Stopped> {
        self.secrets = plan.secrets();
        let states = self.claim.steps(&self.panel.db).await?;
        let is_done = |state: &StepState| state.status == StepStatus::Succeeded;
        if states.len() == plan.steps.len() && states.iter().all(is_done) {
            return Ok(Stopped::TooLate);
        }
        let running = states
            .iter()
            .zip(&plan.steps)
            .find(|(state, _)| state.status == StepStatus::Running);
        let Some((state, step)) = running else {
            return Ok(Stopped::Nothing);
        };
        let Some(user) = step.detached_as().filter(|_| state.run != 0) else {
            return Ok(Stopped::Nothing);
        };
        let since = domain::db::now().millis_since(state.started_at);
        let left = (step.deadline + STOPPED_BY_ITSELF).saturating_sub(Duration::from_millis(since));
        let give_up = Instant::now() + left;
        let mut backoff = Backoff::default();
        loop {
            let trouble = match self.stop_once(step, user, state).await? {
                Attempt::Stopped => return Ok(Stopped::Step(step.title)),
                Attempt::Stands(report) => {
                    self.note_done(state.position, report).await?;
                    let is_last = states.last() == Some(state);
                    return Ok(if is_last {
                        Stopped::TooLate
                    } else {
                        Stopped::Nothing
                    });
                }
                Attempt::Trouble(trouble) => trouble,
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

    async fn stop_once(&self, step: &Step, user: User, state: &StepState) -> Result<Attempt> {
        let remote = match self.connect().await {
            Ok(remote) => remote,
            Err(error) => return Ok(Attempt::Trouble(error.to_string())),
        };
        let stopped = remote.stop(&self.job(state.position, state.run)).await;
        let trouble = match stopped {
            Ok(Stop::Done) => {
                return match step.kind {
                    StepKind::Plain
                    | StepKind::AfterReboot { .. }
                    | StepKind::ProbeFromOutside { .. } => Ok(Attempt::Stopped),
                    StepKind::Confirmed { .. } => self.take_back(&*remote, step, user, state).await,
                };
            }
            Ok(Stop::Left(processes)) => format!("Processes that cannot be stopped: {processes}."),
            Ok(Stop::Busy) => "The server is busy with another step of this panel.".to_owned(),
            Ok(Stop::Refused(reason)) => reason,
            Err(error) => error.to_string(),
        };
        Ok(Attempt::Trouble(trouble))
    }

    /// Takes a change back that nobody has confirmed. To confirm and to take back exclude each other on the server, so
    /// what it says now stays true.
    async fn take_back(
        &self,
        remote: &dyn Remote,
        step: &Step,
        user: User,
        state: &StepState,
    ) -> Result<Attempt> {
        let named = firewall::step_line(self.claim.operation, state.position);
        let mut answer = Answer::default();
        let taking = remote.run(
            firewall::TAKE_BACK,
            Privilege::Root,
            named.into_bytes(),
            TAKE_BACK_WITHIN,
            &mut answer,
        );
        Ok(match taking.await {
            Ok(exit) if exit.succeeded() => match firewall::fate(&answer.facts()) {
                Fate::TakenBack => Attempt::Stopped,
                Fate::Stands => self.what_stands(remote, step, user, state).await?,
                Fate::Undecided => Attempt::Trouble(
                    "The server has not said what became of the change of its firewall.".to_owned(),
                ),
            },
            Ok(exit) => Attempt::Trouble(format!(
                "Taking the change back ended with {}.",
                exit.status
            )),
            Err(error) => Attempt::Trouble(error.to_string()),
        })
    }

    /// Nothing is left to be taken back: because the step was stopped before it changed anything, or because it ended
    /// well and its change was confirmed.
    async fn what_stands(
        &self,
        remote: &dyn Remote,
        step: &Step,
        user: User,
        state: &StepState,
    ) -> Result<Attempt> {
        // An attempt before this one may have read on.
        let states = self.claim.steps(&self.panel.db).await?;
        let stored = states.iter().find(|row| row.position == state.position);
        let progress = match stored.and_then(|row| row.progress.as_ref()) {
            Some(stored) => serde_json::from_str(stored)?,
            None => Progress::default(),
        };
        let mut keeper = Keeper::new(self, step, state.position, progress);
        let job = self.job(state.position, state.run);
        let attended = self.listen(remote, step, user, &job, &mut keeper).await?;
        Ok(match attended {
            Some(Ok(Attended::Ended { exit, size })) if keeper.read_to() >= size => {
                let report = keeper.end().await?;
                if exit.succeeded() {
                    Attempt::Stands(report)
                } else {
                    Attempt::Stopped
                }
            }
            Some(Ok(
                Attended::Stopped | Attended::TimedOut | Attended::OutOfMemory | Attended::Vanished,
            )) => Attempt::Stopped,
            Some(Ok(Attended::Failed(reason))) => Attempt::Trouble(reason),
            Some(Err(error)) => Attempt::Trouble(error.to_string()),
            Some(Ok(
                Attended::Ended { .. } | Attended::Running | Attended::Busy | Attended::Fenced,
            ))
            | None => Attempt::Trouble("The server has not said how the step ended.".to_owned()),
        })
    }

    async fn note_done(&self, position: i32, report: Report) -> Result<()> {
        self.learn(&report.said.facts).await?;
        let confirmed = "confirmed before it could be stopped".to_owned();
        let summary = match report.said.summary {
            Some(summary) => format!("{summary}; {confirmed}"),
            None => confirmed,
        };
        let (db, done) = (&self.panel.db, StepStatus::Succeeded);
        self.claim
            .end_step(db, position, done, Some(summary), None)
            .await?;
        Ok(())
    }
}
