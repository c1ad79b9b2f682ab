//! Background programs on their server: a template unit of systemd that names nothing but our own program, and beside it what
//! that program reads. `watching`: how the panel sees their processes; `log`: what they printed last.

pub(crate) mod log;
pub(crate) mod watching;

use std::time::Duration;

use domain::programs::{ProgramHandle, ProgramOnServer, Variable};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use ssh::Script;

use crate::plan::{Plan, Retry, Step};
use crate::scripts::script;

/// Puts a program on its server and starts it, unless it is to be stopped.
pub fn install(program: &ProgramOnServer) -> Plan {
    written("Add the program", program, Anew::IfChanged)
}

/// Makes a program on its server what it is to be. Its processes begin anew only where what they read has changed.
pub fn change(program: &ProgramOnServer) -> Plan {
    let title = if program.is_stopped {
        "Stop the program"
    } else {
        "Change the program"
    };
    written(title, program, Anew::IfChanged)
}

/// Begins every process of a program anew.
pub fn restart(program: &ProgramOnServer) -> Plan {
    written("Restart the program", program, Anew::Always)
}

/// Stops a program and takes it off its server. One that is not there is gone already.
pub fn remove(handle: &ProgramHandle) -> Plan {
    let step =
        |title, script, within| Step::new(title, script, within).with("handle", handle.to_string());
    Plan {
        steps: vec![
            step("Remove the program", REMOVE, LONG),
            step("Verify", IS_GONE, SHORT)
                .as_probe()
                .retried(Retry::RepeatAll),
        ],
    }
}

const PROGRAM: Script = script!("put.sh", "programs.sh", "run_program.sh", "program.sh");
const RUNS: Script = script!("programs.sh", "program_runs.sh");
const REMOVE: Script = script!("programs.sh", "remove_program.sh");
const IS_GONE: Script = script!("programs.sh", "program_is_gone.sh");
/// How their processes stand; see `watching`.
pub const LOOK: Script = script!("programs.sh", "look_at_programs.sh");
/// What their processes printed last; see `log`.
pub const LOG: Script = script!("programs.sh", "program_log.sh");

const SHORT: Duration = Duration::from_mins(2);
/// All processes of a program are told to stop at once, and the longest wait is five minutes.
const LONG: Duration = Duration::from_mins(8);

#[derive(Clone, Copy)]
enum Anew {
    Always,
    IfChanged,
}

fn written(title: &'static str, program: &ProgramOnServer, anew: Anew) -> Plan {
    let ProgramOnServer {
        handle,
        settings,
        environment,
        is_stopped,
    } = program;
    let environment = file_of(environment);
    let yes = |is: bool| if is { "yes" } else { "no" };
    let step = Step::new(title, PROGRAM, LONG)
        // The values of the environment are no part of what tells one step from another.
        .retried(Retry::Repeat)
        .with("handle", handle.to_string())
        .with("runs as", settings.run_as.as_str())
        .with("processes", settings.processes.get().to_string())
        .with(
            "restarted when it ends",
            if settings.auto_restart {
                "always"
            } else {
                "no"
            },
        )
        .with("stop signal", settings.stop_signal.as_str())
        .with(
            "seconds to stop in",
            settings.stop_wait.seconds().to_string(),
        )
        .with("stopped", yes(*is_stopped))
        .with("begun anew", yes(matches!(anew, Anew::Always)))
        .with("SHA-256 of the command", hash(&settings.command))
        .with("command", in_one_line(&settings.command))
        .with("directory", in_one_line(&settings.directory))
        .with_secret("environment", in_one_line(&environment))
        // By which a weak secret could be found out.
        .with_secret("SHA-256 of the environment", hash(&environment));
    let look = Step::new("Look at its processes", RUNS, SHORT)
        .as_probe()
        .retried(Retry::Repeat)
        .with("handle", handle.to_string())
        .with("processes", settings.processes.get().to_string())
        .with("stopped", yes(*is_stopped));
    Plan {
        steps: vec![step, look],
    }
}

/// A variable a line, its value in that one line.
fn file_of(environment: &[Variable]) -> String {
    let lines = environment
        .iter()
        .map(|Variable { name, value }| format!("{name}={}\n", in_one_line(value.expose_secret())));
    lines.collect()
}

fn hash(text: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(text);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// As `printf %b` takes it apart again.
fn in_one_line(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests;
