//! Firewall rules in ufw. ufw takes the first rule that fits, so a deny goes in front; a rule is
//! deleted by the very words it was added with; "any" protocol is two rules, because a range needs
//! a protocol. Each change is taken back by the server unless the panel confirms it.

use std::time::Duration;

use ssh::Script;
use wire::OperationId;
use wire::firewall::NewRule;

use crate::plan::{Plan, Step, StepKind};
use crate::scripts::script;

/// Puts a rule on its server. One that is there already changes nothing.
pub fn install(rule: &NewRule) -> Plan {
    one(step("Add the rule", Some(rule), None))
}

/// Makes the rule `old` the rule `new`; what both say stays untouched.
pub fn change(old: &NewRule, new: &NewRule) -> Plan {
    one(step("Change the rule", Some(new), Some(old)))
}

/// Takes a rule off its server. One that is not there is gone already.
pub fn remove(rule: &NewRule) -> Plan {
    one(step("Remove the rule", None, Some(rule)))
}

/// Says by `::fact rollback pending|done|none` what became of the last change: `done` is taken
/// back, `none` is confirmed, or there was none. Fails while it is pending.
pub const ROLLBACK_STATUS: Script = script!("rollback.sh"; "rollback_status");

/// What became of the last change of a server's firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Neither confirmed nor taken back yet, or nothing that could be understood.
    Undecided,
    TakenBack,
    /// Confirmed, or nothing had to change.
    Stands,
}

/// Reads the answer to `ROLLBACK_STATUS`.
pub(crate) fn fate(facts: &[(String, String)]) -> Fate {
    let fact = facts.iter().rfind(|(key, _)| key == "rollback");
    match fact.map(|(_, value)| value.as_str()) {
        Some("none") => Fate::Stands,
        Some("done") => Fate::TakenBack,
        _ => Fate::Undecided,
    }
}

/// Takes the change of the step it reads back, if that was neither confirmed nor taken back yet, as
/// a step that was stopped leaves one; then says what `ROLLBACK_STATUS` says.
pub const TAKE_BACK: Script = script!(
    "rollback.sh";
    "read -r step\n! is_undecided || ! is_from \"$step\" || \"$state/take-back\"\nrollback_status\n"
);

/// What `CONFIRM` and `TAKE_BACK` read: the step whose change they mean. One that comes late must
/// not decide on the next one.
pub(crate) fn step_line(operation: OperationId, position: i32) -> String {
    format!("{operation}-{position}\n")
}

/// How the panel confirms a step that changes the firewall.
pub(crate) fn confirmed() -> StepKind {
    StepKind::Confirmed {
        confirm: CONFIRM,
        within: CONFIRM_WITHIN,
    }
}

const RULE: Script = script!("ufw.sh", "rollback.sh", "rule.sh");
const CONFIRM: Script = script!("rollback.sh"; "confirm_change");

/// The server's own timer fires after 60 s; the panel gives up a little before.
const CONFIRM_WITHIN: Duration = Duration::from_secs(50);
/// An earlier change that is being taken back is waited for up to 100 s.
const DEADLINE: Duration = Duration::from_mins(3);

fn one(step: Step) -> Plan {
    Plan { steps: vec![step] }
}

fn step(title: &'static str, new: Option<&NewRule>, old: Option<&NewRule>) -> Step {
    let names = ["new action", "new port", "new protocol", "new source"];
    let old_names = ["old action", "old port", "old protocol", "old source"];
    let values = names.into_iter().zip(words(new));
    values
        .chain(old_names.into_iter().zip(words(old)))
        .fold(Step::new(title, RULE, DEADLINE), |step, (name, text)| {
            step.with(name, text)
        })
        .of_kind(confirmed())
}

/// Four lines; all empty where there is no rule.
fn words(rule: Option<&NewRule>) -> [String; 4] {
    rule.map_or_else(Default::default, |rule| {
        [
            rule.action.as_str().to_owned(),
            rule.port.to_string(),
            rule.protocol.as_str().to_owned(),
            rule.source.to_string(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    use tempfile::TempDir;
    use wire::firewall::{Action, PortRange, Protocol, Source};

    use super::*;
    use crate::plan::outline;

    fn rule(port: &str, protocol: Protocol, source: &str, action: Action) -> NewRule {
        NewRule {
            name: "$(reboot)".into(),
            port: PortRange::parse(port).expect("is a range"),
            protocol,
            source: Source::parse(source).expect("is a source"),
            action,
        }
    }

    #[test]
    fn a_rule_is_words_and_its_name_stays_in_the_panel() {
        let range = rule("3000:3005", Protocol::Any, "10.0.0.0/8", Action::Deny);
        let web = rule("8081", Protocol::Tcp, "", Action::Allow);
        let plans = [install(&range), change(&range, &web), remove(&web)];
        let lines: Vec<_> = plans.iter().map(|plan| outline(&plan.steps[0])).collect();
        assert_eq!(
            lines,
            [
                r#"Add the rule as Root in 180s, confirmed within 50s [new action="deny", new port="3000:3005", new protocol="any", new source="10.0.0.0/8", old action="", old port="", old protocol="", old source=""]"#,
                r#"Change the rule as Root in 180s, confirmed within 50s [new action="allow", new port="8081", new protocol="tcp", new source="", old action="deny", old port="3000:3005", old protocol="any", old source="10.0.0.0/8"]"#,
                r#"Remove the rule as Root in 180s, confirmed within 50s [new action="", new port="", new protocol="", new source="", old action="allow", old port="8081", old protocol="tcp", old source=""]"#,
            ]
        );
    }

    #[test]
    fn nothing_of_a_rule_is_in_the_script() {
        let one = install(&rule("7777", Protocol::Tcp, "2001:db8::7", Action::Deny));
        let other = install(&rule("1", Protocol::Udp, "", Action::Allow));
        assert_eq!(one.steps[0].script, other.steps[0].script);
    }

    /// A server's folder of a pending change, made by `step`.
    fn pending(step: &str) -> TempDir {
        let server = tempfile::tempdir().expect("a folder");
        let pending = server.path().join("pending");
        fs::create_dir(&pending).expect("a folder");
        fs::write(pending.join("step"), format!("{step}\n")).expect("is written");
        server
    }

    /// Confirms as on a server, whose folders are all in this one.
    fn confirm(server: &Path, operation: i64) -> Child {
        let here = server.to_str().expect("is text");
        let script = CONFIRM
            .text()
            .replace("/var/lib/brokeforge/firewall-rollback", here)
            .replace("/etc/systemd/system", here);
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        let line = step_line(OperationId(operation), 0);
        let mut stdin = shell.stdin.take().expect("is piped");
        stdin.write_all(line.as_bytes()).expect("it reads");
        shell
    }

    fn is_confirmed(server: &Path, operation: i64) -> bool {
        confirm(server, operation)
            .wait()
            .expect("it ends")
            .success()
    }

    #[test]
    fn a_confirmation_that_comes_late_decides_nothing_on_the_next_change() {
        let server = pending("7-0");
        assert!(!is_confirmed(server.path(), 6));
        assert!(server.path().join("pending").exists());
        assert!(is_confirmed(server.path(), 7));
        assert!(!server.path().join("pending").exists());
        assert!(is_confirmed(server.path(), 7), "its answer got lost");
    }

    #[test]
    fn what_a_confirmation_that_was_cut_short_left_does_not_hinder_the_next_one() {
        let server = pending("7-0");
        fs::create_dir(server.path().join("confirmed")).expect("a folder");
        fs::write(server.path().join("confirmed/user.rules"), "").expect("is written");
        assert!(is_confirmed(server.path(), 7));
        assert!(!server.path().join("pending").exists());
    }

    #[test]
    fn a_second_confirmation_waits_until_the_first_has_put_everything_away() {
        let server = pending("7-0");
        let lock = fs::File::create(server.path().join("lock")).expect("a file");
        lock.lock().expect("is locked");
        let mut second = confirm(server.path(), 7);
        std::thread::sleep(Duration::from_millis(300));
        assert!(second.try_wait().expect("can be asked").is_none());
        assert!(server.path().join("pending").exists());
        lock.unlock().expect("is free");
        assert!(second.wait().expect("it ends").success());
    }
}
