//! What all tasks of a server need there. Every step is one that provisioning takes, too, so that a server can have tasks which
//! nobody wants to provision.

use super::{REMOVE_SCHEDULER, SCHEDULER_IS_GONE, SHORT};
use crate::plan::{Plan, Retry, Step};
use crate::provisioning;

/// Installs cron, starts it, and makes the user that tasks run as. Also mends what has gone missing of that.
pub(crate) fn install() -> Plan {
    let steps = [
        provisioning::connect(),
        provisioning::app_user(),
        provisioning::scheduler(),
    ];
    Plan {
        // All of it looks before it does anything, and a repair is asked for because something has changed since.
        steps: steps.map(|step| step.retried(Retry::Repeat)).into(),
    }
}

/// Takes away what tasks have in common on a server. Cron stays, because other software counts on it, and so does the user,
/// who may own more than tasks.
pub(crate) fn remove() -> Plan {
    Plan {
        steps: vec![
            Step::new("Remove the scheduler", REMOVE_SCHEDULER, SHORT),
            Step::new("Verify", SCHEDULER_IS_GONE, SHORT)
                .as_probe()
                .retried(Retry::RepeatAll),
        ],
    }
}

#[cfg(test)]
mod tests;
