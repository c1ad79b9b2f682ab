//! A server in memory, for the tests of the layers above.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Attended, Connector, Error, Exit, ExitStatus, Job, Output, Place, Privilege, Remote, Script,
    Stop, Stream, Target, Task, User,
};

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub script: Script,
    pub privilege: Privilege,
    pub stdin: Vec<u8>,
}

/// What a fake run answers: chunks of output, then the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub output: Vec<(Stream, Vec<u8>)>,
    pub result: Result<ExitStatus, Error>,
    /// How long it takes; beyond the deadline it ends as [`Error::Deadline`].
    pub takes: Duration,
}

impl Answer {
    pub fn code(code: u32) -> Self {
        Self {
            output: Vec::new(),
            result: Ok(ExitStatus::Code(code)),
            takes: Duration::ZERO,
        }
    }

    pub fn stdout(text: &str) -> Self {
        Self::code(0).and(Stream::Stdout, text)
    }

    pub fn error(error: Error) -> Self {
        Self {
            output: Vec::new(),
            result: Err(error),
            takes: Duration::ZERO,
        }
    }

    #[must_use]
    pub fn and(mut self, stream: Stream, text: &str) -> Self {
        self.output.push((stream, text.as_bytes().to_vec()));
        self
    }

    #[must_use]
    pub fn taking(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }
}

type Responder = Box<dyn Fn(&Run) -> Answer + Send + Sync>;

/// Answers every script with code 0 and no output, unless told otherwise.
pub struct FakeRemote {
    runs: Mutex<Vec<Run>>,
    responder: Mutex<Responder>,
    failures: Mutex<BTreeMap<usize, Answer>>,
    privilege: Mutex<Result<(), Error>>,
    jobs: Mutex<HashMap<JobKey, Begun>>,
    fences: Mutex<HashMap<String, i64>>,
    cuts: Mutex<BTreeMap<usize, Cut>>,
    attended: Mutex<Vec<Job>>,
}

/// Lane, operation, step and run.
type JobKey = (String, i64, i32, i64);

/// A job that the server knows.
struct Begun {
    answer: Answer,
    since: Instant,
    state: JobState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JobState {
    Known,
    Stopped,
    Vanished,
}

/// Where the connection is cut while a job is attended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    BeforeItBegins,
    /// After this many bytes of its output; the job runs on.
    After(usize),
}

impl Default for FakeRemote {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            responder: Mutex::new(Box::new(|_| Answer::code(0))),
            failures: Mutex::default(),
            privilege: Mutex::new(Ok(())),
            jobs: Mutex::default(),
            fences: Mutex::default(),
            cuts: Mutex::default(),
            attended: Mutex::default(),
        }
    }
}

impl FakeRemote {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Answers by what is run.
    pub fn respond(&self, responder: impl Fn(&Run) -> Answer + Send + Sync + 'static) {
        *lock(&self.responder) = Box::new(responder);
    }

    /// The `n`-th run from the beginning (1 is the first) answers this instead, once.
    pub fn fail_at(&self, n: usize, answer: Answer) {
        lock(&self.failures).insert(n, answer);
    }

    pub fn refuse_privilege(&self, error: Error) {
        *lock(&self.privilege) = Err(error);
    }

    /// From now on root is to be had.
    pub fn grant_privilege(&self) {
        *lock(&self.privilege) = Ok(());
    }

    /// Cuts the connection while a job is attended for the `n`-th time (1 is the first), once.
    pub fn cut_at(&self, n: usize, cut: Cut) {
        lock(&self.cuts).insert(n, cut);
    }

    /// Every time that a job was attended, in order.
    pub fn attended(&self) -> Vec<Job> {
        lock(&self.attended).clone()
    }

    /// What runs now is gone, without a trace of how it ended.
    pub fn reboot(&self) {
        for begun in lock(&self.jobs).values_mut() {
            if begun.runs() {
                begun.state = JobState::Vanished;
            }
        }
    }

    /// What runs now ends, as it would have in time.
    pub fn finish_jobs(&self) {
        for begun in lock(&self.jobs).values_mut() {
            if begun.runs() {
                begun.answer.takes = Duration::ZERO;
            }
        }
    }

    /// How many jobs run now.
    pub fn running_jobs(&self) -> usize {
        lock(&self.jobs)
            .values()
            .filter(|begun| begun.runs())
            .count()
    }

    /// A lower number than was here is refused.
    fn is_fenced(&self, job: &Job) -> bool {
        let mut fences = lock(&self.fences);
        let highest = fences.entry(job.lane.clone()).or_insert(job.fence);
        *highest = job.fence.max(*highest);
        job.fence < *highest
    }

    fn answer_to(&self, run: &Run) -> Answer {
        let number = {
            let mut runs = lock(&self.runs);
            runs.push(run.clone());
            runs.len()
        };
        let failure = lock(&self.failures).remove(&number);
        failure.unwrap_or_else(|| lock(&self.responder)(run))
    }

    /// Every run so far, failed ones included, in order.
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.runs).clone()
    }
}

#[async_trait]
impl Remote for FakeRemote {
    async fn run(
        &self,
        script: Script,
        privilege: Privilege,
        stdin: Vec<u8>,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        match privilege {
            Privilege::Root | Privilege::App => self.check_privilege().await?,
            Privilege::Login => {}
        }
        let run = Run {
            script,
            privilege,
            stdin,
        };
        let answer = self.answer_to(&run);
        if answer.takes > deadline {
            tokio::time::sleep(deadline).await;
            return Err(Error::Deadline {
                place: Place::new("fake", 22),
                after: deadline,
            });
        }
        tokio::time::sleep(answer.takes).await;
        for (stream, bytes) in &answer.output {
            output.write(*stream, bytes);
        }
        answer.result.map(|status| Exit { status })
    }

    async fn attend(
        &self,
        job: &Job,
        task: Task<'_>,
        offset: u64,
        output: &mut dyn Output,
    ) -> Result<Attended, Error> {
        self.check_privilege().await?;
        let number = {
            let mut attended = lock(&self.attended);
            attended.push(job.clone());
            attended.len()
        };
        let cut = lock(&self.cuts).remove(&number);
        if cut == Some(Cut::BeforeItBegins) {
            return Err(lost());
        }
        if self.is_fenced(job) {
            return Ok(Attended::Fenced);
        }
        let key = key(job);
        if !lock(&self.jobs).contains_key(&key) {
            let busy = lock(&self.jobs)
                .iter()
                .any(|(other, begun)| other.0 == job.lane && begun.runs());
            if busy {
                return Ok(Attended::Busy);
            }
            let answer = self.answer_to(&Run {
                script: task.script,
                privilege: match task.user {
                    User::Root => Privilege::Root,
                    User::App => Privilege::App,
                },
                stdin: task.stdin.to_vec(),
            });
            answer.result.clone()?;
            let begun = Begun {
                answer,
                since: Instant::now(),
                state: JobState::Known,
            };
            lock(&self.jobs).insert(key.clone(), begun);
        }
        if let Some(Cut::After(bytes)) = cut {
            let printed = lock(&self.jobs)[&key].printed();
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(printed.len());
            let to = (from + bytes).min(printed.len());
            output.write(Stream::Stdout, &printed[from..to]);
            return Err(lost());
        }
        loop {
            let (state, over, late, printed, result) = {
                let jobs = lock(&self.jobs);
                let begun = &jobs[&key];
                let late =
                    begun.answer.takes > task.deadline && begun.since.elapsed() >= task.deadline;
                let result = begun.answer.result.clone();
                (begun.state, !begun.runs(), late, begun.printed(), result)
            };
            match state {
                JobState::Stopped => return Ok(Attended::Stopped),
                JobState::Vanished => return Ok(Attended::Vanished),
                JobState::Known if late => return Ok(Attended::TimedOut),
                JobState::Known if over => {
                    let from = usize::try_from(offset)
                        .unwrap_or(usize::MAX)
                        .min(printed.len());
                    output.write(Stream::Stdout, &printed[from..]);
                    let exit = result.map(|status| Exit { status })?;
                    let size = printed.len() as u64;
                    return Ok(Attended::Ended { exit, size });
                }
                JobState::Known => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn stop(&self, job: &Job) -> Result<Stop, Error> {
        if self.is_fenced(job) {
            return Ok(Stop::Refused("A higher number was here.".into()));
        }
        let mut jobs = lock(&self.jobs);
        let begun = jobs.entry(key(job)).or_insert_with(|| Begun {
            answer: Answer::code(0).taking(Duration::MAX),
            since: Instant::now(),
            state: JobState::Stopped,
        });
        if begun.runs() {
            begun.state = JobState::Stopped;
        }
        Ok(Stop::Done)
    }

    async fn check_privilege(&self) -> Result<(), Error> {
        lock(&self.privilege).clone()
    }

    /// Recorded as a run whose standard input is the password; answered as any other.
    async fn allow_sudo(
        &self,
        password: &SecretString,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let stdin = format!("{}\n", password.expose_secret());
        let privilege = Privilege::Login;
        self.run(
            crate::ALLOW_SUDO,
            privilege,
            stdin.into_bytes(),
            deadline,
            output,
        )
        .await
    }
}

impl Begun {
    fn runs(&self) -> bool {
        self.state == JobState::Known && self.since.elapsed() < self.answer.takes
    }

    fn printed(&self) -> Vec<u8> {
        let pieces = self.answer.output.iter();
        pieces.flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

fn key(job: &Job) -> JobKey {
    (job.lane.clone(), job.operation, job.step, job.run)
}

fn lost() -> Error {
    Error::Lost {
        place: Place::new("fake", 22),
        reason: "the connection was cut".into(),
    }
}

/// Connects everyone to one fake server.
#[derive(Default)]
pub struct FakeConnector {
    pub remote: Arc<FakeRemote>,
    calls: Mutex<Vec<Call>>,
    refusal: Mutex<Option<Error>>,
    password_refusal: Mutex<Option<Error>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Connect {
        server: i64,
        address: String,
        port: u16,
        user: String,
    },
    ConnectWithPassword {
        server: i64,
        password: String,
    },
    Forget {
        server: i64,
    },
}

impl FakeConnector {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Every `connect` ends with this error; `None` lets them through again.
    pub fn refuse(&self, error: Option<Error>) {
        *lock(&self.refusal) = error;
    }

    /// Every `connect_with_password` ends with this error.
    pub fn refuse_password(&self, error: Option<Error>) {
        *lock(&self.password_refusal) = error;
    }

    /// Every call so far, refused ones included, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }
}

#[async_trait]
impl Connector for FakeConnector {
    async fn connect(&self, target: &Target) -> Result<Arc<dyn Remote>, Error> {
        lock(&self.calls).push(Call::Connect {
            server: target.server,
            address: target.address.clone(),
            port: target.port,
            user: target.user.clone(),
        });
        match lock(&self.refusal).clone() {
            Some(error) => Err(error),
            None => Ok(Arc::clone(&self.remote) as Arc<dyn Remote>),
        }
    }

    async fn connect_with_password(
        &self,
        target: &Target,
        password: &SecretString,
    ) -> Result<Arc<dyn Remote>, Error> {
        lock(&self.calls).push(Call::ConnectWithPassword {
            server: target.server,
            password: password.expose_secret().to_owned(),
        });
        match lock(&self.password_refusal).clone() {
            Some(error) => Err(error),
            None => Ok(Arc::clone(&self.remote) as Arc<dyn Remote>),
        }
    }

    async fn forget(&self, server: i64) {
        lock(&self.calls).push(Call::Forget { server });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Discard;

    const FIRST: Script = Script::new("first\n");
    const SECOND: Script = Script::new("second\n");

    async fn run(remote: &FakeRemote, script: Script) -> Result<Exit, Error> {
        let deadline = Duration::from_secs(1);
        remote
            .run(
                script,
                Privilege::Root,
                b"x".to_vec(),
                deadline,
                &mut Discard,
            )
            .await
    }

    #[tokio::test]
    async fn runs_are_recorded_and_the_chosen_one_fails_once() {
        let remote = FakeRemote::new();
        remote.respond(|run| Answer::code(u32::from(run.script == SECOND)));
        let lost = Error::Lost {
            place: Place::new("a", 22),
            reason: "cut".into(),
        };
        remote.fail_at(1, Answer::error(lost.clone()));

        assert_eq!(run(&remote, FIRST).await, Err(lost));
        assert_eq!(
            run(&remote, FIRST).await.map(|exit| exit.succeeded()),
            Ok(true)
        );
        assert_eq!(
            run(&remote, SECOND).await.map(|exit| exit.succeeded()),
            Ok(false)
        );
        let scripts: Vec<_> = remote.runs().iter().map(|run| run.script).collect();
        assert_eq!(scripts, [FIRST, FIRST, SECOND]);
    }

    #[tokio::test]
    async fn a_slow_answer_meets_its_deadline() {
        let remote = FakeRemote::new();
        remote.respond(|_| Answer::code(0).taking(Duration::from_mins(1)));
        let deadline = Duration::from_millis(10);
        let outcome = remote
            .run(FIRST, Privilege::Login, Vec::new(), deadline, &mut Discard)
            .await;
        assert!(matches!(outcome, Err(Error::Deadline { .. })));
    }
}
