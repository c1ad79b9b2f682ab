//! Variables of a program's environment. Passwords and keys are what they are for, so no value prints.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// A variable as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableFields {
    pub name: String,
    /// `None` keeps the value that the program has.
    pub value: Option<SecretText>,
}

/// A checked variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVariable {
    pub name: String,
    /// `None` keeps the value that the program has.
    pub value: Option<SecretText>,
}

const MOST: usize = 100;
const LONGEST_NAME: usize = 100;
/// In bytes. Linux gives a process 128 KiB for one of them.
const LONGEST_VALUE: usize = 32_768;
/// In bytes, all values together.
const LONGEST: usize = 65_536;

/// What shells keep for themselves, and what could not be set.
const OF_THE_SHELL: [&str; 7] = ["IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PWD", "_"];

/// # Errors
/// A sentence for the field.
pub(super) fn variables(typed: &[VariableFields]) -> Result<Vec<NewVariable>, String> {
    if typed.len() > MOST {
        return Err(format!("Use at most {MOST} variables."));
    }
    let mut names = BTreeSet::new();
    let mut bytes = 0;
    let mut variables = Vec::new();
    for VariableFields { name, value } in typed {
        let name = name.trim();
        check_name(name)?;
        if !names.insert(name) {
            return Err(format!("{name} is there twice."));
        }
        let value = value
            .as_ref()
            .map(|value| check_value(name, value.expose()))
            .transpose()?;
        bytes += value.as_ref().map_or(0, |value| value.expose().len());
        variables.push(NewVariable {
            name: name.to_owned(),
            value,
        });
    }
    if bytes > LONGEST {
        return Err(format!(
            "All values together may take {LONGEST} bytes; these take {bytes}. Put the rest into a file on the server."
        ));
    }
    Ok(variables)
}

fn check_name(name: &str) -> Result<(), String> {
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !begins || !name.bytes().all(goes_on) || name.len() > LONGEST_NAME {
        return Err(
            "Write the name of a variable with letters, digits and underscores, beginning with none of the digits."
                .to_owned(),
        );
    }
    if OF_THE_SHELL.contains(&name) || name.starts_with("BROKEFORGE_") {
        return Err(format!("{name} is set by the system. Use another name."));
    }
    Ok(())
}

/// Forms send CRLF for a line end; all else stays byte for byte.
fn check_value(name: &str, value: &str) -> Result<SecretText, String> {
    let value = value.replace("\r\n", "\n");
    if value.contains('\0') {
        return Err(format!(
            "Take the NUL character out of {name}: no environment can hold one."
        ));
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!(
            "The value of {name} may take {LONGEST_VALUE} bytes; this takes {}. Put it into a file on the server.",
            value.len()
        ));
    }
    Ok(SecretText(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, value: Option<&str>) -> VariableFields {
        VariableFields {
            name: name.into(),
            value: value.map(SecretText::new),
        }
    }

    #[test]
    fn a_value_does_not_print_whatever_prints_what_it_is_in() {
        let variable = typed("KEY", Some("canary"));
        assert!(!format!("{variable:?}").contains("canary"));
        let checked = variables(&[variable]).expect("is one");
        assert!(!format!("{checked:?}").contains("canary"));
    }

    #[test]
    fn a_name_is_one_that_every_shell_can_export() {
        for good in ["A", "_x", "APP_KEY2", " PADDED "] {
            assert!(variables(&[typed(good, Some(""))]).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "2A",
            "A-B",
            "A B",
            "A=B",
            "Ä",
            "A\nB",
            "IFS",
            "PWD",
            "_",
            "BROKEFORGE_PROCESS",
        ] {
            assert!(
                variables(&[typed(bad, Some(""))]).is_err(),
                "{bad:?} passed"
            );
        }
        assert!(variables(&[typed("A", None), typed("A", Some("x"))]).is_err());
    }

    #[test]
    fn of_a_value_nothing_but_the_line_ends_of_forms_changes() {
        let hostile = "it's \"q\" $(id) `id` %s \\n\r\nEOF\n\t\r\u{1b}[31m ä";
        let checked = variables(&[typed("A", Some(hostile))]).expect("is one");
        let value = checked[0].value.as_ref().expect("has one").expose();
        assert_eq!(value, hostile.replace("\r\n", "\n"));
        assert!(variables(&[typed("A", Some("a\0b"))]).is_err());
        assert!(variables(&[typed("A", Some(&"x".repeat(40_000)))]).is_err());
    }
}
