//! Makes a plain Debian server ready for use. Every step looks first and does only what is missing,
//! so that running it again mends what is broken and changes nothing else.

use std::time::Duration;

use ssh::Script;

use crate::firewall;
use crate::plan::{Plan, Step, StepKind};

/// What the plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct ProvisionInput {
    /// The panel's clock, seconds since 1970, to tell the server's skew.
    pub panel_time_unix: i64,
}

/// The steps, in order.
pub fn plan(input: &ProvisionInput) -> Plan {
    let steps = vec![
        Step::new("Connect", script!("connect.sh"), SHORT),
        Step::new("Check the system", script!("apt.sh", "check.sh"), LONG)
            .with("the panel's clock", input.panel_time_unix.to_string()),
        Step::new("Prepare", script!("apt.sh", "prepare.sh"), LONG),
        Step::new("App user", script!("app_user.sh"), SHORT),
        Step::new(
            "Firewall",
            script!("apt.sh", "ufw.sh", "rollback.sh", "firewall.sh"),
            LONG,
        )
        .of_kind(firewall::confirmed()),
        Step::new("PHP", script!("apt.sh", "service.sh", "php.sh"), LONG),
        Step::new("nginx", script!("apt.sh", "service.sh", "nginx.sh"), LONG),
        Step::new(
            "Scheduler",
            script!("apt.sh", "service.sh", "scheduler.sh"),
            LONG,
        ),
        Step::new(
            "Supervisor",
            script!("apt.sh", "service.sh", "supervisor.sh"),
            LONG,
        ),
        Step::new(
            "Verify",
            script!("ufw.sh", "service.sh", "verify.sh"),
            SHORT,
        )
        .of_kind(StepKind::ProbeFromOutside { ports: vec![80] }),
    ];
    Plan { steps }
}

const SHORT: Duration = Duration::from_mins(2);
/// An installation on a slow server behind a slow mirror, and the wait for somebody else's apt.
const LONG: Duration = Duration::from_mins(30);

/// One script out of shared functions and the step's own part, put together at compile time.
macro_rules! script {
    ($($file:literal),+) => {
        Script::new(concat!(include_str!("scripts/common.sh"), $(include_str!(concat!("scripts/", $file))),+))
    };
}
use script;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::outline;

    const INPUT: ProvisionInput = ProvisionInput { panel_time_unix: 1 };

    #[test]
    fn the_steps_and_their_values_are_these() {
        let outlines: Vec<_> = plan(&INPUT).steps.iter().map(outline).collect();
        assert_eq!(
            outlines,
            [
                "Connect as Root in 120s []",
                r#"Check the system as Root in 1800s [the panel's clock="1"]"#,
                "Prepare as Root in 1800s []",
                "App user as Root in 120s []",
                "Firewall as Root in 1800s, confirmed within 50s []",
                "PHP as Root in 1800s []",
                "nginx as Root in 1800s []",
                "Scheduler as Root in 1800s []",
                "Supervisor as Root in 1800s []",
                "Verify as Root in 120s, probed on [80] []",
            ]
        );
    }

    #[test]
    fn a_step_that_installs_first_finishes_what_a_killed_dpkg_left() {
        for step in plan(&INPUT).steps {
            let text = step.script.text();
            if let Some(install) = text.find("apt_get install -y --no-install") {
                assert!(
                    text[..install].contains("\n  mend_dpkg\n"),
                    "{}",
                    step.title
                );
            }
        }
    }
}
