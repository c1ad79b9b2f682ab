//! One claimed operation on its way to its end: through faults of the panel's database, until it is cancelled, and no
//! longer than it may take.

use std::time::Duration;

use anyhow::Result;
use domain::queue::{self, Claim, Ending, HEARTBEAT, Outcome};
use secrecy::SecretString;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};
use wire::ResourceKind;
use wire::operations::OperationKind;

use super::{Worker, plan_of};
use crate::backoff::Backoff;
use crate::run::Stopped;

/// How soon a running operation notices that it is to be cancelled.
const LOOK: Duration = Duration::from_millis(500);
/// Operations that look at the same time. A hundred that wait for a connection to the database would take 1 MB.
static LOOKS: Semaphore = Semaphore::const_new(4);
/// A run by hand has begun after the first, or, where the login takes longer, after the second as well.
const HAS_BEGUN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

impl Worker {
    /// Runs one claimed operation to its end, unless another one takes it over or the panel stops first.
    pub(super) async fn work(self, claim: Claim, leaving: watch::Receiver<bool>) {
        tokio::select! {
            () = self.see_through(claim.clone(), leaving) => {}
            () = self.beat(&claim) => {}
            () = self.collect_meanwhile(&claim) => {}
        }
        if leaves_runs(claim.kind) {
            drop(tokio::spawn(self.collector.one(claim.server)));
        }
        if moves_processes(claim.kind) {
            drop(tokio::spawn(self.programs.one(claim.server)));
        }
    }

    /// Fetches the beginning of a run by hand, which is among the runs while it goes on. Never ends.
    async fn collect_meanwhile(&self, claim: &Claim) {
        if claim.kind == OperationKind::RunTask {
            for pause in HAS_BEGUN {
                sleep(pause).await;
                Box::pin(self.collector.clone().one(claim.server)).await;
            }
        }
        std::future::pending::<()>().await;
    }

    async fn see_through(&self, mut claim: Claim, leaving: watch::Receiver<bool>) {
        let mut secret = claim.secret.take();
        let over_at = Instant::now() + claim.time_left();
        let mut backoff = Backoff::default();
        let ending = loop {
            let error = match self.once(&claim, secret.take(), over_at, &leaving).await {
                Ok(Some(ending)) => break ending,
                Ok(None) => return self.release(&claim).await,
                Err(error) => error,
            };
            if is_lost(&error) {
                return;
            }
            tracing::error!(operation = %claim.operation, error = format!("{error:#}"), "the panel could not go on");
            if !goes_on_after(claim.kind, &error) {
                match Box::pin(self.stop(&claim, leaving.clone())).await {
                    Err(fault) if is_of_database(&fault) => {}
                    Err(fault) => {
                        tracing::error!(operation = %claim.operation, fault = format!("{fault:#}"), "could not stop a step");
                        break gave_up(claim.kind, &error).into();
                    }
                    Ok(Stopped::TooLate) => break Outcome::Succeeded.into(),
                    Ok(Stopped::Nothing | Stopped::Step(_) | Stopped::OutOfReach(_)) => {
                        break gave_up(claim.kind, &error).into();
                    }
                }
            }
            if !waits(backoff.next(), &leaving).await {
                return;
            }
        };
        let mut backoff = Backoff::default();
        while let Err(error) = claim.finish(&self.panel.db, ending.clone()).await {
            if let domain::Error::LeaseLost(_) = error {
                return;
            }
            tracing::error!(operation = %claim.operation, %error, "could not store how an operation ended");
            // Claimed again by the next start.
            if !waits(backoff.next(), &leaving).await {
                return;
            }
        }
    }

    /// One attempt, up to the end of the work or to whatever ends it from outside.
    async fn once(
        &self,
        claim: &Claim,
        secret: Option<SecretString>,
        over_at: Instant,
        leaving: &watch::Receiver<bool>,
    ) -> Result<Option<Ending>> {
        if let Some(reason) = &claim.give_up {
            let stopped = Box::pin(self.stop(claim, leaving.clone())).await?;
            let outcome = match stopped {
                Stopped::TooLate => Outcome::Succeeded,
                Stopped::Nothing | Stopped::Step(_) | Stopped::OutOfReach(_) => {
                    Outcome::Unknown(reason.clone())
                }
            };
            return Ok(Some(outcome.into()));
        }
        let cancelled_by = tokio::select! {
            biased;
            // First, so that one whose time passed while the panel was away begins nothing more.
            () = sleep_until(over_at) => None,
            by = self.cancellation(claim) => Some(by),
            ended = self.attempt(claim, secret, leaving.clone()) => return ended,
        };
        let stopped = Box::pin(self.stop(claim, leaving.clone())).await?;
        let outcome = match (stopped, cancelled_by) {
            (Stopped::TooLate, _) => Outcome::Succeeded,
            (Stopped::OutOfReach(step), Some(by)) => Outcome::Unknown(out_of_reach(step, &by)),
            (Stopped::Nothing | Stopped::Step(_), Some(by)) => Outcome::Cancelled(by),
            (Stopped::Nothing, None) => {
                Outcome::Failed(took_too_long(claim.kind, "", "was given up"))
            }
            (Stopped::Step(step), None) => {
                let what = "was stopped on the server";
                Outcome::Failed(took_too_long(claim.kind, step, what))
            }
            (Stopped::OutOfReach(step), None) => {
                let what = "was given up; the server could not be reached to stop it, and ends it by itself";
                Outcome::Unknown(took_too_long(claim.kind, step, what))
            }
        };
        Ok(Some(outcome.into()))
    }

    /// Waits until somebody wants the operation cancelled, and says who.
    async fn cancellation(&self, claim: &Claim) -> String {
        loop {
            let looked = {
                let _turn = LOOKS.acquire().await;
                Box::pin(claim.cancel_wanted(&self.panel.db)).await
            };
            match looked {
                Ok(Some(by)) => return by,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(operation = %claim.operation, %error, "could not look for a cancellation");
                }
            }
            sleep(LOOK).await;
        }
    }

    /// Renews the lease until that is lost.
    async fn beat(&self, claim: &Claim) {
        loop {
            sleep(HEARTBEAT).await;
            match Box::pin(claim.renew(&self.panel.db)).await {
                Ok(()) => {}
                Err(domain::Error::LeaseLost(_)) => {
                    tracing::warn!(operation = %claim.operation, "another worker has taken this over");
                    return;
                }
                Err(error) => {
                    tracing::warn!(operation = %claim.operation, %error, "could not renew a lease");
                }
            }
        }
    }

    async fn stop(&self, claim: &Claim, leaving: watch::Receiver<bool>) -> Result<Stopped> {
        match plan_of(&self.panel, claim).await? {
            Some(plan) => self.run_of(claim, leaving).await?.stop(&plan).await,
            // It ran over this panel's own connection and ended with that.
            None => Ok(Stopped::Nothing),
        }
    }

    async fn release(&self, claim: &Claim) {
        if let Err(error) = claim.release(&self.panel.db).await {
            tracing::warn!(operation = %claim.operation, %error, "could not release an operation");
        }
    }
}

/// Whether there may be something to collect that nobody should have to wait for.
fn leaves_runs(kind: OperationKind) -> bool {
    [
        OperationKind::RunTask,
        OperationKind::Install(ResourceKind::ScheduledTask),
        OperationKind::Change(ResourceKind::ScheduledTask),
    ]
    .contains(&kind)
}

/// Whether processes of a program may stand otherwise than they were seen last.
fn moves_processes(kind: OperationKind) -> bool {
    [
        OperationKind::Install(ResourceKind::Program),
        OperationKind::Change(ResourceKind::Program),
    ]
    .contains(&kind)
}

/// Whether another attempt by this worker may help: the database is back, say, and the steps know where they stand.
fn goes_on_after(kind: OperationKind, error: &anyhow::Error) -> bool {
    match kind {
        // Its password was for one attempt.
        OperationKind::Authorize => false,
        OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => is_of_database(error),
    }
}

fn is_of_database(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(domain::Error::Database(_)))
}

fn is_lost(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(domain::Error::LeaseLost(_)))
}

/// False when the panel is about to stop.
async fn waits(time: Duration, leaving: &watch::Receiver<bool>) -> bool {
    let mut leaving = leaving.clone();
    tokio::select! {
        _ = leaving.wait_for(|leaving| *leaving) => false,
        () = sleep(time) => true,
    }
}

fn gave_up(kind: OperationKind, error: &anyhow::Error) -> Outcome {
    let next = match kind {
        OperationKind::Authorize => "Enter the password again",
        OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => "Retry",
    };
    Outcome::Failed(format!(
        "The panel could not go on: {error:#}. {next}; if it stays, the panel's log tells more."
    ))
}

fn out_of_reach(step: &str, by: &str) -> String {
    format!(
        "{step}: cancelled by {by}, but the server could not be reached to make sure, and it has ended this by itself \
         meanwhile. Retry: every step looks first and does only what is missing."
    )
}

fn took_too_long(kind: OperationKind, step: &str, what: &str) -> String {
    let minutes = queue::limit(kind).as_secs() / 60;
    let step = if step.is_empty() {
        String::new()
    } else {
        format!("{step}: ")
    };
    format!(
        "{step}this took longer than the {minutes} minutes that it may take in all and {what}. \
         Look what holds the server up, then retry: what is done is not done again."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was 31 KB, and there are a hundred at once: what is rare goes into a box.
    #[test]
    fn the_task_of_an_operation_is_small() {
        fn size<F: Future>(_: impl FnOnce(Worker, Claim, watch::Receiver<bool>) -> F) -> usize {
            size_of::<F>()
        }
        let size = size(Worker::work);
        assert!(size <= 14 * 1024, "{size} bytes");
    }
}
