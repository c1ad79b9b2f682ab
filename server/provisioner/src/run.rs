//! Runs a plan on a server, step by step, and tells the domain what happens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use domain::Panel;
use domain::prober::CheckError;
use domain::queue::{Claim, Outcome};
use domain::servers::record_connection;
use ssh::{Connector, Error, Exit, Output, Remote, Stream, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use wire::diagnosis::Diagnosis;
use wire::operations::StepStatus;

use crate::diagnosis::{self, Failure};
use crate::output::{Reader, Said};
use crate::plan::{Plan, Step, StepKind};
use crate::{facts, firewall};

/// Output is stored, and announced, at most five times a second.
const FLUSH: Duration = Duration::from_millis(200);
/// Of each step's output, this much of the beginning is kept, and as much of the end as `TAIL`.
const HEAD: usize = 768 * 1024;
const TAIL: usize = 256 * 1024;
/// A server gets this long to take itself back after a change that cut the panel off.
const ROLLBACK_GRACE: Duration = Duration::from_secs(45);

/// One operation on its way.
pub struct Run<'a> {
    pub panel: &'a Panel,
    pub connector: Arc<dyn Connector>,
    pub claim: &'a Claim,
    pub target: Target,
}

/// What a step left behind.
#[derive(Default)]
struct Report {
    summary: Option<String>,
    error: Option<String>,
    facts: Vec<(String, String)>,
    last_lines: String,
}

/// How a step ended.
enum End {
    Done(Report),
    Failed {
        report: Report,
        exit: Option<String>,
        reason: String,
    },
}

impl Run<'_> {
    /// Runs all steps, or up to the first that fails.
    ///
    /// # Errors
    /// Only faults of the panel itself: what goes wrong on the server is an `Outcome`.
    pub async fn to_the_end(&self, plan: &Plan) -> Result<Outcome> {
        let db = &self.panel.db;
        for (position, step) in (0..).zip(&plan.steps) {
            self.claim.start_step(db, position).await?;
            match self.step(position, step).await? {
                End::Done(report) => {
                    self.learn(&report.facts).await?;
                    self.claim
                        .end_step(db, position, StepStatus::Succeeded, report.summary, None)
                        .await?;
                }
                End::Failed {
                    report,
                    exit,
                    reason,
                } => {
                    self.learn(&report.facts).await?;
                    self.claim
                        .end_step(db, position, StepStatus::Failed, report.summary, exit)
                        .await?;
                    return Ok(Outcome::Failed(format!("{}: {reason}", step.title)));
                }
            }
        }
        Ok(Outcome::Succeeded)
    }

    async fn step(&self, position: i32, step: &Step) -> Result<End> {
        let remote = match self.connect().await {
            Ok(remote) => remote,
            Err(error) => return Ok(failed(Report::default(), None, error.to_string())),
        };
        let (result, report) = self.script(position, step, remote).await?;
        let exit = match result {
            Ok(exit) => exit,
            Err(error) => return Ok(failed(report, None, error.to_string())),
        };
        if !exit.succeeded() {
            let diagnosis = diagnose(&report, &exit);
            self.claim
                .diagnose(&self.panel.db, position, &diagnosis)
                .await?;
            let reason = diagnosis.in_words();
            return Ok(failed(report, Some(exit.status.to_string()), reason));
        }
        match &step.kind {
            StepKind::Plain => Ok(End::Done(report)),
            StepKind::Confirmed { confirm, within } => {
                Ok(match self.confirm(*confirm, *within).await {
                    Ok(()) => End::Done(report),
                    Err(reason) => failed(report, None, reason),
                })
            }
            StepKind::ProbeFromOutside { ports } => {
                for port in ports {
                    if let Err(reason) = probe_http(&self.target.address, *port).await {
                        return Ok(failed(report, None, reason));
                    }
                }
                Ok(End::Done(report))
            }
        }
    }

    /// The way in, with what it tells about the server stored.
    async fn connect(&self) -> Result<Arc<dyn Remote>, Error> {
        let result = self.connector.connect(&self.target).await;
        let told = match &result {
            Ok(_) => Ok(()),
            Err(error @ Error::KeyRefused { .. }) => Err(CheckError::KeyRefused(error.to_string())),
            Err(error) => Err(CheckError::Other(error.to_string())),
        };
        if let Err(error) = record_connection(&self.panel.db, self.claim.server, told).await {
            tracing::error!(%error, "could not store the state of a connection");
        }
        result
    }

    /// Runs a step's script while its output is stored as it comes.
    async fn script(
        &self,
        position: i32,
        step: &Step,
        remote: Arc<dyn Remote>,
    ) -> Result<(Result<Exit, Error>, Report)> {
        let incoming = Incoming::default();
        let stdin = step.stdin();
        let mut sink = incoming.clone();
        let running = remote.run(
            step.script,
            step.privilege,
            &stdin,
            step.deadline,
            &mut sink,
        );
        tokio::pin!(running);
        let mut keeper = Keeper::new(self, position);
        let result = loop {
            tokio::select! {
                result = &mut running => break result,
                () = sleep(FLUSH) => keeper.take(incoming.drain()).await?,
            }
        };
        keeper.take(incoming.drain()).await?;
        Ok((result, keeper.end().await?))
    }

    /// Confirms over a new connection that the panel still gets in. Until it has, the server waits
    /// with its own timer to take the change back.
    async fn confirm(&self, confirm: ssh::Script, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if self
                .fresh_run(confirm)
                .await
                .is_ok_and(|exit| exit.succeeded())
            {
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
        let give_up = Instant::now() + ROLLBACK_GRACE;
        while Instant::now() < give_up {
            if let Ok(exit) = self.fresh_run(firewall::ROLLBACK_STATUS).await
                && exit.succeeded()
            {
                return Err("This change cut the panel off, so the server took it back. Nothing is different from before.".to_owned());
            }
            sleep(Duration::from_secs(2)).await;
        }
        Err(format!(
            "This change cut the panel off, and {}:{} does not answer since. It takes the change back by itself; try the connection again in a minute.",
            self.target.address, self.target.port
        ))
    }

    async fn fresh_run(&self, script: ssh::Script) -> Result<Exit, Error> {
        self.connector.forget(self.target.server).await;
        let remote = self.connector.connect(&self.target).await?;
        let deadline = Duration::from_secs(15);
        remote
            .run(
                script,
                ssh::Privilege::Root,
                b"",
                deadline,
                &mut ssh::Discard,
            )
            .await
    }

    /// Stores what a step found out about the server.
    async fn learn(&self, facts: &[(String, String)]) -> Result<()> {
        if facts.is_empty() {
            return Ok(());
        }
        self.claim
            .learn(&self.panel.db, |server| {
                for fact in facts {
                    facts::note(server, fact);
                }
            })
            .await?;
        Ok(())
    }
}

fn failed(report: Report, exit: Option<String>, reason: String) -> End {
    End::Failed {
        report,
        exit,
        reason,
    }
}

fn diagnose(report: &Report, exit: &Exit) -> Diagnosis {
    diagnosis::of(Failure {
        exit: &exit.status,
        facts: &report.facts,
        error: report.error.as_deref(),
        output: &report.last_lines,
    })
}

/// Asks for a page as any visitor would.
async fn probe_http(address: &str, port: u16) -> Result<(), String> {
    let ask = async {
        let mut stream = TcpStream::connect((address, port)).await?;
        stream
            .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        Ok::<_, std::io::Error>(start == *b"HTTP/")
    };
    match timeout(Duration::from_secs(10), ask).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(format!("what answers on port {port} is no web server.")),
        Ok(Err(error)) => Err(format!(
            "the web server cannot be reached from the panel on port {port}: {error}. A firewall in front of the server may block it."
        )),
        Err(_) => Err(format!(
            "the web server did not answer the panel on port {port} within 10 s. A firewall in front of the server may block it."
        )),
    }
}

/// Bytes between the connection, which must not wait, and the database.
#[derive(Clone, Default)]
struct Incoming(Arc<Mutex<Vec<u8>>>);

impl Incoming {
    fn drain(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Output for Incoming {
    fn write(&mut self, _: Stream, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
    }
}

/// Stores a step's output: the head as it comes, of the rest only the tail, with the count of what
/// was left out.
struct Keeper<'a> {
    run: &'a Run<'a>,
    position: i32,
    reader: Reader,
    report: Report,
    stored: usize,
    tail: String,
    left_out: usize,
}

impl<'a> Keeper<'a> {
    fn new(run: &'a Run<'a>, position: i32) -> Self {
        Self {
            run,
            position,
            reader: Reader::default(),
            report: Report::default(),
            stored: 0,
            tail: String::new(),
            left_out: 0,
        }
    }

    async fn take(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let said = self.reader.read(&bytes);
        self.keep(said).await
    }

    async fn end(mut self) -> Result<Report> {
        let said = self.reader.end();
        self.keep(said).await?;
        if !self.tail.is_empty() {
            let note = match self.left_out {
                0 => String::new(),
                bytes => format!("[{bytes} bytes left out]\n"),
            };
            self.print(note + &self.tail).await?;
        }
        Ok(self.report)
    }

    async fn keep(&mut self, said: Vec<Said>) -> Result<()> {
        let mut text = String::new();
        for said in said {
            match said {
                Said::Text(line) => text.push_str(&line),
                Said::Summary(summary) => self.report.summary = Some(summary),
                Said::Fact { key, value } => self.report.facts.push((key, value)),
                Said::Error(sentence) => self.report.error = Some(sentence),
            }
        }
        if text.is_empty() {
            return Ok(());
        }
        self.report.last_lines.push_str(&text);
        keep_end(&mut self.report.last_lines, 8 * 1024);
        if self.stored < HEAD {
            self.stored += text.len();
            return self.print(text).await;
        }
        self.tail.push_str(&text);
        self.left_out += keep_end(&mut self.tail, TAIL);
        Ok(())
    }

    async fn print(&self, text: String) -> Result<()> {
        Ok(self
            .run
            .claim
            .print(&self.run.panel.db, self.position, text)
            .await?)
    }
}

/// Cuts the front so that at most `most` bytes stay; returns how many went.
fn keep_end(text: &mut String, most: usize) -> usize {
    if text.len() <= most {
        return 0;
    }
    let mut cut = text.len() - most;
    while !text.is_char_boundary(cut) {
        cut += 1;
    }
    text.drain(..cut);
    cut
}
