//! Fetches over SSH what servers wrote down of the runs of their tasks: all of it where they cannot reach the panel, and
//! what they could not deliver elsewhere. A run leaves its server only after it is in the database.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::scheduler::{self, Found, RunReport, WatchedServer, WatchedTask};
use domain::{Panel, servers};
use futures::{StreamExt, stream};
use ssh::{Connector, Output, Privilege, Remote, Stream};
use tokio::sync::Mutex;
use wire::servers::Connection;
use wire::{ServerId, TaskId, Timestamp};

use super::{COLLECT, FORGET, report};
use crate::prober;

/// How often all servers with tasks are asked.
pub const EVERY: Duration = Duration::from_secs(30);
const WITHIN: Duration = Duration::from_mins(1);
/// Servers that are asked at the same time.
const AT_ONCE: usize = 8;
/// More than a server sends in one answer.
const LONGEST_ANSWER: usize = 6 * 1024 * 1024;
/// A server that has more to tell than this is asked again the next time.
const MOST_ROUNDS: usize = 40;

/// Collects, one pass at a time.
#[derive(Clone)]
pub struct Collector {
    panel: Panel,
    connector: Arc<dyn Connector>,
    busy: Arc<Mutex<()>>,
}

impl Collector {
    pub fn new(panel: Panel, connector: Arc<dyn Connector>) -> Self {
        Self {
            panel,
            connector,
            busy: Arc::default(),
        }
    }

    /// Asks every server that has tasks. One that cannot be reached is asked the next time.
    pub async fn all(self) {
        let Ok(_busy) = self.busy.try_lock() else {
            return;
        };
        match scheduler::watched(&self.panel.db).await {
            Ok(servers) => {
                stream::iter(servers)
                    .for_each_concurrent(AT_ONCE, |server| self.from(server))
                    .await;
            }
            Err(error) => tracing::error!(%error, "could not look for servers with tasks"),
        }
    }

    /// Asks one server, as after a task was run by hand.
    pub async fn one(self, id: ServerId) {
        match scheduler::watched(&self.panel.db).await {
            Ok(servers) => {
                let wanted = |watched: &WatchedServer| watched.server.id == id.0;
                if let Some(server) = servers.into_iter().find(wanted) {
                    self.from(server).await;
                }
            }
            Err(error) => tracing::error!(%error, "could not look for a server with tasks"),
        }
    }

    async fn from(&self, watched: WatchedServer) {
        let server = watched.server.id;
        if let Err(error) = self.collect(watched).await {
            tracing::debug!(server, error = format!("{error:#}"), "did not collect runs");
        }
    }

    async fn collect(&self, watched: WatchedServer) -> Result<()> {
        let WatchedServer { server, tasks } = watched;
        let id = ServerId(server.id);
        let key = servers::private_key(&self.panel, &server)?;
        let target = prober::target(&server, key).map_err(anyhow::Error::msg)?;
        // A single attempt that fails is no news: whoever wants something of the server finds out by more than one.
        let remote = self.connector.connect(&target).await?;
        if server.connection != Connection::Connected.as_str() {
            servers::record_connection(&self.panel.db, id, Ok(())).await?;
        }
        for _ in 0..MOST_ROUNDS {
            let answer = ask(&*remote, &tasks).await?;
            scheduler::record(&self.panel.db, id, &answer.runs, Some(&answer.found)).await?;
            forget(&*remote, &tasks, &answer.runs).await?;
            if answer.found.is_all {
                break;
            }
        }
        Ok(())
    }
}

async fn ask(remote: &dyn Remote, tasks: &[WatchedTask]) -> Result<Answer> {
    let mut handles = String::new();
    for task in tasks {
        let _ = writeln!(handles, "{}", task.handle);
    }
    let mut heard = Heard::default();
    let exit = remote
        .run(
            COLLECT,
            Privilege::Root,
            handles.into_bytes(),
            WITHIN,
            &mut heard,
        )
        .await?;
    ensure!(exit.succeeded(), "collecting ended with {}", exit.status);
    ensure!(!heard.is_too_much, "the server sent more than there can be");
    let ids = tasks.iter().map(|task| (task.handle.to_string(), task.id));
    read(&heard.bytes, &ids.collect()).context("what the server sent cannot be read")
}

/// What is over and in the database need not stay on the server.
async fn forget(
    remote: &dyn Remote,
    tasks: &[WatchedTask],
    runs: &[(TaskId, RunReport)],
) -> Result<()> {
    let handles: HashMap<_, _> = tasks.iter().map(|task| (task.id, &task.handle)).collect();
    let mut lines = String::new();
    for (task, run) in runs.iter().filter(|(_, run)| run.state.is_over()) {
        if let Some(handle) = handles.get(task) {
            let _ = writeln!(lines, "{handle} {}", run.key);
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let mut heard = Heard::default();
    let exit = remote
        .run(
            FORGET,
            Privilege::Root,
            lines.into_bytes(),
            WITHIN,
            &mut heard,
        )
        .await?;
    ensure!(exit.succeeded(), "forgetting ended with {}", exit.status);
    Ok(())
}

/// What a server told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    found: Found,
    runs: Vec<(TaskId, RunReport)>,
}

/// Reads what `COLLECT` prints. `None` when it is cut off or none of ours.
fn read(mut rest: &[u8], tasks: &HashMap<String, TaskId>) -> Option<Answer> {
    let mut answer = Answer::default();
    let mut is_whole = false;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["::fact", "clock", millis] => answer.found.clock = millis.parse().ok().map(Timestamp),
            ["::fact", "time_zone", zone] => answer.found.time_zone = Some(zone.to_owned()),
            ["::fact", "scheduler_running", yes] => {
                answer.found.scheduler_running = Some(yes == "yes");
            }
            ["::fact", "all", _] => (is_whole, answer.found.is_all) = (true, true),
            ["::fact", "more", _] => is_whole = true,
            ["::run", handle, bytes] => {
                let bytes: usize = bytes.parse().ok()?;
                let (run, behind) = rest.split_at_checked(bytes)?;
                rest = behind.strip_prefix(b"\n")?;
                if let (Some(task), Some(run)) = (tasks.get(handle), report::parse(run)) {
                    answer.runs.push((*task, run));
                }
            }
            // What a login shell says by itself, say.
            _ => {}
        }
    }
    is_whole.then_some(answer)
}

/// Standard output alone, bounded.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    is_too_much: bool,
}

impl Output for Heard {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stderr => {}
            Stream::Stdout if self.bytes.len() + bytes.len() > LONGEST_ANSWER => {
                self.is_too_much = true;
            }
            Stream::Stdout => self.bytes.extend_from_slice(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::scheduler::RunState;

    use super::*;

    fn tasks() -> HashMap<String, TaskId> {
        [("0a".to_owned(), TaskId(7))].into()
    }

    fn told(run: &str) -> Vec<u8> {
        format!(
            "::fact clock 1798761600000\n::fact time_zone Europe/Berlin\n::fact scheduler_running yes\n::run 0a {}\n{run}\n",
            run.len()
        )
        .into_bytes()
    }

    const RUN: &str = "run 1798761600000-0a1b2c3d failed cron 1 2 3\nfive\n::fact all yes\n\n";

    #[test]
    fn runs_are_read_by_their_length_whatever_they_printed() {
        let mut bytes = told(RUN);
        bytes.extend(b"::fact more yes\n");
        let answer = read(&bytes, &tasks()).expect("is one");
        assert_eq!(answer.found.time_zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(answer.found.clock, Some(Timestamp(1_798_761_600_000)));
        assert!(!answer.found.is_all, "the command said so, not the server");
        let (task, run) = &answer.runs[0];
        assert_eq!((*task, run.state), (TaskId(7), RunState::Failed));
        assert_eq!(run.output, "five\n::fact all yes\n\n");
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        let mut bytes = told(RUN);
        assert_eq!(read(&bytes, &tasks()), None);
        bytes.extend(b"::fact all yes\n");
        assert!(read(&bytes, &tasks()).is_some());
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length], &tasks()), None, "{length}");
        }
    }
}
