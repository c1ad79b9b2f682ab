//! Plans are values: what would run, in order. Pure functions build them, the page shows them,
//! `run` runs them.

use std::time::Duration;

use ssh::{Privilege, Script};

/// The steps of one operation.
#[derive(Clone, Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// One constant script with its values.
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
    Confirmed { confirm: Script, within: Duration },
    /// A web server must answer the panel on these ports.
    ProbeFromOutside { ports: Vec<u16> },
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

    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.values.push(Value { name, text: text.into() });
        self
    }

    #[must_use]
    pub fn of_kind(mut self, kind: StepKind) -> Self {
        self.kind = kind;
        self
    }

    /// What the script finds on its standard input.
    pub fn stdin(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for value in &self.values {
            bytes.extend(value.text.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            bytes.push(b'\n');
        }
        bytes
    }

    /// The step for people: whom it runs as, its values, its script.
    pub fn as_text(&self) -> String {
        let user = match self.privilege {
            Privilege::Root => "root",
            Privilege::Login => "the login user",
            Privilege::App => "brokeforge",
        };
        let mut text = format!("# Runs as {user}, with sh.");
        if !self.values.is_empty() {
            text.push_str(" Reads from its standard input, a line each:");
        }
        text.push('\n');
        for value in &self.values {
            text.push_str(&format!("#   {}: {}\n", value.name, value.text));
        }
        text + self.script.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_travel_one_a_line_and_never_in_the_script() {
        let step = Step::new("x", Script::new("read -r a\n"), Duration::ZERO)
            .with("name", "$(id)\nrm")
            .with("port", "80");
        assert_eq!(step.stdin(), b"$(id) rm\n80\n");
        assert_eq!(step.script.text(), "read -r a\n");
        assert!(step.as_text().contains("#   port: 80\n"));
    }
}
