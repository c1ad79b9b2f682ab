//! Steps as one document: what several of them share stands in it once.
//!
//! A step's script is made of parts, each behind a line `#: NAME`; the last part is the step's own, the others are
//! functions. Here the others become variables of the shell, named once and used by every step.

use std::fmt::Write;

use wire::plan::{PlanResource, PlannedStep};

use super::ShownStep;

/// The document of these steps. `user` is whom it is to be run as by hand.
pub fn document(title: &str, place: &str, user: &str, steps: &[ShownStep]) -> PlanResource {
    let mut shared = Shared::default();
    let planned = steps.iter().map(|step| PlannedStep {
        title: step.title.clone(),
        script: shared.take_out_of(&step.script),
    });
    let steps: Vec<_> = planned.collect();
    PlanResource {
        head: format!(
            "#!/bin/sh\n# {}\n# What BrokeForge runs on {}, step by step.\n# To run it by hand: on that server, as {}.\nset -e\n",
            one_line(title),
            one_line(place),
            one_line(user)
        ),
        shared: shared.as_text(),
        steps,
    }
}

/// Parts that were met, in order: the variable, the text.
#[derive(Default)]
struct Shared(Vec<(String, String)>);

impl Shared {
    /// The script with variables in place of its shared parts.
    fn take_out_of(&mut self, script: &str) -> String {
        let mut text = String::new();
        let mut rest = script;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            text += before;
            let Some((body, behind)) = after.split_once(END) else {
                rest = after;
                text += BEGIN;
                continue;
            };
            text += &self.command(body);
            rest = behind;
        }
        text + rest
    }

    /// The command for one script, from `sh -c` to its closing quote.
    fn command(&mut self, body: &str) -> String {
        let mut parts: Vec<(&str, String)> = Vec::new();
        for line in body.split_inclusive('\n') {
            match (line.strip_prefix(MARK), parts.last_mut()) {
                (Some(name), _) => parts.push((name.trim_end(), String::new())),
                (None, Some((_, text))) => text.push_str(line),
                (None, None) => parts.push(("", line.to_owned())),
            }
        }
        let own = parts.pop().map(|(_, text)| text).unwrap_or_default();
        let mut command = "sh -c \"".to_owned();
        for (name, text) in parts {
            let _ = writeln!(command, "${}", self.variable(name, text));
        }
        let _ = write!(command, "$(cat <<'SCRIPT_END'\n{own}{END}");
        command
    }

    /// The variable for a part; another text of the same name, as after an update of the panel, gets one of its own.
    fn variable(&mut self, name: &str, text: String) -> String {
        if let Some((known, _)) = self
            .0
            .iter()
            .find(|(known, it)| *it == text && is_of(known, name))
        {
            return known.clone();
        }
        let base = base_of(name);
        let taken = self
            .0
            .iter()
            .filter(|(known, _)| is_of(known, name))
            .count();
        let variable = match taken {
            0 => base,
            _ => format!("{base}_{}", taken + 1),
        };
        self.0.push((variable.clone(), text));
        variable
    }

    fn as_text(&self) -> String {
        let parts = self.0.iter();
        parts.fold(String::new(), |mut all, (name, text)| {
            let _ = write!(all, "{name}=$(cat <<'PART_END'\n{text}PART_END\n)\n");
            all
        })
    }
}

const BEGIN: &str = "sh -c \"$(cat <<'SCRIPT_END'\n";
const END: &str = "SCRIPT_END\n)\"";
const MARK: &str = "#: ";

/// `apt.sh` is kept in `apt_sh`.
fn base_of(name: &str) -> String {
    let kept = |character: char| match character {
        'a'..='z' | '0'..='9' => character,
        _ => '_',
    };
    format!("part_{}", name.chars().map(kept).collect::<String>())
}

fn is_of(variable: &str, name: &str) -> bool {
    let base = base_of(name);
    let numbered = variable
        .strip_prefix(&base)
        .and_then(|rest| rest.strip_prefix('_'));
    variable == base || numbered.is_some_and(|number| number.parse::<u32>().is_ok())
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(script: &str) -> ShownStep {
        ShownStep {
            title: "x".into(),
            script: script.into(),
        }
    }

    #[test]
    fn a_text_without_parts_stays_as_it_is() {
        for text in [
            "# Logs in.\n",
            "sh -c \"$(cat <<'SCRIPT_END'\ntrue\nSCRIPT_END\n)\" </dev/null\n",
            "sh -c \"$(cat <<'SCRIPT_END'\nnever ends",
        ] {
            let document = document("t", "p", "root", &[step(text)]);
            assert_eq!(document.steps[0].script, text);
            assert_eq!(document.shared, "");
        }
    }

    #[test]
    fn the_same_name_with_another_text_is_another_part() {
        let of = |text: &str| {
            step(&format!(
                "sh -c \"$(cat <<'SCRIPT_END'\n#: a.sh\n{text}\n#: own.sh\ntrue\nSCRIPT_END\n)\" </dev/null\n"
            ))
        };
        let document = document("t", "p", "root", &[of("old"), of("new"), of("old")]);
        assert_eq!(
            document.shared,
            "part_a_sh=$(cat <<'PART_END'\nold\nPART_END\n)\npart_a_sh_2=$(cat <<'PART_END'\nnew\nPART_END\n)\n"
        );
        assert!(
            document.steps[2]
                .script
                .starts_with("sh -c \"$part_a_sh\n$(cat")
        );
    }
}
