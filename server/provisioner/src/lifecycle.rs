//! The one driver of remote work: claims what is queued, runs its plan, settles it. Knows no
//! feature: `domain::planner` says what work an operation is, `planner` what steps that takes. `seeing_through`: one
//! operation on its way to its end.

mod seeing_through;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use domain::entities::server;
use domain::queue::{self, Claim, Ending, PlannedStep};
use domain::{Db, Panel, operation_secrets, retention, servers};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use ssh::{Connector, Reach};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::plan::{self, Plan};
use crate::programs::watching::{self, Watch};
use crate::run::Run;
use crate::scheduler::collecting::{self, Collector};
use crate::visitor::{Network, Visitor};
use crate::{authorize, planner, prober};

/// How often the queue is looked at when nothing is heard of; news in this process are heard at once.
const POLL: Duration = Duration::from_millis(250);
const HOUSEKEEPING: Duration = Duration::from_secs(10);
/// Servers that are worked on at the same time.
const MOST_AT_ONCE: usize = 100;

/// Works off the queue.
#[derive(Clone)]
pub struct Worker {
    panel: Panel,
    connector: Arc<dyn Connector>,
    visitor: Arc<dyn Visitor>,
    collector: Collector,
    programs: Watch,
    name: String,
}

impl Worker {
    pub fn new(panel: Panel, connector: Arc<dyn Connector>, reach: Reach) -> Self {
        Self {
            collector: Collector::new(panel.clone(), Arc::clone(&connector)),
            programs: Watch::new(panel.clone(), Arc::clone(&connector)),
            panel,
            connector,
            visitor: Arc::new(Network(reach)),
            // Of several machines, two may give their processes the same number.
            name: format!(
                "worker-{}-{:08x}",
                std::process::id(),
                rand::random::<u32>()
            ),
        }
    }

    /// Lets somebody else look at the servers from outside.
    #[must_use]
    pub fn visited_by(mut self, visitor: Arc<dyn Visitor>) -> Self {
        self.visitor = visitor;
        self
    }

    /// Works until told to stop; then claims nothing more, leaves steps that run by themselves to
    /// the next start, and waits for the rest.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        let mut poll = interval(POLL);
        let mut housekeeping = interval(HOUSEKEEPING);
        let mut pruning = interval(retention::EVERY);
        let mut collecting = interval(collecting::EVERY);
        collecting.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watching = interval(watching::EVERY);
        watching.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let leaving = stop.clone();
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told_to_stop(&mut stop) => break,
                _ = housekeeping.tick() => self.keep_house().await,
                // Beside the queue, which does not wait for it.
                _ = pruning.tick() => drop(tokio::spawn(prune(self.panel.db.clone()))),
                _ = watching.tick() => drop(tokio::spawn(self.programs.clone().all())),
                _ = collecting.tick() => drop(tokio::spawn(self.collector.clone().all())),
                _ = poll.tick() => {}
                () = self.panel.db.bus().work() => {}
                Some(ended) = running.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an operation's task ended badly");
                    }
                }
            }
            self.claim_all(&mut running, &leaving).await;
        }
        while running.join_next().await.is_some() {}
        if let Err(error) = queue::let_go(&self.panel.db, &self.name).await {
            tracing::warn!(%error, "what is under way could not be let go of; others wait until its lease runs out");
        }
    }

    async fn keep_house(&self) {
        let db = &self.panel.db;
        if let Err(error) = operation_secrets::expire(db).await {
            tracing::error!(%error, "could not look for passwords that waited too long");
        }
        if let Err(error) = queue::reconcile(db).await {
            tracing::error!(%error, "could not look for records that wait for nothing");
        }
    }

    /// Operations that were left behind by a worker are claimed like new ones.
    async fn claim_all(&self, running: &mut JoinSet<()>, leaving: &watch::Receiver<bool>) {
        while running.len() < MOST_AT_ONCE {
            match queue::claim(&self.panel, &self.name).await {
                Ok(Some(claim)) => {
                    running.spawn(self.clone().work(claim, leaving.clone()));
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "could not claim");
                    break;
                }
            }
        }
    }

    async fn attempt(
        &self,
        claim: &Claim,
        secret: Option<SecretString>,
        leaving: watch::Receiver<bool>,
    ) -> Result<Option<Ending>> {
        let panel = &self.panel;
        if claim.cancel_wanted(&panel.db).await?.is_some() {
            // Somebody else looks for that; nothing more is begun.
            return std::future::pending().await;
        }
        let Some(plan) = plan_of(panel, claim).await? else {
            let connector = Arc::clone(&self.connector);
            let outcome = Box::pin(authorize::run(panel, connector, claim, secret)).await?;
            return Ok(Some(outcome.into()));
        };
        let server = servers::row(&panel.db, claim.server).await?;
        let earlier = claim.earlier_steps(&panel.db).await?;
        let done = plan::resume(&plan, &server.host_key, &earlier);
        let steps = plan.steps.iter().zip(done);
        let steps = steps.map(|(step, done_earlier)| PlannedStep {
            title: step.title.to_owned(),
            script: step.as_text(),
            fingerprint: step.fingerprint(&server.host_key),
            done_earlier,
        });
        claim.plan(&panel.db, steps.collect()).await?;
        let run = self.run_of(claim, leaving).await?;
        run.to_the_end(&plan).await
    }

    async fn run_of<'a>(
        &'a self,
        claim: &'a Claim,
        leaving: watch::Receiver<bool>,
    ) -> Result<Run<'a>> {
        let server = servers::row(&self.panel.db, claim.server).await?;
        let key = servers::private_key(&self.panel, &server)?;
        let target = prober::target(&server, key).map_err(anyhow::Error::msg)?;
        let (connector, visitor) = (Arc::clone(&self.connector), Arc::clone(&self.visitor));
        let lane = lane_of(&server);
        Ok(Run::new(
            &self.panel,
            connector,
            visitor,
            claim,
            target,
            lane,
            leaving,
        ))
    }
}

async fn prune(db: Db) {
    match retention::prune(&db).await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "took away what was too old"),
        Err(error) => tracing::error!(%error, "could not take away what was too old"),
    }
}

/// Tells a panel's steps on a server from those of another panel: each has a key pair of its own.
fn lane_of(server: &server::Model) -> String {
    let digest = Sha256::digest(&server.public_key);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    format!("{:016x}", u64::from_be_bytes(first))
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say it either: stop then, too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The steps that an operation takes; none for the one that needs a password, which is no plan.
async fn plan_of(panel: &Panel, claim: &Claim) -> Result<Option<Plan>> {
    let work = domain::planner::work_of(panel, claim).await?;
    Ok(work.as_ref().map(planner::plan))
}
