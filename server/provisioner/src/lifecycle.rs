//! The one driver of remote work: claims what is queued, runs its plan, settles it. Knows no
//! feature; `plan_of` is where kinds become plans.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::queue::{self, Claim, HEARTBEAT, Outcome};
use domain::{Panel, firewall as rules, operation_secrets, servers};
use secrecy::SecretString;
use ssh::Connector;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use wire::ResourceKind;
use wire::firewall::NewRule;
use wire::operations::OperationKind;

use crate::plan::Plan;
use crate::run::Run;
use crate::{authorize, firewall, prober, provisioning};

/// How often the queue is looked at when nothing is heard of; news in this process are heard at once.
const POLL: Duration = Duration::from_millis(250);
const RECONCILE: Duration = Duration::from_secs(10);
/// Servers that are worked on at the same time.
const MOST_AT_ONCE: usize = 100;

/// Works off the queue.
pub struct Worker {
    panel: Panel,
    connector: Arc<dyn Connector>,
    name: String,
}

impl Worker {
    pub fn new(panel: Panel, connector: Arc<dyn Connector>) -> Self {
        Self {
            panel,
            connector,
            name: format!("worker-{}", std::process::id()),
        }
    }

    /// Works until told to stop; then claims nothing more and waits for what runs.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        let mut poll = interval(POLL);
        let mut reconcile = interval(RECONCILE);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told_to_stop(&mut stop) => break,
                _ = reconcile.tick() => {
                    match queue::fail_interrupted(&self.panel.db).await {
                        Ok(0) => {}
                        Ok(ended) => tracing::warn!(ended, "ended operations whose worker was gone"),
                        Err(error) => tracing::error!(%error, "could not look for interrupted operations"),
                    }
                    if let Err(error) = operation_secrets::expire(&self.panel.db).await {
                        tracing::error!(%error, "could not look for passwords that waited too long");
                    }
                }
                _ = poll.tick() => self.claim_all(&mut running).await,
                () = self.panel.db.bus().news() => self.claim_all(&mut running).await,
                Some(ended) = running.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "an operation's task ended badly");
                    }
                    self.claim_all(&mut running).await;
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim_all(&self, running: &mut JoinSet<()>) {
        while running.len() < MOST_AT_ONCE {
            match queue::claim(&self.panel, &self.name).await {
                Ok(Some(claim)) => {
                    running.spawn(work(self.panel.clone(), Arc::clone(&self.connector), claim));
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "could not claim");
                    break;
                }
            }
        }
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will never say it either: stop then, too.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Runs one claimed operation to its end, whatever happens.
async fn work(panel: Panel, connector: Arc<dyn Connector>, mut claim: Claim) {
    let secret = claim.secret.take();
    let heart = tokio::spawn(beat(panel.clone(), claim.clone()));
    let outcome = match attempt(&panel, connector, &claim, secret).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(operation = %claim.operation, error = format!("{error:#}"), "operation failed in the panel");
            Outcome::Failed(format!(
                "The panel could not go on: {error:#}. Retry; if it stays, the panel's log tells more."
            ))
        }
    };
    heart.abort();
    if let Err(error) = claim.finish(&panel.db, outcome).await {
        // The reconciler ends it when the lease has run out.
        tracing::error!(operation = %claim.operation, %error, "could not store how an operation ended");
    }
}

async fn beat(panel: Panel, claim: Claim) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(error) = claim.renew(&panel.db).await {
            tracing::warn!(operation = %claim.operation, %error, "could not renew a lease");
        }
    }
}

async fn attempt(
    panel: &Panel,
    connector: Arc<dyn Connector>,
    claim: &Claim,
    secret: Option<SecretString>,
) -> Result<Outcome> {
    let Some(plan) = plan_of(panel, claim).await? else {
        return authorize::run(panel, connector, claim, secret).await;
    };
    let steps = plan
        .steps
        .iter()
        .map(|step| (step.title.to_owned(), step.as_text()))
        .collect();
    claim.plan(&panel.db, steps).await?;
    let server = servers::row(&panel.db, claim.server).await?;
    let key = servers::private_key(panel, &server)?;
    let target = prober::target(&server, key).map_err(anyhow::Error::msg)?;
    Run {
        panel,
        connector,
        claim,
        target,
    }
    .to_the_end(&plan)
    .await
}

/// The steps that an operation takes; none for the one that needs a password, which is no plan.
async fn plan_of(panel: &Panel, claim: &Claim) -> Result<Option<Plan>> {
    let plan = match claim.kind {
        OperationKind::Authorize => return Ok(None),
        OperationKind::Provision => {
            let panel_time_unix = domain::db::now().0 / 1000;
            let choices = domain::provisioning::choices(claim.payload.as_deref())?;
            provisioning::plan(&provisioning::ProvisionInput {
                panel_time_unix,
                choices,
            })
        }
        OperationKind::Install(kind) => match kind {
            ResourceKind::FirewallRule => firewall::install(&rule(panel, claim).await?),
        },
        OperationKind::Change(kind) => match kind {
            ResourceKind::FirewallRule => {
                let payload = claim
                    .payload
                    .as_deref()
                    .context("a change without its new fields")?;
                let new: NewRule =
                    serde_json::from_str(payload).context("the fields of a change")?;
                firewall::change(&rule(panel, claim).await?, &new)
            }
        },
        OperationKind::Remove(kind) => match kind {
            ResourceKind::FirewallRule => firewall::remove(&rule(panel, claim).await?),
        },
    };
    Ok(Some(plan))
}

async fn rule(panel: &Panel, claim: &Claim) -> Result<NewRule> {
    let id = claim.resource_id.context("an operation without its rule")?;
    Ok(rules::rule(&panel.db, claim.server, id).await?)
}
