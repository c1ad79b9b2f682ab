//! Plans are values: what would run, in order. Pure functions build them, the page shows them,
//! `run` runs them.

use std::fmt::Write;
use std::time::Duration;

use ssh::{Privilege, Script};

/// The steps of one operation.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
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
}

/// A line that a script reads, with its name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub name: &'static str,
    pub text: String,
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
        }
    }

    /// Gives the script one more line to read.
    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        self.values.push(Value { name, text });
        self
    }

    #[must_use]
    pub fn of_kind(mut self, kind: StepKind) -> Self {
        self.kind = kind;
        self
    }

    /// What the script finds on its standard input.
    pub fn stdin(&self) -> Vec<u8> {
        self.lines().into_bytes()
    }

    /// The step for people: whom it runs as, its values, and its script in a form that can be
    /// copied into a shell.
    pub fn as_text(&self) -> String {
        let user = match self.privilege {
            Privilege::Root => "root",
            Privilege::Login => "the login user",
            Privilege::App => "brokeforge",
        };
        let mut text = format!("# Runs as {user}.\n");
        for Value { name, text: value } in &self.values {
            let value = if value.is_empty() { "(none)" } else { value };
            let _ = writeln!(text, "# {name}: {}", one_line(value));
        }
        let script = self.script.text();
        let _ = write!(
            text,
            "sh -c \"$(cat <<'SCRIPT_END'\n{script}SCRIPT_END\n)\""
        );
        if self.values.is_empty() {
            return text + " </dev/null\n";
        }
        let _ = write!(text, " <<'VALUES_END'\n{}VALUES_END\n", self.lines());
        text
    }

    fn lines(&self) -> String {
        let lines = self.values.iter();
        lines.map(|value| one_line(&value.text) + "\n").collect()
    }
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn step() -> Step {
        let script = Script::new("read -r a\nread -r b\necho \"<$a> (it's) <$b>\"\n");
        Step::new("x", script, Duration::ZERO)
            .with("name", "$(id)\nrm")
            .with("port", "80")
    }

    #[test]
    fn values_travel_one_a_line_and_never_in_the_script() {
        assert_eq!(step().stdin(), b"$(id) rm\n80\n");
        assert!(!step().script.text().contains("80"));
    }

    #[test]
    fn what_the_page_shows_does_the_same_when_a_person_copies_it_into_a_shell() {
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).arg("-c").arg(step().as_text()).output();
            let output = output.expect("a shell runs");
            assert_eq!(output.stdout, b"<$(id) rm> (it's) <80>\n", "{shell}");
        }
    }

    #[test]
    fn the_values_are_named_for_people() {
        assert!(step().as_text().starts_with(
            "# Runs as root.\n# name: $(id) rm\n# port: 80\nsh -c \"$(cat <<'SCRIPT_END'\n"
        ));
    }
}
