//! Looks over SSH how the processes of programs stand, so that a crash is on the page without anybody asking.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::programs::{self, ProcessReport, WatchedProgram, WatchedServer};
use domain::{Panel, servers};
use futures::{StreamExt, stream};
use ssh::{Connector, Privilege, Remote};
use tokio::sync::Mutex;
use wire::programs::ProcessState;
use wire::servers::Connection;
use wire::{ProgramId, ServerId, Timestamp};

use super::LOOK;
use crate::answer::Answer;
use crate::prober;

/// How often all servers with programs are looked at: a look is one command over a connection that is there.
pub const EVERY: Duration = Duration::from_secs(10);
const WITHIN: Duration = Duration::from_secs(30);
/// Servers that are looked at at the same time.
const AT_ONCE: usize = 8;

/// Looks, one pass at a time.
#[derive(Clone)]
pub struct Watch {
    panel: Panel,
    connector: Arc<dyn Connector>,
    busy: Arc<Mutex<()>>,
}

impl Watch {
    pub fn new(panel: Panel, connector: Arc<dyn Connector>) -> Self {
        Self {
            panel,
            connector,
            busy: Arc::default(),
        }
    }

    /// Looks at every server that has programs. One that cannot be reached is looked at the next time.
    pub async fn all(self) {
        let Ok(_busy) = self.busy.try_lock() else {
            return;
        };
        match programs::watched(&self.panel.db).await {
            Ok(servers) => {
                stream::iter(servers)
                    .for_each_concurrent(AT_ONCE, |server| self.at(server))
                    .await;
            }
            Err(error) => tracing::error!(%error, "could not look for servers with programs"),
        }
    }

    /// Looks at one server, as after a program was changed.
    pub async fn one(self, id: ServerId) {
        match programs::watched(&self.panel.db).await {
            Ok(servers) => {
                let wanted = |watched: &WatchedServer| watched.server.id == id.0;
                if let Some(server) = servers.into_iter().find(wanted) {
                    self.at(server).await;
                }
            }
            Err(error) => tracing::error!(%error, "could not look for a server with programs"),
        }
    }

    async fn at(&self, watched: WatchedServer) {
        let server = watched.server.id;
        if let Err(error) = self.look(watched).await {
            tracing::debug!(
                server,
                error = format!("{error:#}"),
                "did not look at programs"
            );
        }
    }

    async fn look(&self, watched: WatchedServer) -> Result<()> {
        let WatchedServer { server, programs } = watched;
        let id = ServerId(server.id);
        let key = servers::private_key(&self.panel, &server)?;
        let target = prober::target(&server, key).map_err(anyhow::Error::msg)?;
        // A single attempt that fails is no news: whoever wants something of the server finds out by more than one.
        let remote = self.connector.connect(&target).await?;
        if server.connection != Connection::Connected.as_str() {
            servers::record_connection(&self.panel.db, id, Ok(())).await?;
        }
        let reports = ask(&*remote, &programs).await?;
        programs::record(&self.panel.db, id, &reports).await?;
        Ok(())
    }
}

async fn ask(
    remote: &dyn Remote,
    programs: &[WatchedProgram],
) -> Result<Vec<(ProgramId, Vec<ProcessReport>)>> {
    let mut handles = String::new();
    for program in programs {
        let _ = writeln!(handles, "{}", program.handle);
    }
    let mut answer = Answer::default();
    let exit = remote
        .run(
            LOOK,
            Privilege::Root,
            handles.into_bytes(),
            WITHIN,
            &mut answer,
        )
        .await?;
    ensure!(exit.succeeded(), "looking ended with {}", exit.status);
    read(&answer.into_bytes(), programs).context("what the server sent cannot be read")
}

/// Reads what `LOOK` prints: of each program all that there is. `None` when it was cut off.
pub(super) fn read(
    bytes: &[u8],
    programs: &[WatchedProgram],
) -> Option<Vec<(ProgramId, Vec<ProcessReport>)>> {
    let mut by_handle: HashMap<String, Vec<ProcessReport>> = HashMap::new();
    let mut is_whole = false;
    for line in String::from_utf8_lossy(bytes).lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["::fact", "looked", "yes"] => is_whole = true,
            ["::process", handle, ref of_process @ ..] => {
                if let Some(process) = process_of(of_process) {
                    by_handle
                        .entry(handle.to_owned())
                        .or_default()
                        .push(process);
                }
            }
            // What a login shell says by itself, say.
            _ => {}
        }
    }
    let reports = programs.iter().map(|program| {
        let processes = by_handle.remove(&program.handle.to_string());
        (program.id, processes.unwrap_or_default())
    });
    is_whole.then(|| reports.collect())
}

fn process_of(words: &[&str]) -> Option<ProcessReport> {
    let [
        number,
        active,
        sub,
        pid,
        started,
        restarts,
        how,
        status,
        ended,
    ] = *words
    else {
        return None;
    };
    let pid = pid.parse().ok().filter(|pid| *pid > 0);
    Some(ProcessReport {
        number: number
            .parse()
            .ok()
            .filter(|number| (1..=20).contains(number))?,
        state: state_of(active, sub),
        pid,
        started_at: pid.and_then(|_: i64| time(started, 1_000)),
        restarts: restarts.parse().ok().filter(|count| *count >= 0)?,
        last_end: end_of(how, status),
        last_end_at: time(ended, 1),
    })
}

/// By the words of systemd.
fn state_of(active: &str, sub: &str) -> ProcessState {
    match (active, sub) {
        ("active" | "reloading", _) => ProcessState::Running,
        (_, "auto-restart" | "auto-restart-queued") => ProcessState::Restarting,
        ("activating", _) => ProcessState::Starting,
        ("deactivating", _) => ProcessState::Stopping,
        ("failed", _) => ProcessState::Failed,
        (_, _) => ProcessState::Stopped,
    }
}

fn end_of(how: &str, status: &str) -> Option<String> {
    let is_plain = status.len() <= 12
        && status
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte));
    match how {
        _ if !is_plain => None,
        "exited" => Some(format!("exit code {status}")),
        "killed" => Some(format!("signal {status}")),
        "dumped" => Some(format!("signal {status}, with a core dump")),
        _ => None,
    }
}

/// In milliseconds, of a year that a calendar has.
fn time(text: &str, unit: i64) -> Option<Timestamp> {
    const END: i64 = 253_402_300_800_000;
    let millis = text.parse::<i64>().ok()?.checked_mul(unit)?;
    (0..END).contains(&millis).then_some(Timestamp(millis))
}

#[cfg(test)]
mod tests {
    use domain::programs::ProgramHandle;

    use super::*;

    fn programs() -> Vec<WatchedProgram> {
        ["5f0c9a12b3d4e6f7", "00000000000000ff"]
            .into_iter()
            .zip([7, 8])
            .map(|(handle, id)| WatchedProgram {
                id: ProgramId(id),
                handle: ProgramHandle::parse(handle).expect("is one"),
            })
            .collect()
    }

    #[test]
    fn processes_are_read_by_the_words_of_systemd() {
        let told = b"motd\n\
            ::process 5f0c9a12b3d4e6f7 1 active running 4711 1798761600 3 killed KILL 1798761598500\n\
            ::process 5f0c9a12b3d4e6f7 2 activating auto-restart 0 1798761600 4 exited 1 1798761601500\n\
            ::process 5f0c9a12b3d4e6f7 3 failed failed 0 - 5 dumped SEGV 1798761601500\n\
            ::process 5f0c9a12b3d4e6f7 4 inactive dead 0 - 0 - - -\n\
            ::process eeeeeeeeeeeeeeee 1 active running 1 1 0 - - -\n\
            ::fact looked yes\n";
        let reports = read(told, &programs()).expect("is whole");
        assert_eq!(
            reports[1],
            (ProgramId(8), Vec::new()),
            "nothing is known of it"
        );
        let processes = &reports[0].1;
        let states: Vec<_> = processes.iter().map(|process| process.state).collect();
        assert_eq!(
            states,
            [
                ProcessState::Running,
                ProcessState::Restarting,
                ProcessState::Failed,
                ProcessState::Stopped
            ]
        );
        assert_eq!(
            processes[0],
            ProcessReport {
                number: 1,
                state: ProcessState::Running,
                pid: Some(4711),
                started_at: Some(Timestamp(1_798_761_600_000)),
                restarts: 3,
                last_end: Some("signal KILL".into()),
                last_end_at: Some(Timestamp(1_798_761_598_500)),
            }
        );
        assert_eq!((processes[1].pid, processes[1].started_at), (None, None));
        assert_eq!(
            processes[2].last_end.as_deref(),
            Some("signal SEGV, with a core dump")
        );
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none_and_garbage_is_left_out() {
        let line = "::process 5f0c9a12b3d4e6f7 1 active running 4711 1798761600 3 - - -\n";
        assert_eq!(read(line.as_bytes(), &programs()), None);
        for garbage in [
            "::process 5f0c9a12b3d4e6f7 21 active running 1 1 0 - - -",
            "::process 5f0c9a12b3d4e6f7 1 active running 1 1 -1 - - -",
            "::process 5f0c9a12b3d4e6f7 1 active running 1 1 0 - -",
            "::process 5f0c9a12b3d4e6f7",
        ] {
            let told = format!("{garbage}\n::fact looked yes\n");
            let reports = read(told.as_bytes(), &programs()).expect("is whole");
            assert!(reports[0].1.is_empty(), "{garbage}");
        }
        let odd = "::process 5f0c9a12b3d4e6f7 1 active running x 99999999999999999 0 killed <b> 5\n::fact looked yes\n";
        let reports = read(odd.as_bytes(), &programs()).expect("is whole");
        let process = &reports[0].1[0];
        assert_eq!(
            (process.pid, process.started_at, process.last_end.as_deref()),
            (None, None, None)
        );
    }
}
