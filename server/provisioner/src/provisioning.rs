//! Makes a plain Debian server ready for use. Every step looks first and does only what is missing,
//! so that running it again mends what is broken and changes nothing else.

use std::time::Duration;

use ssh::Script;
use wire::provisioning::{Part, ProvisionChoices, ProvisionStep};

use crate::firewall;
use crate::plan::{Plan, Retry, Step, StepKind};
use crate::scripts::script;

/// What the plan depends on.
#[derive(Clone, Debug)]
pub struct ProvisionInput {
    /// The panel's clock, seconds since 1970, to tell the server's skew.
    pub panel_time_unix: i64,
    pub choices: ProvisionChoices,
}

/// The steps, in order: the very ones that the page has announced.
pub fn plan(input: &ProvisionInput) -> Plan {
    let steps = input.choices.steps();
    Plan {
        steps: steps.into_iter().map(|step| one(step, input)).collect(),
    }
}

/// What a server offers to choose from: facts `os` and `php_offered`. Changes nothing.
pub const SURVEY: Script = script!("offered.sh", "survey.sh");

fn one(step: ProvisionStep, input: &ProvisionInput) -> Step {
    let new = |script, deadline| Step::new(step.title(), script, deadline);
    match step {
        ProvisionStep::Connect => connect(),
        ProvisionStep::Check => new(script!("apt.sh", "check.sh"), LONG)
            .with_moment("the panel's clock", input.panel_time_unix.to_string()),
        ProvisionStep::Prepare => chosen(
            new(
                script!("apt.sh", "offered.sh", "choice.sh", "prepare.sh"),
                LONG,
            ),
            input,
        ),
        ProvisionStep::AppUser => app_user(),
        ProvisionStep::Firewall => new(
            script!("apt.sh", "ufw.sh", "rollback.sh", "firewall.sh"),
            LONG,
        )
        .of_kind(firewall::confirmed()),
        ProvisionStep::Php => with_php(
            new(
                script!("apt.sh", "service.sh", "offered.sh", "choice.sh", "php.sh"),
                LONG,
            ),
            input,
        ),
        ProvisionStep::Nginx => with_php(
            new(
                script!(
                    "apt.sh",
                    "service.sh",
                    "offered.sh",
                    "choice.sh",
                    "nginx.sh"
                ),
                LONG,
            ),
            input,
        ),
        ProvisionStep::Scheduler => scheduler(),
        ProvisionStep::Supervisor => new(script!("apt.sh", "service.sh", "supervisor.sh"), LONG),
        ProvisionStep::Part(part) => new(
            match part {
                Part::MariaDb => script!("apt.sh", "service.sh", "answers.sh", "mariadb.sh"),
                Part::PostgreSql => script!("apt.sh", "service.sh", "answers.sh", "postgresql.sh"),
                Part::Redis => script!("apt.sh", "service.sh", "answers.sh", "redis.sh"),
                Part::Node => script!("apt.sh", "service.sh", "answers.sh", "node.sh"),
            },
            LONG,
        ),
        ProvisionStep::Verify => chosen(
            new(
                script!(
                    "ufw.sh",
                    "service.sh",
                    "offered.sh",
                    "choice.sh",
                    "answers.sh",
                    "reboot_required.sh",
                    "verify.sh"
                ),
                SHORT,
            ),
            input,
        )
        .of_kind(StepKind::ProbeFromOutside { ports: vec![80] })
        .retried(Retry::RepeatAll),
    }
}

pub(crate) fn connect() -> Step {
    let step = Step::new(ProvisionStep::Connect.title(), script!("connect.sh"), SHORT);
    step.as_probe().retried(Retry::Repeat)
}

/// Makes the user that sites, tasks and programs run as.
pub(crate) fn app_user() -> Step {
    Step::new(
        ProvisionStep::AppUser.title(),
        script!("app_user.sh"),
        SHORT,
    )
}

/// Cron, and what a run is told with.
pub(crate) fn scheduler() -> Step {
    let script = script!("apt.sh", "service.sh", "scheduler.sh");
    Step::new(ProvisionStep::Scheduler.title(), script, LONG)
}

/// Hands the choices to a script that reads `choice.sh`.
fn chosen(step: Step, input: &ProvisionInput) -> Step {
    let parts = input.choices.parts.iter().map(|part| part.as_str());
    with_php(step, input).with("other parts", parts.collect::<Vec<_>>().join(" "))
}

fn with_php(step: Step, input: &ProvisionInput) -> Step {
    step.with("PHP", input.choices.php.to_string())
}

const SHORT: Duration = Duration::from_mins(2);
/// An installation on a slow server behind a slow mirror, and the wait for somebody else's apt.
const LONG: Duration = Duration::from_mins(30);

/// Every step there can be.
#[cfg(test)]
pub fn every_step() -> Vec<Step> {
    let choices = ProvisionChoices {
        parts: Part::ALL.into(),
        ..ProvisionChoices::default()
    };
    plan(&ProvisionInput {
        panel_time_unix: 1,
        choices,
    })
    .steps
}

#[cfg(test)]
mod tests {
    use wire::provisioning::{Php, PhpVersion};

    use super::*;
    use crate::plan::outline;

    fn outlines(choices: ProvisionChoices) -> Vec<String> {
        let input = ProvisionInput {
            panel_time_unix: 1,
            choices,
        };
        plan(&input).steps.iter().map(outline).collect()
    }

    #[test]
    fn the_steps_and_their_values_are_these() {
        assert_eq!(
            outlines(ProvisionChoices::default()),
            [
                "Connect as Root in 120s []",
                r#"Check the system as Root in 1800s [the panel's clock="1"]"#,
                r#"Prepare as Root in 1800s [PHP="own", other parts=""]"#,
                "App user as Root in 120s []",
                "Firewall as Root in 1800s, confirmed within 50s []",
                r#"PHP as Root in 1800s [PHP="own"]"#,
                r#"nginx as Root in 1800s [PHP="own"]"#,
                "Scheduler as Root in 1800s []",
                "Supervisor as Root in 1800s []",
                r#"Verify as Root in 120s, probed on [80] [PHP="own", other parts=""]"#,
            ]
        );
    }

    #[test]
    fn with_a_version_of_php_and_all_parts_they_are_these() {
        let choices = ProvisionChoices {
            php: Php::Version(PhpVersion::parse("8.2").expect("a version")),
            parts: Part::ALL.into(),
        };
        let all = r#"[PHP="8.2", other parts="mariadb postgresql redis node"]"#;
        assert_eq!(
            outlines(choices),
            [
                "Connect as Root in 120s []",
                r#"Check the system as Root in 1800s [the panel's clock="1"]"#,
                &format!("Prepare as Root in 1800s {all}"),
                "App user as Root in 120s []",
                "Firewall as Root in 1800s, confirmed within 50s []",
                r#"PHP as Root in 1800s [PHP="8.2"]"#,
                r#"nginx as Root in 1800s [PHP="8.2"]"#,
                "Scheduler as Root in 1800s []",
                "Supervisor as Root in 1800s []",
                "MariaDB as Root in 1800s []",
                "PostgreSQL as Root in 1800s []",
                "Redis as Root in 1800s []",
                "Node.js as Root in 1800s []",
                &format!("Verify as Root in 120s, probed on [80] {all}"),
            ]
        );
    }

    #[test]
    fn a_step_that_installs_first_finishes_what_a_killed_dpkg_left() {
        for step in every_step() {
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
