//! Reboots a server and waits until it is back. What tells the boot before from the boot after is kept on the server
//! itself, so that a panel that was restarted meanwhile asks for no second reboot and still learns the truth.

use std::sync::Arc;
use std::time::Duration;

use domain::prober::CheckError;
use ssh::{Connector, Discard, Error, ExitStatus, Privilege, Remote, Script, Target};
use tokio::time::{Instant, sleep};

use crate::plan::{Plan, Step, StepKind};
use crate::prober::check_error;
use crate::scripts::script;

/// The steps. `mark` names this reboot among all that the server ever hears of. They run in sessions, not by themselves:
/// a unit would end with the boot that it is to end, and the mark makes asking again harmless.
pub fn plan(mark: &str) -> Plan {
    let steps = vec![
        Step::new("Reboot", script!("apt.sh", "reboot.sh"), ASK_WITHIN)
            .with("this reboot", mark)
            .as_probe(),
        Step::new(
            "Wait until it is back",
            script!("reboot_required.sh", "back.sh"),
            SETTLE_WITHIN,
        )
        .of_kind(StepKind::AfterReboot {
            mark: mark.to_owned(),
            within: ANSWER_WITHIN,
        })
        .as_probe(),
    ];
    Plan { steps }
}

/// Includes the wait for somebody else's apt, 15 minutes at most.
const ASK_WITHIN: Duration = Duration::from_mins(20);
/// Servers made of metal test their memory for minutes. With the time to settle these are 10 minutes.
const ANSWER_WITHIN: Duration = Duration::from_mins(7);
const SETTLE_WITHIN: Duration = Duration::from_mins(3);

pub(crate) const BOOTED: Script = Script::new(include_str!("scripts/booted.sh"));
const NOT_YET: ExitStatus = ExitStatus::Code(75);
const NOBODY_ASKED: ExitStatus = ExitStatus::Code(76);

const KNOCK_EVERY: Duration = Duration::from_secs(1);
const LOOK_WITHIN: Duration = Duration::from_secs(20);

/// Connects to the server once it has been booted anew.
///
/// # Errors
/// A sentence when it is not back in time, or at once when another host key is there.
pub async fn reconnect(
    connector: &dyn Connector,
    target: &Target,
    mark: &str,
    within: Duration,
) -> Result<Arc<dyn Remote>, CheckError> {
    let deadline = Instant::now() + within;
    loop {
        let not_yet = match look(connector, target, mark).await {
            Ok(remote) => return Ok(remote),
            Err(Look::NotYet(reason)) => reason,
            Err(Look::Never(error)) => return Err(error),
        };
        if Instant::now() >= deadline {
            return Err(CheckError::Other(format!(
                "The server is not back {} minutes after the reboot. {not_yet} Look at its console at the provider; \
                 when it answers again, check the connection.",
                within.as_secs() / 60
            )));
        }
        sleep(KNOCK_EVERY).await;
    }
}

/// Why there is no new boot to be seen.
enum Look {
    NotYet(String),
    Never(CheckError),
}

async fn look(
    connector: &dyn Connector,
    target: &Target,
    mark: &str,
) -> Result<Arc<dyn Remote>, Look> {
    // A kept connection leads to the boot before, or nowhere.
    connector.forget(target.server).await;
    let remote = match connector.connect(target).await {
        Ok(remote) => remote,
        Err(error @ Error::HostKeyChanged { .. }) => return Err(Look::Never(check_error(&error))),
        // A system that is coming up refuses in many ways, logins included.
        Err(error) => return Err(Look::NotYet(error.to_string())),
    };
    let mark = format!("{mark}\n");
    let mut nowhere = Discard;
    let run = remote.run(
        BOOTED,
        Privilege::Root,
        mark.into_bytes(),
        LOOK_WITHIN,
        &mut nowhere,
    );
    match run.await {
        Ok(exit) if exit.succeeded() => Ok(remote),
        Ok(exit) if exit.status == NOT_YET => Err(Look::NotYet(
            "It answers, but it has not gone down: it still runs the boot from before.".to_owned(),
        )),
        Ok(exit) if exit.status == NOBODY_ASKED => Err(Look::Never(CheckError::Other(
            "The server knows nothing of this reboot: /var/lib/brokeforge/reboot is not the panel's. Reboot again."
                .to_owned(),
        ))),
        Ok(exit) => Err(Look::NotYet(format!("A look at it ended with {}.", exit.status))),
        Err(error) => Err(Look::NotYet(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
