//! Runs a plan on a server, step by step, and tells the domain what happens.
//!
//! - `attending`: steps that run on the server by themselves, over cuts and restarts of the panel
//! - `direct`: probes, which simply run again after a cut
//! - `confirming`: that a change has not cut the panel off
//! - `keeper`: what steps print
//! - `stopping`: the end of a step that somebody cancelled, or that took too long

mod attending;
mod confirming;
mod direct;
mod keeper;
mod stopping;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use domain::Panel;
use domain::prober::CheckError;
use domain::queue::{Claim, Ending, FailedStep, Outcome, StepState};
use domain::servers::record_connection;
use ssh::{Connector, Error, Exit, Job, Remote, Target};
use tokio::sync::watch;
use wire::colours::plain;
use wire::diagnosis::Diagnosis;
use wire::operations::StepStatus;

use self::attending::Verdict;
use self::keeper::Report;
pub use self::stopping::Stopped;
use crate::diagnosis::{self, Failure};
use crate::facts;
use crate::plan::{Plan, Step, StepKind};
use crate::prober::check_error;
use crate::reboot;
use crate::visitor::Visitor;

/// One operation on its way.
pub struct Run<'a> {
    panel: &'a Panel,
    connector: Arc<dyn Connector>,
    visitor: Arc<dyn Visitor>,
    claim: &'a Claim,
    target: Target,
    /// Tells this panel's steps on the server from those of others.
    lane: String,
    /// What no page may show.
    secrets: Vec<String>,
    /// True once the panel is about to stop.
    leaving: watch::Receiver<bool>,
    was_connected: AtomicBool,
}

/// How a step ended.
enum End {
    Done(Report),
    Failed {
        report: Report,
        exit: Option<String>,
        reason: String,
        /// False when nobody knows how it ended on the server.
        is_known: bool,
    },
    /// It runs on, for the next start of the panel to learn of its end.
    LeftRunning,
}

impl<'a> Run<'a> {
    pub fn new(
        panel: &'a Panel,
        connector: Arc<dyn Connector>,
        visitor: Arc<dyn Visitor>,
        claim: &'a Claim,
        target: Target,
        lane: String,
        leaving: watch::Receiver<bool>,
    ) -> Self {
        Self {
            panel,
            connector,
            visitor,
            claim,
            target,
            lane,
            secrets: Vec::new(),
            leaving,
            was_connected: AtomicBool::new(false),
        }
    }

    /// Runs all steps that are not done, or up to the first that fails. `None` when the panel is
    /// about to stop and leaves the rest to its next start.
    ///
    /// # Errors
    /// Only faults of the panel itself: what goes wrong on the server is an `Outcome`.
    pub async fn to_the_end(mut self, plan: &Plan) -> Result<Option<Ending>> {
        let db = &self.panel.db;
        let states = self.claim.steps(db).await?;
        let has_run = |state: &StepState| state.run != 0;
        self.was_connected = AtomicBool::new(states.iter().any(has_run));
        self.secrets = plan.secrets();
        for (state, step) in states.iter().zip(&plan.steps) {
            match state.status {
                StepStatus::Succeeded => continue,
                StepStatus::Waiting
                | StepStatus::Running
                | StepStatus::Failed
                | StepStatus::Skipped => {}
            }
            if *self.leaving.borrow() {
                return Ok(None);
            }
            let state = self.claim.start_step(db, state.position).await?;
            let position = state.position;
            match self.step(step, state).await? {
                End::LeftRunning => return Ok(None),
                End::Done(report) => {
                    self.learn(&report.said.facts).await?;
                    let summary = report.said.summary;
                    self.claim
                        .end_step(db, position, StepStatus::Succeeded, summary, None)
                        .await?;
                }
                End::Failed {
                    report,
                    exit,
                    reason,
                    is_known,
                } => {
                    self.learn(&report.said.facts).await?;
                    let reason = format!("{}: {reason}", step.title);
                    return Ok(Some(Ending {
                        outcome: if is_known {
                            Outcome::Failed(reason)
                        } else {
                            Outcome::Unknown(reason)
                        },
                        failed_step: Some(FailedStep {
                            position,
                            summary: report.said.summary,
                            exit,
                        }),
                    }));
                }
            }
        }
        Ok(Some(Outcome::Succeeded.into()))
    }

    async fn step(&self, step: &Step, state: StepState) -> Result<End> {
        let position = state.position;
        if let StepKind::AfterReboot { mark, within } = &step.kind {
            let coming_back = reboot::reconnect(&*self.connector, &self.target, mark, *within);
            let told = tokio::select! {
                result = coming_back => result.map(|_| ()),
                () = self.leaves(step) => return Ok(End::LeftRunning),
            };
            self.note_connection(told.clone()).await;
            if let Err(error) = told {
                let diagnosis = diagnosis::of_check(&error);
                return self
                    .failed_as(position, Report::default(), None, &diagnosis)
                    .await;
            }
        }
        let verdict = match step.detached_as() {
            Some(user) => self.attend(step, user, state).await?,
            None => Box::pin(self.run_directly(step, state)).await?,
        };
        let (exit, report) = match verdict {
            Verdict::Exit(exit, report) => (exit, report),
            Verdict::Failed(report, diagnosis) => {
                return self.failed_as(position, report, None, &diagnosis).await;
            }
            Verdict::Unknown(report, reason) => {
                return Ok(End::Failed {
                    report,
                    exit: None,
                    reason,
                    is_known: false,
                });
            }
            Verdict::LeftRunning => return Ok(End::LeftRunning),
        };
        if !exit.succeeded() {
            let diagnosis = self.diagnose(position, &report, &exit).await?;
            let exit = Some(exit.status.to_string());
            return self.failed_as(position, report, exit, &diagnosis).await;
        }
        match &step.kind {
            StepKind::Plain | StepKind::AfterReboot { .. } => Ok(End::Done(report)),
            StepKind::Confirmed { confirm, within } => {
                Ok(match self.confirm(*confirm, *within, position).await {
                    Ok(()) => End::Done(report),
                    Err(reason) => failed(report, None, reason),
                })
            }
            StepKind::ProbeFromOutside { ports } => {
                for port in ports {
                    if let Err(reason) = self.visitor.visit(&self.target.address, *port).await {
                        return Ok(failed(report, None, reason));
                    }
                }
                Ok(End::Done(report))
            }
        }
    }

    /// Why a step failed, by what it reported and the end of what this run of it printed. That is in the database by now:
    /// in memory it would be kept for every step that runs, for the few that fail.
    async fn diagnose(&self, position: i32, report: &Report, exit: &Exit) -> Result<Diagnosis> {
        /// So much of the end tells the usual failures.
        const LAST_LINES: usize = 8 * 1024;
        let most = report.printed.min(LAST_LINES);
        let mut printed = self
            .claim
            .last_output(&self.panel.db, position, most)
            .await?;
        keeper::keep_end(&mut printed, most);
        Ok(diagnosis::of(Failure {
            exit: &exit.status,
            facts: &report.said.facts,
            error: report.said.error.as_deref(),
            output: &plain(&printed),
        }))
    }

    /// The end of a step that failed for a reason with a name.
    async fn failed_as(
        &self,
        position: i32,
        report: Report,
        exit: Option<String>,
        diagnosis: &Diagnosis,
    ) -> Result<End> {
        self.claim
            .diagnose(&self.panel.db, position, diagnosis)
            .await?;
        Ok(failed(report, exit, diagnosis.in_words()))
    }

    /// Names a step's run on the server.
    fn job(&self, position: i32, run: i64) -> Job {
        Job {
            lane: self.lane.clone(),
            operation: self.claim.operation.0,
            step: position,
            run,
            fence: self.claim.fence(),
        }
    }

    /// Whether the panel leaves this step when it is about to stop. One that the server takes back
    /// unless it is confirmed is brought to its end.
    async fn leaves(&self, step: &Step) {
        match step.kind {
            StepKind::Confirmed { .. } => std::future::pending().await,
            StepKind::Plain | StepKind::AfterReboot { .. } | StepKind::ProbeFromOutside { .. } => {
                let mut leaving = self.leaving.clone();
                if leaving.wait_for(|leaving| *leaving).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// The way in, with what it tells about the server stored.
    async fn connect(&self) -> Result<Arc<dyn Remote>, Error> {
        // A login that cannot become root is no way in: every step needs root sooner or later.
        let result = match self.connector.connect(&self.target).await {
            Ok(remote) => remote.check_privilege().await.map(|()| remote),
            Err(error) => Err(error),
        };
        self.note_connection(result.as_ref().map(|_| ()).map_err(check_error))
            .await;
        if result.is_ok() {
            self.was_connected.store(true, Ordering::Relaxed);
        }
        result
    }

    async fn note_connection(&self, told: Result<(), CheckError>) {
        let recording = record_connection(&self.panel.db, self.claim.server, told);
        if let Err(error) = Box::pin(recording).await {
            tracing::error!(%error, "could not store the state of a connection");
        }
    }

    /// Before the first connection an error is an answer. Once something may run on the server, it
    /// says nothing about that.
    fn may_pass(&self, error: &Error) -> bool {
        self.was_connected.load(Ordering::Relaxed) && may_pass(error)
    }

    /// Stores what a step found out about the server.
    async fn learn(&self, facts: &[(String, String)]) -> Result<()> {
        if facts.is_empty() {
            return Ok(());
        }
        let learning = self.claim.learn(&self.panel.db, facts, |server| {
            for fact in facts {
                facts::note(server, fact);
            }
        });
        Box::pin(learning).await?;
        Ok(())
    }
}

/// Whether trying again may help.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::NameDoesNotResolve { .. }
        | Error::NoRoute { .. }
        | Error::Refused { .. }
        | Error::TimedOut { .. }
        | Error::Closed { .. }
        // What was cut off in its very first bytes looks like that, too.
        | Error::NotSsh { .. }
        | Error::Protocol { .. }
        | Error::SessionRefused { .. }
        | Error::Lost { .. }
        | Error::Deadline { .. } => true,
        Error::OutOfReach { .. }
        | Error::InsecureTransport { .. }
        | Error::HostKeyChanged { .. }
        | Error::UnsupportedHostKey { .. }
        | Error::KeyRefused { .. }
        | Error::PasswordNotOffered { .. }
        | Error::PasswordRefused { .. }
        | Error::PasswordNotEnough { .. }
        | Error::NoPrivilege { .. }
        | Error::UnreadableKey { .. } => false,
    }
}

fn failed(report: Report, exit: Option<String>, reason: String) -> End {
    End::Failed {
        report,
        exit,
        reason,
        is_known: true,
    }
}
