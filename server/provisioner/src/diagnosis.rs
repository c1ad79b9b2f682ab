//! Names the usual failures: what happened, with the thing's name, and what to do next.

mod signs;
#[cfg(test)]
mod tests;

use domain::prober::CheckError;
use ssh::{Error, ExitStatus};
use wire::diagnosis::{Cause, Diagnosis};

/// Longer texts from a server are cut; what names a thing is short.
const LONGEST: usize = 300;

/// All that is known of a step that failed on the server.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    pub exit: &'a ExitStatus,
    /// The step's facts; `cause` and `otherwise` are for us.
    pub facts: &'a [(String, String)],
    /// The script's own sentence.
    pub error: Option<&'a str>,
    /// The end of what it printed.
    pub output: &'a str,
}

/// Why the step failed. The script's own sentence comes first: it has looked. Then the signs in the
/// output, then what the script says where there are none.
pub fn of(failure: Failure<'_>) -> Diagnosis {
    let fact = |name| {
        let mut facts = failure.facts.iter().rev();
        facts.find(|(key, _)| key == name).map(|(_, value)| value)
    };
    if let Some(sentence) = failure.error {
        let cause = fact("cause").and_then(|word| Cause::parse(word));
        return found(cause.unwrap_or(Cause::Other), sentence, "");
    }
    if let Some(diagnosis) = signs::read(failure.output) {
        return diagnosis;
    }
    if was_killed(failure.exit) {
        return found(
            Cause::OutOfMemory,
            format!(
                "A program was killed on the server ({}), as the kernel does when memory runs out.",
                failure.exit
            ),
            "Look at free -m and dmesg there, add memory or swap, then retry.",
        );
    }
    match fact("otherwise") {
        Some(sentence) => found(Cause::Other, sentence.as_str(), ""),
        None => found(
            Cause::Other,
            format!("It ended with {}.", failure.exit),
            "The output shows why; mend it on the server, then retry.",
        ),
    }
}

/// Why there is no way to a server. The error's own sentences say what to do next.
pub fn of_connection(error: &Error) -> Diagnosis {
    let kind = match error {
        Error::NameDoesNotResolve { .. } => Cause::NameNotResolved,
        Error::NoRoute { .. } => Cause::NoRoute,
        Error::Refused { .. } => Cause::ConnectionRefused,
        Error::TimedOut { .. } => Cause::NoAnswer,
        Error::KeyRefused { .. } => Cause::KeyRefused,
        Error::HostKeyChanged { .. } => Cause::HostKeyChanged,
        Error::NoPrivilege { .. } => Cause::PermissionDenied,
        Error::OutOfReach { .. }
        | Error::NotSsh { .. }
        | Error::Closed { .. }
        | Error::Protocol { .. }
        | Error::InsecureTransport { .. }
        | Error::UnsupportedHostKey { .. }
        | Error::PasswordNotOffered { .. }
        | Error::PasswordRefused { .. }
        | Error::PasswordNotEnough { .. }
        | Error::SessionRefused { .. }
        | Error::Lost { .. }
        | Error::Deadline { .. }
        | Error::UnreadableKey { .. } => Cause::Other,
    };
    in_one(kind, error.to_string())
}

/// The same, after it was told as the state of the server's connection.
pub fn of_check(error: &CheckError) -> Diagnosis {
    let kind = match error {
        CheckError::KeyRefused(_) => Cause::KeyRefused,
        CheckError::HostKeyChanged { .. } => Cause::HostKeyChanged,
        CheckError::Other(_) => Cause::Other,
    };
    in_one(kind, error.to_string())
}

/// A sentence that says what to do next itself.
pub(crate) fn in_one(kind: Cause, sentence: impl Into<String>) -> Diagnosis {
    Diagnosis {
        kind,
        sentence: sentence.into(),
        action: String::new(),
    }
}

fn was_killed(exit: &ExitStatus) -> bool {
    match exit {
        ExitStatus::Signal(name) => name == "KILL",
        // How a shell tells that a program of its own was killed: 128 + 9.
        ExitStatus::Code(code) => *code == 137,
    }
}

fn found(kind: Cause, sentence: impl Into<String>, action: &str) -> Diagnosis {
    let mut sentence = sentence.into();
    if let Some((cut, _)) = sentence.char_indices().nth(LONGEST) {
        sentence.truncate(cut);
        sentence.push_str("...");
    }
    Diagnosis {
        kind,
        sentence,
        action: action.to_owned(),
    }
}
