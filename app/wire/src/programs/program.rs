//! What a program says, as typed and as checked.

use serde::{Deserialize, Serialize};

use super::environment::variables;
use super::{NewVariable, VariableFields};
use crate::ApiError;
use crate::error::FieldErrors;
use crate::scheduler::{RunAs, command};
use crate::text::one_line;

/// What a program says, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramFields {
    pub name: String,
    /// Any text for a shell.
    pub command: String,
    /// Where it starts; empty for the user's home.
    pub directory: String,
    pub run_as: RunAs,
    pub processes: String,
    pub auto_restart: bool,
    pub stop_signal: StopSignal,
    /// Seconds.
    pub stop_wait: String,
    pub environment: Vec<VariableFields>,
}

impl ProgramFields {
    /// As a form shows them: the variables without their values.
    pub fn of<'a>(settings: ProgramSettings, variables: impl Iterator<Item = &'a str>) -> Self {
        let environment = variables.map(|name| VariableFields {
            name: name.to_owned(),
            value: None,
        });
        Self {
            name: settings.name,
            command: settings.command,
            directory: settings.directory,
            run_as: settings.run_as,
            processes: settings.processes.get().to_string(),
            auto_restart: settings.auto_restart,
            stop_signal: settings.stop_signal,
            stop_wait: settings.stop_wait.seconds().to_string(),
            environment: environment.collect(),
        }
    }
}

/// All that a program says but the values of its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramSettings {
    pub name: String,
    pub command: String,
    /// Absolute; empty for the user's home.
    pub directory: String,
    pub run_as: RunAs,
    pub processes: ProcessCount,
    /// Whether a process that ends is started again, however it ended.
    pub auto_restart: bool,
    pub stop_signal: StopSignal,
    pub stop_wait: StopWait,
}

/// A checked program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProgram {
    pub settings: ProgramSettings,
    pub environment: Vec<NewVariable>,
}

impl NewProgram {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &ProgramFields) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", one_line(&input.name, 100));
        let command = errors.take("command", command(&input.command));
        let directory = errors.take("directory", directory(&input.directory));
        let processes = errors.take("processes", ProcessCount::parse(&input.processes));
        let stop_wait = errors.take("stop_wait", StopWait::parse(&input.stop_wait));
        let environment = errors.take("environment", variables(&input.environment));
        match (name, command, directory, processes, stop_wait, environment) {
            (
                Some(name),
                Some(command),
                Some(directory),
                Some(processes),
                Some(stop_wait),
                Some(environment),
            ) => Ok(Self {
                settings: ProgramSettings {
                    name,
                    command,
                    directory,
                    run_as: input.run_as,
                    processes,
                    auto_restart: input.auto_restart,
                    stop_signal: input.stop_signal,
                    stop_wait,
                },
                environment,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// A directory as it is kept, byte for byte; nothing but white space is none.
///
/// # Errors
/// A sentence for the field.
pub fn directory(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    if !text.starts_with('/') {
        return Err("Write the whole path, beginning with /, or leave it empty.".to_owned());
    }
    if text.contains('\0') {
        return Err("Take out the NUL character: no path can hold one.".to_owned());
    }
    if text.len() > LONGEST_PATH {
        return Err(format!(
            "Use at most {LONGEST_PATH} bytes; Linux has no longer paths."
        ));
    }
    Ok(text.to_owned())
}

const LONGEST_PATH: usize = 4_095;

/// How many processes of a program run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessCount(u16);

impl ProcessCount {
    pub const ONE: Self = Self(1);
    pub const MOST: Self = Self(20);

    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        number(text)
            .and_then(Self::of)
            .ok_or_else(|| format!("Write how many run at once, from 1 to {}.", Self::MOST.0))
    }

    /// So many, if that is neither none nor too many.
    pub fn of(count: u16) -> Option<Self> {
        (1..=Self::MOST.0).contains(&count).then_some(Self(count))
    }

    pub fn get(self) -> u16 {
        self.0
    }
}

/// How many seconds a process has to end after it was told to; then it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StopWait(u16);

impl StopWait {
    pub const DEFAULT: Self = Self(10);
    pub const LONGEST: Self = Self(300);

    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        number(text).and_then(Self::of).ok_or_else(|| {
            format!(
                "Write how many seconds it has to end, from 1 to {}.",
                Self::LONGEST.0
            )
        })
    }

    /// So many seconds, if that is neither none nor too many.
    pub fn of(seconds: u16) -> Option<Self> {
        (1..=Self::LONGEST.0)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    pub fn seconds(self) -> u16 {
        self.0
    }
}

fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// What tells a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopSignal {
    Term,
    Int,
    Quit,
    Hup,
    Usr1,
    Usr2,
    Kill,
}

impl StopSignal {
    pub const ALL: [Self; 7] = [
        Self::Term,
        Self::Int,
        Self::Quit,
        Self::Hup,
        Self::Usr1,
        Self::Usr2,
        Self::Kill,
    ];

    /// The word in the database, in forms and on the server.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Hup => "HUP",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Kill => "KILL",
        }
    }

    /// The signal of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::SecretText;

    fn fields() -> ProgramFields {
        ProgramFields {
            name: "Queue worker".into(),
            command: "php artisan queue:work".into(),
            directory: "/home/brokeforge/shop".into(),
            run_as: RunAs::App,
            processes: "2".into(),
            auto_restart: true,
            stop_signal: StopSignal::Term,
            stop_wait: "10".into(),
            environment: Vec::new(),
        }
    }

    #[test]
    fn every_wrong_field_gets_a_sentence_of_its_own() {
        let wrong = ProgramFields {
            name: "a\nb".into(),
            command: " \r\n ".into(),
            directory: "shop".into(),
            processes: "21".into(),
            stop_wait: "0".into(),
            environment: vec![VariableFields {
                name: "2A".into(),
                value: Some(SecretText::new("x")),
            }],
            ..fields()
        };
        let error = NewProgram::parse(&wrong).expect_err("is refused");
        for field in [
            "name",
            "command",
            "directory",
            "processes",
            "stop_wait",
            "environment",
        ] {
            assert!(error.for_field(field).is_some(), "{field}: {error:?}");
        }
        assert!(NewProgram::parse(&fields()).is_ok());
    }

    #[test]
    fn numbers_are_plain_and_within_their_bounds() {
        for good in ["1", " 20 "] {
            assert!(ProcessCount::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "0", "21", "-1", "+5", "1.5", "99999999999"] {
            assert!(ProcessCount::parse(bad).is_err(), "{bad:?} passed");
            assert!(
                StopWait::parse(bad).is_err() || bad == "21",
                "{bad:?} passed"
            );
        }
        assert!(StopWait::parse("300").is_ok() && StopWait::parse("301").is_err());
    }

    #[test]
    fn a_directory_is_a_whole_path_and_stays_as_it_is() {
        for good in ["/", "/srv/a b", "/it's\n\"$HOME\"/%d "] {
            assert_eq!(directory(good).as_deref(), Ok(good));
        }
        assert_eq!(directory(" \n").as_deref(), Ok(""));
        for bad in [
            "srv",
            "~/shop",
            " /srv",
            "/a\0b",
            &format!("/{}", "x".repeat(4_095)),
        ] {
            assert!(directory(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn every_signal_reads_back() {
        for signal in StopSignal::ALL {
            assert_eq!(StopSignal::parse(signal.as_str()), Some(signal));
        }
        assert_eq!(StopSignal::parse("STOP"), None);
    }
}
