//! Plans are values: what would run, in order. Pure functions build them, the page shows them,
//! `run` runs them.

mod text;

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use domain::queue::{DoneEarlier, EarlierStep};
use sha2::{Digest, Sha256};
use ssh::{Privilege, Script, User};
use wire::operations::StepStatus;

/// The steps of one operation.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
}

impl Plan {
    /// Values that no page may show.
    pub fn secrets(&self) -> Vec<String> {
        self.steps.iter().flat_map(Step::secrets).collect()
    }
}

/// One constant script with its values.
///
/// What a script prints is shown as it comes, but for lines that begin with a mark: `::summary TEXT`
/// (the last one counts), `::fact KEY VALUE`, and `::error TEXT`, a sentence that says what went
/// wrong and what to do next. Any exit code but 0 is a failure.
#[derive(Clone, Debug)]
pub struct Step {
    /// As the page names it.
    pub title: &'static str,
    pub script: Script,
    pub privilege: Privilege,
    /// What the script reads, in order; each is one line of its standard input.
    pub values: Vec<Value>,
    pub deadline: Duration,
    pub kind: StepKind,
    pub retry: Retry,
    pub way: Way,
    /// It runs a command of a user: no line that this prints is a mark, whatever it looks like, and what was cut off by a
    /// reboot is not begun again.
    pub is_users_command: bool,
}

/// How a step is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On the server by itself, whatever becomes of the connection or of the panel.
    Detached,
    /// In a session. Only for what changes nothing and is cheap: after a cut it runs again.
    Probe,
}

/// What becomes of a step when an operation that did not reach its end is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not run again once it has worked.
    Skip,
    /// Run in every attempt, being cheap.
    Repeat,
    /// It judges the steps before it: when it has failed, all of them run again.
    RepeatAll,
}

/// A line that a script reads, with its name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub name: &'static str,
    pub text: String,
    /// Differs each time and makes no other step of it: the panel's clock, say.
    pub is_of_the_moment: bool,
    /// Never shown, here or in what the step prints.
    pub is_secret: bool,
}

/// What it takes for a step to have worked, beside exit code 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    Plain,
    /// The panel must run `confirm` over a new connection within this time; if it cannot, the
    /// server takes the step back by itself.
    Confirmed {
        confirm: Script,
        within: Duration,
    },
    /// A web server must answer the panel on these ports.
    ProbeFromOutside {
        ports: Vec<u16>,
    },
    /// The script runs once the server has been booted anew since the reboot named by `mark` was asked for.
    AfterReboot {
        mark: String,
        within: Duration,
    },
}

impl Step {
    /// A step as root that needs no values.
    pub fn new(title: &'static str, script: Script, deadline: Duration) -> Self {
        Self {
            title,
            script,
            privilege: Privilege::Root,
            values: Vec::new(),
            deadline,
            kind: StepKind::Plain,
            retry: Retry::Skip,
            way: Way::Detached,
            is_users_command: false,
        }
    }

    /// Gives the script one more line to read.
    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.values.push(Value {
            name,
            text: text.into(),
            is_of_the_moment: false,
            is_secret: false,
        });
        self
    }

    /// Gives the script one more line to read, which says nothing of what the step does.
    #[must_use]
    pub fn with_moment(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.values.push(Value {
            name,
            text: text.into(),
            is_of_the_moment: true,
            is_secret: false,
        });
        self
    }

    /// Gives the script one more line to read, which nobody else may.
    #[must_use]
    pub fn with_secret(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.values.push(Value {
            name,
            text: text.into(),
            is_of_the_moment: false,
            is_secret: true,
        });
        self
    }

    #[must_use]
    pub fn of_kind(mut self, kind: StepKind) -> Self {
        self.kind = kind;
        self
    }

    #[must_use]
    pub fn retried(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// A step that changes nothing and is cheap to run again.
    #[must_use]
    pub fn as_probe(mut self) -> Self {
        self.way = Way::Probe;
        self
    }

    /// A step that runs a command of a user.
    #[must_use]
    pub fn with_users_command(mut self) -> Self {
        self.is_users_command = true;
        self
    }

    /// Whom the step runs as when it runs by itself. The work of a login user cannot be detached.
    pub fn detached_as(&self) -> Option<User> {
        match (self.way, self.privilege) {
            (Way::Probe, _) | (Way::Detached, Privilege::Login) => None,
            (Way::Detached, Privilege::Root) => Some(User::Root),
            (Way::Detached, Privilege::App) => Some(User::App),
        }
    }

    /// Values that no page may show.
    pub fn secrets(&self) -> Vec<String> {
        let secret = self.values.iter().filter(|value| value.is_secret);
        secret.map(|value| value.text.clone()).collect()
    }

    /// Tells whether two steps are the same work on the same machine: `machine` is its host key, so
    /// that a server that was set up anew has nothing done yet.
    pub fn fingerprint(&self, machine: &str) -> String {
        let privilege = format!("{:?}", self.privilege);
        // No hash of a secret either: a weak one could be found out from it.
        let values = self.values.iter();
        let values = values.filter(|value| !value.is_of_the_moment && !value.is_secret);
        let mut hash = Sha256::new();
        for part in [machine, self.title, &privilege, self.script.text()]
            .into_iter()
            .chain(values.flat_map(|value| [value.name, &value.text]))
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize()[..16]
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// What the script finds on its standard input.
    pub fn stdin(&self) -> Vec<u8> {
        self.lines().into_bytes()
    }

    fn lines(&self) -> String {
        let lines = self.values.iter();
        lines.map(|value| one_line(&value.text) + "\n").collect()
    }
}

impl Value {
    /// For people; in the place of a secret stands its name.
    fn shown(&self) -> Cow<'_, str> {
        if self.is_secret {
            format!("<{}>", self.name).into()
        } else {
            Cow::Borrowed(&self.text)
        }
    }
}

/// For each step the earlier operation that did it already, if it need not run again: the steps at
/// the beginning that are the same work and have worked.
pub fn resume(plan: &Plan, machine: &str, earlier: &[EarlierStep]) -> Vec<Option<DoneEarlier>> {
    let mut done = vec![None; plan.steps.len()];
    let all_again = earlier.iter().any(|before| {
        before.status == StepStatus::Failed
            && plan
                .steps
                .iter()
                .any(|step| step.retry == Retry::RepeatAll && step.title == before.title)
    });
    if all_again {
        return done;
    }
    for ((step, before), done) in plan.steps.iter().zip(earlier).zip(&mut done) {
        let same = before.fingerprint.as_deref() == Some(&step.fingerprint(machine));
        if !same || before.status != StepStatus::Succeeded {
            break;
        }
        *done = match step.retry {
            Retry::Repeat => None,
            Retry::Skip | Retry::RepeatAll => Some(DoneEarlier {
                operation: before.done_in,
                summary: before.summary.clone(),
            }),
        };
    }
    done
}

/// A line end inside a value would push the values after it one line on.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\0'], " ")
}

/// A step in one line, for snapshots: all but the text of its script.
#[cfg(test)]
pub fn outline(step: &Step) -> String {
    let kind = match &step.kind {
        StepKind::Plain => String::new(),
        StepKind::Confirmed { within, .. } => format!(", confirmed within {within:?}"),
        StepKind::ProbeFromOutside { ports } => format!(", probed on {ports:?}"),
        StepKind::AfterReboot { within, .. } => format!(", booted anew within {within:?}"),
    };
    let values: Vec<_> = step
        .values
        .iter()
        .map(|value| format!("{}={:?}", value.name, value.text))
        .collect();
    format!(
        "{} as {:?} in {:?}{kind} [{}]",
        step.title,
        step.privilege,
        step.deadline,
        values.join(", ")
    )
}

/// For tests: a step that prints its two values, one of which a shell would run.
#[cfg(test)]
pub fn two_values() -> Step {
    let script = Script::new("read -r a\nread -r b\necho \"<$a> (it's) <$b>\"\n");
    Step::new("x", script, Duration::ZERO)
        .with("name", "$(id)\nrm")
        .with("port", "80")
}

#[cfg(test)]
mod tests {
    use wire::OperationId;

    use super::*;

    const MACHINE: &str = "ssh-ed25519 AAAA";

    fn plan() -> Plan {
        let script = Script::new("true\n");
        let step = |title| Step::new(title, script, Duration::ZERO);
        Plan {
            steps: vec![
                step("Connect").retried(Retry::Repeat),
                step("Check").with_moment("clock", "1"),
                step("PHP").with("version", "8.2"),
                step("nginx"),
                step("Verify").retried(Retry::RepeatAll),
            ],
        }
    }

    /// A plan as it went before step `failed` of it failed.
    fn until(plan: &Plan, failed: usize) -> Vec<EarlierStep> {
        let step = |(at, step): (usize, &Step)| EarlierStep {
            title: step.title.to_owned(),
            status: match at.cmp(&failed) {
                std::cmp::Ordering::Less => StepStatus::Succeeded,
                std::cmp::Ordering::Equal => StepStatus::Failed,
                std::cmp::Ordering::Greater => StepStatus::Skipped,
            },
            fingerprint: Some(step.fingerprint(MACHINE)),
            summary: None,
            done_in: OperationId(7),
        };
        plan.steps.iter().enumerate().map(step).collect()
    }

    fn skipped(plan: &Plan, machine: &str, earlier: &[EarlierStep]) -> Vec<&'static str> {
        let done = resume(plan, machine, earlier);
        let steps = plan.steps.iter().zip(done);
        let skipped = steps.filter(|(_, done)| done.is_some());
        skipped.map(|(step, _)| step.title).collect()
    }

    #[test]
    fn a_retry_begins_at_the_step_that_failed_and_connects_all_the_same() {
        let mut again = plan();
        again.steps[1].values[0].text = "2".into();
        let earlier = until(&plan(), 3);
        assert_eq!(skipped(&again, MACHINE, &earlier), ["Check", "PHP"]);
        assert!(skipped(&again, MACHINE, &[]).is_empty());
    }

    #[test]
    fn from_the_first_step_that_is_another_all_run_again() {
        let mut other = plan();
        other.steps[2].values[0].text = "8.4".into();
        assert_eq!(skipped(&other, MACHINE, &until(&plan(), 3)), ["Check"]);
        other.steps.remove(1);
        assert!(skipped(&other, MACHINE, &until(&plan(), 3)).is_empty());
        assert!(skipped(&plan(), "a new host key", &until(&plan(), 3)).is_empty());
    }

    #[test]
    fn a_failed_judgement_over_all_steps_has_them_all_run_again() {
        assert!(skipped(&plan(), MACHINE, &until(&plan(), 4)).is_empty());
    }

    #[test]
    fn values_travel_one_a_line_and_never_in_the_script() {
        assert_eq!(two_values().stdin(), b"$(id) rm\n80\n");
        assert!(!two_values().script.text().contains("80"));
    }
}
