//! A step that runs on the server by itself: begun once, attended until it ends, over as many
//! connections and by as many panels as that takes.

use std::time::Duration;

use anyhow::Result;
use domain::queue::StepState;
use ssh::{Attended, Exit, Job, Remote, Task, User};
use tokio::time::{Instant, sleep};
use wire::diagnosis::{Cause, Diagnosis};

use super::keeper::{Incoming, Keeper, Progress, Report};
use super::{Run, may_pass};
use crate::backoff::Backoff;
use crate::diagnosis::{in_one, of_connection};
use crate::plan::Step;

/// A panel that comes back late gets this long to learn how a step ended.
const LEAST: Duration = Duration::from_mins(2);
/// A run that vanishes on its server, as by a reboot, is begun anew this often.
const MOST_VANISHED: i32 = 3;

/// How attending a step came to its end.
pub enum Verdict {
    Exit(Exit, Report),
    Failed(Report, Diagnosis),
    /// Given up without an answer.
    Unknown(Report, String),
    /// The panel is about to stop; the step runs on.
    LeftRunning,
}

/// One look at a step.
enum Look {
    Verdict(std::result::Result<Exit, Diagnosis>),
    Again(String),
    Anew,
    AtOnce,
    Leave,
}

impl Run<'_> {
    /// Attends a step until it has ended. No cut and no restart is taken for an end.
    pub(super) async fn attend(
        &self,
        step: &Step,
        user: User,
        state: StepState,
    ) -> Result<Verdict> {
        let position = state.position;
        let passed = Duration::from_millis(domain::db::now().millis_since(state.started_at));
        let give_up = Instant::now() + step.deadline.saturating_sub(passed).max(LEAST);
        let mut job = self.job(position, state.run);
        let mut vanished = state.vanished;
        let progress = match &state.progress {
            Some(stored) => serde_json::from_str(stored)?,
            None => Progress::default(),
        };
        let mut keeper = Keeper::new(self, step, position, progress);
        let mut backoff = Backoff::default();
        loop {
            let before = keeper.read_to();
            let reason = match self.look(step, user, &job, &mut keeper).await? {
                Look::Verdict(Ok(exit)) => return Ok(Verdict::Exit(exit, keeper.end().await?)),
                Look::Verdict(Err(diagnosis)) => {
                    return Ok(Verdict::Failed(keeper.end().await?, diagnosis));
                }
                Look::Leave => return Ok(Verdict::LeftRunning),
                Look::AtOnce if keeper.read_to() > before => {
                    backoff = Backoff::default();
                    continue;
                }
                // It says nothing new: a server that only ever says so must not keep the panel busy.
                Look::AtOnce => {
                    if !self.waits(step, backoff.next()).await {
                        return Ok(Verdict::LeftRunning);
                    }
                    continue;
                }
                Look::Anew if step.is_users_command => {
                    let reason = "The server was restarted while the command ran. Look how far that got, then run it again.";
                    let diagnosis = in_one(Cause::Other, reason);
                    return Ok(Verdict::Failed(keeper.end().await?, diagnosis));
                }
                Look::Anew if vanished == MOST_VANISHED => {
                    let reason = "The server lost this step three times, as by a reboot. Look why, then retry.";
                    let diagnosis = in_one(Cause::Other, reason);
                    return Ok(Verdict::Failed(keeper.end().await?, diagnosis));
                }
                Look::Anew => {
                    keeper.end().await?;
                    let state = self.claim.begin_anew(&self.panel.db, position).await?;
                    (job, vanished) = (self.job(position, state.run), state.vanished);
                    keeper = Keeper::new(self, step, position, Progress::default());
                    "The server was restarted while this ran. Beginning the step anew.".to_owned()
                }
                Look::Again(reason) => reason,
            };
            if Instant::now() >= give_up {
                let reason = format!(
                    "{reason} The step may have ended on the server, or not: retry, every step looks first."
                );
                return Ok(Verdict::Unknown(keeper.end().await?, reason));
            }
            if keeper.read_to() > before {
                backoff = Backoff::default();
            }
            self.claim.note(&self.panel.db, Some(reason)).await?;
            if !self.waits(step, backoff.next()).await {
                return Ok(Verdict::LeftRunning);
            }
        }
    }

    /// False when the panel leaves the step.
    async fn waits(&self, step: &Step, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => true,
            () = self.leaves(step) => false,
        }
    }

    async fn look(
        &self,
        step: &Step,
        user: User,
        job: &Job,
        keeper: &mut Keeper<'_>,
    ) -> Result<Look> {
        let remote = match self.connect().await {
            Ok(remote) => remote,
            Err(error) if self.may_pass(&error) => return Ok(Look::Again(error.to_string())),
            Err(error) => return Ok(Look::Verdict(Err(of_connection(&error)))),
        };
        self.claim.note(&self.panel.db, None).await?;
        let attended = self.listen(&*remote, step, user, job, keeper).await?;
        Ok(match attended {
            None => Look::Leave,
            Some(Ok(Attended::Ended { exit, size })) if keeper.read_to() >= size => {
                Look::Verdict(Ok(exit))
            }
            Some(Ok(Attended::Ended { .. } | Attended::Running)) => Look::AtOnce,
            Some(Ok(Attended::TimedOut)) => named(
                Cause::Other,
                format!(
                    "It did not end within {} s and was stopped on the server. The output shows how far it got; mend \
                     what held it up, then retry.",
                    step.deadline.as_secs()
                ),
            ),
            Some(Ok(Attended::Stopped)) => named(
                Cause::Other,
                "It was stopped on the server. Retry: every step looks first and does only what is missing.",
            ),
            Some(Ok(Attended::OutOfMemory)) => named(
                Cause::OutOfMemory,
                "The server ran out of memory and stopped it. Add memory or swap, then retry.",
            ),
            Some(Ok(Attended::Vanished)) => Look::Anew,
            Some(Ok(Attended::Busy)) => Look::Again(
                "Another step of this panel still runs on the server. Waiting for it.".to_owned(),
            ),
            Some(Ok(Attended::Fenced)) => anyhow::bail!(
                "a worker with a newer claim was on the server; this one may do nothing there"
            ),
            Some(Ok(Attended::Failed(reason))) => named(Cause::Other, reason),
            Some(Err(error)) if may_pass(&error) => Look::Again(error.to_string()),
            Some(Err(error)) => Look::Verdict(Err(of_connection(&error))),
        })
    }

    /// Attends a step over one connection; `None` when the panel leaves it.
    pub(super) async fn listen(
        &self,
        remote: &dyn Remote,
        step: &Step,
        user: User,
        job: &Job,
        keeper: &mut Keeper<'_>,
    ) -> Result<Option<std::result::Result<Attended, ssh::Error>>> {
        let stdin = step.stdin();
        let task = Task {
            script: step.script,
            user,
            stdin: &stdin,
            deadline: step.deadline,
        };
        let incoming = Incoming::default();
        let mut sink = incoming.clone();
        let attended = {
            let attending = remote.attend(job, task, keeper.read_to(), &mut sink);
            let leaves = self.leaves(step);
            tokio::pin!(attending, leaves);
            loop {
                tokio::select! {
                    attended = &mut attending => break Some(attended),
                    () = incoming.is_due() => keeper.take(&incoming).await?,
                    () = &mut leaves => break None,
                }
            }
        };
        keeper.take(&incoming).await?;
        Ok(attended)
    }
}

fn named(kind: Cause, sentence: impl Into<String>) -> Look {
    Look::Verdict(Err(in_one(kind, sentence)))
}
