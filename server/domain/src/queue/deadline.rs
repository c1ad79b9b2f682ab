//! How long an operation may take in all.

use std::time::Duration;

use wire::ResourceKind;
use wire::operations::OperationKind;

use super::Claim;
use crate::db::now;

/// How long an operation may take from its first claim to its end, restarts of the panel and waits for its server
/// included; waiting in the queue does not count. Not the sum of the steps' own deadlines, which allow each of them the
/// worst of mirrors: by then nobody believes any more that this ends.
pub fn limit(kind: OperationKind) -> Duration {
    match kind {
        // It tries for 45 s where it is turned away, and has a minute for each of its scripts.
        OperationKind::Authorize => Duration::from_mins(10),
        // Minutes as a rule. A small machine behind a slow mirror took 25 for all parts, and somebody else's apt may hold
        // it up for 15.
        OperationKind::Provision => Duration::from_hours(1),
        // That apt again, and servers that test their memory for minutes: what its two steps need at most.
        OperationKind::Reboot => Duration::from_mins(30),
        // The longest timeout that a task can have, and a while to begin.
        OperationKind::RunTask => Duration::from_mins(70),
        OperationKind::Install(kind)
        | OperationKind::Change(kind)
        | OperationKind::Remove(kind) => match kind {
            // Seconds; or a server that is just being rebooted.
            ResourceKind::FirewallRule => Duration::from_mins(10),
            // Seconds; or cron has to be installed, behind somebody else's apt.
            ResourceKind::ScheduledTask | ResourceKind::Scheduler => Duration::from_mins(30),
            // Seconds; or processes that take all of their five minutes to end.
            ResourceKind::Program => Duration::from_mins(20),
        },
    }
}

impl Claim {
    /// What is left of the time that the operation may take in all.
    pub fn time_left(&self) -> Duration {
        let passed = Duration::from_millis(now().millis_since(self.started_at));
        limit(self.kind).saturating_sub(passed)
    }
}
