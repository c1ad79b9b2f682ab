//! What a task says, as typed and as checked.

use serde::{Deserialize, Serialize};

use super::CronExpression;
use crate::ApiError;
use crate::error::FieldErrors;
use crate::text::one_line;

/// What a task says, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFields {
    pub name: String,
    /// Any text for a shell.
    pub command: String,
    pub run_as: RunAs,
    pub frequency: Frequency,
    /// Counts where the frequency is `custom`.
    pub expression: String,
    /// Seconds.
    pub timeout: String,
    pub overlap: Overlap,
    /// Whether a failure or a missed run is told of.
    pub notify: bool,
}

impl From<NewTask> for TaskFields {
    fn from(task: NewTask) -> Self {
        Self {
            name: task.name,
            command: task.command,
            run_as: task.run_as,
            frequency: task.frequency,
            expression: task.expression,
            timeout: task.timeout.seconds().to_string(),
            overlap: task.overlap,
            notify: task.notify,
        }
    }
}

/// A checked task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    pub name: String,
    pub command: String,
    pub run_as: RunAs,
    pub frequency: Frequency,
    /// One that `CronExpression` has read.
    pub expression: String,
    pub timeout: TaskTimeout,
    pub overlap: Overlap,
    pub notify: bool,
}

impl NewTask {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &TaskFields) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", one_line(&input.name, 100));
        let command = errors.take("command", command(&input.command));
        let written = input.frequency.expression();
        let expression = CronExpression::parse(written.unwrap_or(&input.expression));
        let expression = errors.take("expression", expression);
        let timeout = errors.take("timeout", TaskTimeout::parse(&input.timeout));
        match (name, command, expression, timeout) {
            (Some(name), Some(command), Some(expression), Some(timeout)) => Ok(Self {
                name,
                command,
                run_as: input.run_as,
                frequency: input.frequency,
                expression: expression.to_string(),
                timeout,
                overlap: input.overlap,
                notify: input.notify,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// A command as it is kept: forms send CRLF for a line end; all else stays byte for byte.
///
/// # Errors
/// A sentence for the field.
pub fn command(text: &str) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Err("This field is required.".to_owned());
    }
    if text.contains('\0') {
        return Err("Take out the NUL character: no shell can hold one.".to_owned());
    }
    let length = text.chars().count();
    if length > LONGEST_COMMAND {
        return Err(format!(
            "Use at most {LONGEST_COMMAND} characters; these are {length}. Put the rest into a script on the server and call that."
        ));
    }
    Ok(text)
}

const LONGEST_COMMAND: usize = 4_000;

/// Whom a task runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// The unprivileged unix user `brokeforge`.
    App,
    Root,
}

impl RunAs {
    pub const ALL: [Self; 2] = [Self::App, Self::Root];

    /// The unix user; also the word in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "brokeforge",
            Self::Root => "root",
        }
    }

    /// The user of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|user| user.as_str() == word)
    }
}

/// How often a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    /// By an expression of its own.
    Custom,
}

impl Frequency {
    pub const ALL: [Self; 6] = [
        Self::Minutely,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Custom,
    ];

    /// The word in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minutely => "minutely",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Custom => "custom",
        }
    }

    /// The frequency of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// What it means to cron; `None` for one that has to be written.
    pub fn expression(self) -> Option<&'static str> {
        match self {
            Self::Minutely => Some("* * * * *"),
            Self::Hourly => Some("0 * * * *"),
            Self::Daily => Some("0 0 * * *"),
            Self::Weekly => Some("0 0 * * 0"),
            Self::Monthly => Some("0 0 1 * *"),
            Self::Custom => None,
        }
    }
}

/// What happens when a task is due while its last run has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It does not run this time.
    Skip,
    /// It runs once when the other one has ended, however often it was due meanwhile.
    Queue,
}

impl Overlap {
    pub const ALL: [Self; 2] = [Self::Skip, Self::Queue];

    /// The word in the database, in forms and on the server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
        }
    }

    /// The policy of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// How many seconds a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskTimeout(u32);

impl TaskTimeout {
    pub const DEFAULT: Self = Self(300);
    pub const LONGEST: Self = Self(3_600);

    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = is_plain.then(|| text.parse().ok()).flatten();
        seconds.and_then(Self::of).ok_or_else(|| {
            format!(
                "Write how many seconds a run may take, from 1 to {}.",
                Self::LONGEST.0
            )
        })
    }

    /// So many seconds, if that is neither none nor too many.
    pub fn of(seconds: u32) -> Option<Self> {
        (1..=Self::LONGEST.0)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    pub fn seconds(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> TaskFields {
        TaskFields {
            name: "Backup".into(),
            command: "true".into(),
            run_as: RunAs::App,
            frequency: Frequency::Daily,
            expression: String::new(),
            timeout: "300".into(),
            overlap: Overlap::Skip,
            notify: true,
        }
    }

    #[test]
    fn every_wrong_field_gets_a_sentence_of_its_own() {
        let wrong = TaskFields {
            name: "a\nb".into(),
            command: " \r\n ".into(),
            frequency: Frequency::Custom,
            expression: "60 * * * *".into(),
            timeout: "3601".into(),
            ..fields()
        };
        let error = NewTask::parse(&wrong).expect_err("is refused");
        for field in ["name", "command", "expression", "timeout"] {
            assert!(error.for_field(field).is_some(), "{field}: {error:?}");
        }
    }

    #[test]
    fn a_frequency_brings_its_expression_and_what_was_typed_beside_it_does_not_count() {
        for frequency in Frequency::ALL {
            let task = NewTask::parse(&TaskFields {
                frequency,
                expression: "*/7 * * * *".into(),
                ..fields()
            })
            .expect("is one");
            assert_eq!(
                task.expression,
                frequency.expression().unwrap_or("*/7 * * * *")
            );
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_up_to_an_hour() {
        for good in ["1", "300", " 3600 "] {
            assert!(TaskTimeout::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "0", "3601", "-1", "+5", "1.5", "5m", "99999999999"] {
            assert!(TaskTimeout::parse(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_command_may_be_long_but_not_longer_and_holds_no_nul() {
        assert!(command(&"ü".repeat(4_000)).is_ok());
        assert!(command(&"x".repeat(4_001)).is_err_and(|sentence| sentence.contains("4001")));
        assert!(command("a\0b").is_err());
        // What the form sends for a line end counts as one character.
        assert_eq!(
            command(&"\r\n".repeat(3_999).replacen('\r', "x\r", 1)).map(|it| it.len()),
            Ok(4_000)
        );
    }

    proptest! {
        #[test]
        fn of_a_command_nothing_but_crlf_changes(text in "\\PC{0,20}(\r|\n|\t|\u{1b}|'|\"|%|\\\\|EOF){0,8}\\PC{1,20}") {
            if let Ok(kept) = command(&text) {
                prop_assert_eq!(kept, text.replace("\r\n", "\n"));
            }
        }
    }
}
