//! Firewall rules in ufw. ufw takes the first rule that fits, so a deny goes in front; a rule is
//! deleted by the very words it was added with; "any" protocol is two rules, because a range needs
//! a protocol. Each change is taken back by the server unless the panel confirms it.

use std::time::Duration;

use ssh::Script;
use wire::firewall::NewRule;

use crate::plan::{Plan, Step, StepKind};

const RULE: Script = Script::new(concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/rollback.sh"),
    include_str!("scripts/rule.sh"),
));
const CONFIRM: Script = Script::new(concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/rollback.sh"),
    "confirm_change\n",
));
/// Succeeds once no change waits to be confirmed or taken back.
pub const ROLLBACK_STATUS: Script = Script::new(concat!(
    include_str!("scripts/common.sh"),
    include_str!("scripts/rollback.sh"),
    "nothing_pending\n",
));

/// The server's own timer fires after 60 s; the panel gives up a little before.
const CONFIRM_WITHIN: Duration = Duration::from_secs(50);
const DEADLINE: Duration = Duration::from_secs(120);

/// Puts a rule on its server.
pub fn install(rule: &NewRule) -> Plan {
    Plan { steps: vec![step("Add the rule", None, Some(rule))] }
}

/// Adds the new words first and takes the old ones off then, so that no packet meets neither.
pub fn change(old: &NewRule, new: &NewRule) -> Plan {
    Plan { steps: vec![step("Change the rule", Some(old), Some(new))] }
}

/// Takes a rule off its server.
pub fn remove(rule: &NewRule) -> Plan {
    Plan { steps: vec![step("Remove the rule", Some(rule), None)] }
}

/// How the panel confirms a step that changes the firewall.
pub fn confirmed() -> StepKind {
    StepKind::Confirmed { confirm: CONFIRM, within: CONFIRM_WITHIN }
}

fn step(title: &'static str, old: Option<&NewRule>, new: Option<&NewRule>) -> Step {
    let words = |rule: Option<&NewRule>| match rule {
        None => [String::new(), String::new(), String::new(), String::new()],
        Some(rule) => [
            rule.action.as_str().to_owned(),
            rule.port.to_string(),
            rule.protocol.as_str().to_owned(),
            rule.source.to_string(),
        ],
    };
    let mut step = Step::new(title, RULE, DEADLINE);
    for (name, text) in ["new action", "new port", "new protocol", "new source"].into_iter().zip(words(new)) {
        step = step.with(name, text);
    }
    for (name, text) in ["old action", "old port", "old protocol", "old source"].into_iter().zip(words(old)) {
        step = step.with(name, text);
    }
    step.of_kind(confirmed())
}

#[cfg(test)]
mod tests {
    use wire::firewall::{Action, PortRange, Protocol, Source};

    use super::*;

    fn rule() -> NewRule {
        NewRule {
            name: "$(reboot)".into(),
            port: PortRange::parse("3000:3005").expect("is a range"),
            protocol: Protocol::Any,
            source: Source::parse("10.0.0.0/8").expect("is a network"),
            action: Action::Deny,
        }
    }

    #[test]
    fn a_rule_travels_as_eight_lines_and_its_name_stays_in_the_panel() {
        let stdin = |plan: Plan| String::from_utf8(plan.steps[0].stdin()).expect("is text");
        assert_eq!(stdin(install(&rule())), "deny\n3000:3005\nany\n10.0.0.0/8\n\n\n\n\n");
        assert_eq!(stdin(remove(&rule())), "\n\n\n\ndeny\n3000:3005\nany\n10.0.0.0/8\n");
    }

    #[test]
    fn every_change_of_the_firewall_has_to_be_confirmed() {
        for plan in [install(&rule()), change(&rule(), &rule()), remove(&rule())] {
            assert!(plan.steps.iter().all(|step| matches!(step.kind, StepKind::Confirmed { .. })));
        }
    }
}
