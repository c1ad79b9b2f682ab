//! Makes a plain Debian server ready for use. Every step looks first and does only what is missing,
//! so that running it again mends what is broken and changes nothing else.

use std::time::Duration;

use ssh::Script;

use crate::firewall;
use crate::plan::{Plan, Step, StepKind};

/// What the plan depends on.
pub struct ProvisionInput {
    /// The panel's clock, seconds since 1970, to tell the server's skew.
    pub panel_time_unix: i64,
}

macro_rules! script {
    ($($file:literal),+) => {
        Script::new(concat!(include_str!("scripts/common.sh"), $(include_str!(concat!("scripts/", $file))),+))
    };
}

const SHORT: Duration = Duration::from_secs(60);
/// An installation on a slow server behind a slow mirror, and the wait for somebody else's apt.
const LONG: Duration = Duration::from_secs(30 * 60);

/// The steps, in order.
pub fn plan(input: &ProvisionInput) -> Plan {
    Plan {
        steps: vec![
            Step::new("Connect", script!("connect.sh"), SHORT),
            Step::new("Check the system", script!("apt.sh", "check.sh"), LONG)
                .with("panel's clock", input.panel_time_unix.to_string()),
            Step::new("Prepare", script!("apt.sh", "prepare.sh"), LONG),
            Step::new("App user", script!("app_user.sh"), SHORT),
            Step::new("Firewall", script!("apt.sh", "rollback.sh", "firewall.sh"), LONG)
                .of_kind(firewall::confirmed()),
            Step::new("PHP", script!("apt.sh", "service.sh", "php.sh"), LONG),
            Step::new("nginx", script!("apt.sh", "service.sh", "nginx.sh"), LONG),
            Step::new("Scheduler", script!("apt.sh", "service.sh", "scheduler.sh"), LONG),
            Step::new("Supervisor", script!("apt.sh", "service.sh", "supervisor.sh"), LONG),
            Step::new("Verify", script!("verify.sh"), SHORT)
                .of_kind(StepKind::ProbeFromOutside { ports: vec![80] }),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_stand_in_this_order() {
        let plan = plan(&ProvisionInput { panel_time_unix: 1 });
        let titles: Vec<_> = plan.steps.iter().map(|step| step.title).collect();
        assert_eq!(titles, [
            "Connect", "Check the system", "Prepare", "App user", "Firewall", "PHP", "nginx", "Scheduler",
            "Supervisor", "Verify",
        ]);
    }

    #[test]
    fn every_step_that_installs_finishes_what_a_killed_dpkg_left() {
        for step in plan(&ProvisionInput { panel_time_unix: 1 }).steps {
            if step.script.text().contains("\ninstall_packages ") {
                assert!(step.script.text().contains("dpkg --configure -a"), "{}", step.title);
            }
        }
    }
}
