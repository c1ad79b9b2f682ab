//! Steps as text: what people read before and after they run, and may copy into a shell.

use std::fmt::Write;

use ssh::{Privilege, Script};

use super::{Step, StepKind, Value, one_line};
use crate::reboot::BOOTED;

impl Step {
    /// Whom it runs as, its values, its script, and what the panel does before and after it.
    pub fn as_text(&self) -> String {
        let user = match self.privilege {
            Privilege::Root => "root",
            Privilege::Login => "the login user",
            Privilege::App => "brokeforge",
        };
        let mut text = format!("# Runs as {user}.\n");
        for value in &self.values {
            let shown = value.shown();
            let told = match &*shown {
                _ if value.is_secret => format!(
                    "a secret, not shown here; to run this by hand, put it in the place of {shown}"
                ),
                "" => "(none)".to_owned(),
                text => one_line(text),
            };
            let _ = writeln!(text, "# {}: {told}", value.name);
        }
        text += &self.before();
        text += &self.shell(self.script, &shown_lines(&self.values), "");
        text += &self.after();
        text
    }

    /// What the panel waits for first. Run by hand a second time, when the server is back, the script goes on there.
    fn before(&self) -> String {
        match &self.kind {
            StepKind::Plain | StepKind::Confirmed { .. } | StepKind::ProbeFromOutside { .. } => {
                String::new()
            }
            StepKind::AfterReboot { mark, within } => format!(
                "# The panel first waits, for {} s at most, until the server has been booted anew.\n{}",
                within.as_secs(),
                self.shell(
                    BOOTED,
                    &format!("{}\n", one_line(mark)),
                    " || { echo 'Run this once more when the server is back.'; exit 0; }",
                ),
            ),
        }
    }

    /// What the panel does before it calls the step done.
    fn after(&self) -> String {
        match &self.kind {
            StepKind::Plain | StepKind::AfterReboot { .. } => String::new(),
            StepKind::Confirmed { confirm, within } => format!(
                "# The panel confirms this over a new connection within {} s; otherwise the server takes it back.\n\
                 # By hand it is confirmed at once: have another way in.\n{}",
                within.as_secs(),
                self.shell(*confirm, STEP_BY_HAND, ""),
            ),
            StepKind::ProbeFromOutside { ports } => {
                let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
                let ports = ports.join(", ");
                format!("# Then the panel itself asks the server for a page on port {ports}.\n")
            }
        }
    }

    /// A script as a command for a shell that runs as root, with `lines` on its standard input.
    fn shell(&self, script: Script, lines: &str, or_else: &str) -> String {
        let run_as = match self.privilege {
            Privilege::Root | Privilege::Login => "",
            Privilege::App => "runuser -u brokeforge -- ",
        };
        let script = script.text();
        let command = format!("{run_as}sh -c \"$(cat <<'SCRIPT_END'\n{script}SCRIPT_END\n)\"");
        if lines.is_empty() {
            format!("{command} </dev/null{or_else}\n")
        } else {
            let end = end_of(lines);
            format!("{command} <<'{end}'{or_else}\n{lines}{end}\n")
        }
    }
}

/// What a change of the firewall is named by whoever begins it without a panel.
const STEP_BY_HAND: &str = "\n";

/// A word that none of the lines is: what came behind it would be a command.
fn end_of(lines: &str) -> String {
    let mut end = "VALUES_END".to_owned();
    while lines.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}

fn shown_lines(values: &[Value]) -> String {
    let lines = values.iter();
    lines.map(|value| one_line(&value.shown()) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use domain::planner::{ShownStep, Work, document};
    use domain::programs::{ProgramHandle, ProgramOnServer, Variable};
    use domain::scheduler::{TaskHandle, TaskOnServer};
    use wire::firewall::{Action, NewRule, PortRange, Protocol, Source};
    use wire::programs::{NewProgram, ProgramFields, StopSignal};
    use wire::provisioning::{Part, ProvisionChoices};
    use wire::scheduler::{Frequency, NewTask, Overlap, RunAs, TaskFields};

    use super::*;
    use crate::plan::two_values;
    use crate::planner::plan;

    #[test]
    fn what_the_page_shows_does_the_same_when_a_person_copies_it_into_a_shell() {
        for shell in ["sh", "bash"] {
            let output = Command::new(shell)
                .arg("-c")
                .arg(two_values().as_text())
                .output();
            let output = output.expect("a shell runs");
            assert_eq!(output.stdout, b"<$(id) rm> (it's) <80>\n", "{shell}");
        }
    }

    #[test]
    fn a_value_that_looks_like_the_end_of_the_values_ends_nothing() {
        let script = Script::new("read -r a\nread -r b\necho \"<$a> <$b>\"\n");
        let step = Step::new("x", script, Duration::ZERO)
            .with("name", "VALUES_END")
            .with("other", "echo ran");
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).arg("-c").arg(step.as_text()).output();
            let output = output.expect("a shell runs");
            assert_eq!(output.stdout, b"<VALUES_END> <echo ran>\n", "{shell}");
        }
    }

    #[test]
    fn the_values_are_named_for_people_and_in_place_of_a_secret_stands_that_it_is_one() {
        let text = two_values().with_secret("password", "hunter2").as_text();
        assert!(
            text.starts_with(
                "# Runs as root.\n# name: $(id) rm\n# port: 80\n# password: a secret, not shown here; to run this \
                 by hand, put it in the place of <password>\nsh -c \"$(cat <<'SCRIPT_END'\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("VALUES_END'\n$(id) rm\n80\n<password>\nVALUES_END\n"),
            "{text}"
        );
        assert!(!text.contains("hunter2"));
    }

    fn rule(port: &str) -> NewRule {
        NewRule {
            name: "Web".into(),
            port: PortRange::parse(port).expect("is a range"),
            protocol: Protocol::Tcp,
            source: Source::Anywhere,
            action: Action::Allow,
        }
    }

    fn task() -> TaskOnServer {
        let fields = TaskFields {
            name: "Backup".into(),
            command: "cat <<'EOF'\nVALUES_END\nEOF\necho \"it's\" 100%\n".into(),
            run_as: RunAs::App,
            frequency: Frequency::Daily,
            expression: String::new(),
            timeout: "300".into(),
            overlap: Overlap::Queue,
            notify: true,
        };
        TaskOnServer {
            handle: TaskHandle::parse("5f0c9a12b3d4e6f7").expect("is one"),
            task: NewTask::parse(&fields).expect("is a task"),
            is_paused: false,
            report_to: None,
        }
    }

    fn program() -> ProgramOnServer {
        let fields = ProgramFields {
            name: "Worker".into(),
            command: "cat <<'EOF'\nVALUES_END\nEOF\necho \"it's\" 100%\n".into(),
            directory: "/srv/it's\nVALUES_END".into(),
            run_as: RunAs::App,
            processes: "3".into(),
            auto_restart: true,
            stop_signal: StopSignal::Term,
            stop_wait: "10".into(),
            environment: Vec::new(),
        };
        ProgramOnServer {
            handle: ProgramHandle::parse("5f0c9a12b3d4e6f7").expect("is one"),
            settings: NewProgram::parse(&fields).expect("is a program").settings,
            environment: vec![Variable {
                name: "KEY".into(),
                value: "it's\nVALUES_END\n".into(),
            }],
            is_stopped: false,
        }
    }

    /// All work there is, with everything chosen.
    fn all_work() -> Vec<Work> {
        vec![
            Work::Provision(ProvisionChoices {
                parts: Part::ALL.into(),
                ..ProvisionChoices::default()
            }),
            Work::Reboot {
                mark: "7-1".to_owned(),
            },
            Work::AddRule(rule("80")),
            Work::ChangeRule {
                old: rule("80"),
                new: rule("81"),
            },
            Work::RemoveRule(rule("80")),
            Work::AddTask(task()),
            Work::ChangeTask(task()),
            Work::RemoveTask(task().handle),
            Work::RunTask(task().handle),
            Work::AddProgram(program()),
            Work::ChangeProgram(program()),
            Work::RestartProgram(program()),
            Work::RemoveProgram(program().handle),
        ]
    }

    fn shown(steps: &[Step]) -> Vec<ShownStep> {
        let steps = steps.iter();
        let shown = steps.map(|step| ShownStep {
            title: step.title.to_owned(),
            script: step.as_text(),
        });
        shown.collect()
    }

    #[test]
    fn every_plan_as_one_script_is_understood_by_a_shell() {
        for work in all_work() {
            let script = document("Title", "web-1", "root", &shown(&plan(&work).steps)).script();
            for shell in ["sh", "bash"] {
                let mut check = Command::new(shell);
                let output = check.arg("-n").arg("-c").arg(&script).output();
                let output = output.expect("a shell runs");
                assert!(output.status.success(), "{shell}: {work:?}");
                let words = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(words, "", "{shell}: {work:?}");
            }
        }
    }

    #[test]
    fn a_plan_as_one_script_holds_what_its_steps_share_once_and_the_rest_as_it_is() {
        let steps = shown(&plan(&all_work()[0]).steps);
        let document = document("Title", "web-1", "root", &steps);
        let script = document.script();
        for shared in ["wait_for_apt() {", "fail_as_shown() {", "begin_change() {"] {
            assert_eq!(script.matches(shared).count(), 1, "{shared}");
        }
        for step in &document.steps {
            assert!(script.contains(&step.script), "{}", step.title);
            assert!(!step.script.contains("wait_for_apt() {"), "{}", step.title);
        }
        assert!(script.contains("for extension in fpm cli"));
    }

    #[test]
    fn one_script_out_of_steps_gives_each_what_the_panel_would_give_it() {
        let script = Script::new(
            "#: common.sh\nsay() { printf '%s|' \"$*\"; }\n#: own.sh\nread -r a\nsay \"it's $a\"\n",
        );
        let failing = Script::new(
            "#: common.sh\nsay() { printf '%s|' \"$*\"; }\n#: own.sh\nsay end; exit 3\n",
        );
        let steps = [
            Step::new("One", script, Duration::ZERO).with("value", "$(id) \\n `x`"),
            Step::new("Two", failing, Duration::ZERO),
            Step::new("Three", script, Duration::ZERO).with("value", "never"),
        ];
        let script = document("It's\n$(id)", "web-1", "root", &shown(&steps)).script();
        for shell in ["sh", "bash"] {
            let output = Command::new(shell).arg("-c").arg(&script).output();
            let output = output.expect("a shell runs");
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(printed, "it's $(id) \\n `x`|end|", "{shell}");
            assert_eq!(output.status.code(), Some(3), "{shell}");
        }
    }

    #[test]
    fn no_script_holds_the_words_that_end_one() {
        for work in all_work() {
            for step in plan(&work).steps {
                for line in step.script.text().lines() {
                    let ends = ["SCRIPT_END", "VALUES_END", "PART_END"];
                    assert!(!ends.contains(&line), "{}", step.title);
                }
            }
        }
    }
}
