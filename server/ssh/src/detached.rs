//! Steps that outlive the connection that began them: they run on the server by themselves, and
//! whoever knows their number reads what they print, from any offset, and how they ended.

use std::time::Duration;

use crate::Error;
use crate::error::foreign_text;
use crate::remote::{Exit, ExitStatus, Output, Privilege, Remote, Script, Stream};

/// Names one run of one step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    /// Tells panels that work on the same server apart: hexadecimal digits.
    pub lane: String,
    pub operation: i64,
    pub step: i32,
    /// Tells runs of the same step apart: the fence that it was begun with.
    pub run: i64,
    /// The right to act: a server refuses a lower one than it has seen in this lane.
    pub fence: i64,
}

/// What a job does.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    pub script: Script,
    pub user: User,
    pub stdin: &'a [u8],
    /// The server stops it by itself after this time.
    pub deadline: Duration,
}

/// Whom a detached step runs as. There is no way to detach the work of a login user who is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum User {
    Root,
    /// The unprivileged unix user `brokeforge`.
    App,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attended {
    /// With the size of all that it printed: what came may be the beginning of it only.
    Ended { exit: Exit, size: u64 },
    /// The server stopped it at its deadline.
    TimedOut,
    /// Somebody with the right to it stopped it.
    Stopped,
    /// The server stopped it, being out of memory.
    OutOfMemory,
    /// It runs on: attend it again.
    Running,
    /// It was begun, and now neither runs nor has ended: the server was rebooted, say.
    Vanished,
    /// Another step of this lane runs on the server.
    Busy,
    /// Somebody with a higher number was here.
    Fenced,
    /// It could not be begun: a sentence.
    Failed(String),
}

/// What came of stopping a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Nothing of it runs.
    Done,
    /// These processes are still there.
    Left(String),
    /// Somebody with a higher number was here, or it could not be tried: a sentence.
    Refused(String),
    /// Somebody else is just at it.
    Busy,
}

const ATTEND: Script = Script::new(concat!(
    include_str!("detached/common.sh"),
    include_str!("detached/attend.sh")
));
const STOP: Script = Script::new(concat!(
    include_str!("detached/common.sh"),
    include_str!("detached/stop.sh")
));
/// The script itself listens for ten minutes.
const ATTEND_WITHIN: Duration = Duration::from_mins(12);
const STOP_WITHIN: Duration = Duration::from_secs(90);

/// Begins the job unless that was done before, and passes on its output from `offset` on.
pub(crate) async fn attend<R: Remote + ?Sized>(
    remote: &R,
    job: &Job,
    task: Task<'_>,
    offset: u64,
    output: &mut dyn Output,
) -> Result<Attended, Error> {
    let script = task.script.text().as_bytes();
    let user = match task.user {
        User::Root => "root",
        User::App => "brokeforge",
    };
    let head = format!(
        "{}{user} {} {offset} {} {}\n",
        header(job),
        task.deadline.as_secs().max(1),
        script.len(),
        task.stdin.len()
    );
    let input = [head.as_bytes(), script, task.stdin].concat();
    let mut ear = Ear {
        output: Some(output),
        told: Vec::new(),
    };
    let exit = remote
        .run(ATTEND, Privilege::Root, input, ATTEND_WITHIN, &mut ear)
        .await?;
    let words = ear.words();
    let words: Vec<_> = words.split(' ').collect();
    Ok(match words[..] {
        ["ended", size, how, code, status] => {
            ended(size.parse().unwrap_or(u64::MAX), how, code, status)
        }
        ["running", _] => Attended::Running,
        ["vanished"] => Attended::Vanished,
        ["busy"] => Attended::Busy,
        ["fenced"] => Attended::Fenced,
        ["failed", ..] => Attended::Failed(words[1..].join(" ")),
        _ => Attended::Failed(ear.complaint(&exit)),
    })
}

/// Stops the job and all that it started, and looks whether that is so.
pub(crate) async fn stop<R: Remote + ?Sized>(remote: &R, job: &Job) -> Result<Stop, Error> {
    let mut ear = Ear {
        output: None,
        told: Vec::new(),
    };
    let input = header(job);
    let exit = remote
        .run(
            STOP,
            Privilege::Root,
            input.into_bytes(),
            STOP_WITHIN,
            &mut ear,
        )
        .await?;
    let words = ear.words();
    let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
    Ok(match word {
        "stopped" => Stop::Done,
        "left" => Stop::Left(rest.to_owned()),
        "busy" => Stop::Busy,
        "fenced" => Stop::Refused("Another worker has this server now.".to_owned()),
        "failed" => Stop::Refused(rest.to_owned()),
        _ => Stop::Refused(ear.complaint(&exit)),
    })
}

fn header(job: &Job) -> String {
    let Job {
        lane,
        operation,
        step,
        run,
        fence,
    } = job;
    format!("{lane} {operation} {step} {run} {fence}\n")
}

/// By systemd's own words: `$SERVICE_RESULT`, `$EXIT_CODE`, `$EXIT_STATUS`.
fn ended(size: u64, how: &str, code: &str, status: &str) -> Attended {
    match (how, code) {
        ("timeout", _) => Attended::TimedOut,
        ("oom-kill", _) => Attended::OutOfMemory,
        (_, "stopped") => Attended::Stopped,
        (_, "exited") => Attended::Ended {
            exit: Exit {
                status: ExitStatus::Code(status.parse().unwrap_or(255)),
            },
            size,
        },
        _ => Attended::Ended {
            exit: Exit {
                status: ExitStatus::Signal(foreign_text(status)),
            },
            size,
        },
    }
}

/// Tells the step's output from what our own script says about it.
struct Ear<'a> {
    output: Option<&'a mut dyn Output>,
    told: Vec<u8>,
}

impl Ear<'_> {
    /// Of what came beside the output, the words behind the last mark.
    fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.told);
        let lines = text.lines().rev();
        let mut words = lines.filter_map(|line| line.strip_prefix("brokeforge-step "));
        foreign_text(words.next().unwrap_or_default())
    }

    fn complaint(&self, exit: &Exit) -> String {
        let text = String::from_utf8_lossy(&self.told);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let said = match last {
            Some(line) => format!(" It said: {}", foreign_text(line)),
            None => String::new(),
        };
        format!(
            "The server could not begin the step ({}).{said} Mend that on the server, then retry.",
            exit.status
        )
    }
}

impl Output for Ear<'_> {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        const MOST: usize = 64 * 1024;
        match (stream, &mut self.output) {
            (Stream::Stdout, Some(output)) => output.write(stream, bytes),
            (Stream::Stdout, None) => {}
            (Stream::Stderr, _) => {
                self.told.extend_from_slice(bytes);
                let surplus = self.told.len().saturating_sub(MOST);
                self.told.drain(..surplus);
            }
        }
    }
}

#[cfg(test)]
mod tests;
