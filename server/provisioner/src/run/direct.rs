//! Probes: they change nothing, so that after a cut they simply run again.

use std::time::Duration;

use anyhow::Result;
use domain::queue::StepState;
use tokio::time::{Instant, sleep};

use super::Run;
use super::attending::Verdict;
use super::keeper::Keeper;
use crate::answer::Answer;
use crate::backoff::Backoff;
use crate::diagnosis;
use crate::plan::Step;

impl Run<'_> {
    /// Runs a step in a session. What it prints is stored when it has ended: nothing of a run that
    /// was cut is left.
    pub(super) async fn run_directly(&self, step: &Step, state: StepState) -> Result<Verdict> {
        let before = state.progress.as_deref();
        let keeper = Keeper::for_whole_runs(self, step, state.position, before);
        let give_up = Instant::now() + step.deadline;
        let mut backoff = Backoff::default();
        let error = loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let mut printed = Answer::default();
            let attempt = async {
                let remote = self.connect().await?;
                let left = left.max(Duration::from_secs(1));
                remote
                    .run(
                        step.script,
                        step.privilege,
                        step.stdin(),
                        left,
                        &mut printed,
                    )
                    .await
            };
            let error = match attempt.await {
                Ok(exit) => {
                    let mut keeper = keeper;
                    keeper.read(printed.into_bytes()).await?;
                    return Ok(Verdict::Exit(exit, keeper.end().await?));
                }
                Err(error) => error,
            };
            if !self.may_pass(&error) || Instant::now() >= give_up {
                break error;
            }
            let note = error.to_string();
            self.claim.note(&self.panel.db, Some(note)).await?;
            tokio::select! {
                () = sleep(backoff.next()) => {}
                () = self.leaves(step) => return Ok(Verdict::LeftRunning),
            }
        };
        Ok(Verdict::Failed(
            keeper.end().await?,
            diagnosis::of_connection(&error),
        ))
    }
}
