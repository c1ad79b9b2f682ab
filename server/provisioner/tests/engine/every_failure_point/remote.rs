//! Servers in memory whose n-th call fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use ssh::{
    Attended, Connector, Error, Exit, ExitStatus, Job, Output, Phase, Place, Privilege, Remote,
    Script, Stop, Stream, Target, Task,
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the server hears of it.
    CutBefore,
    /// The server has done it all, and its answer is lost.
    CutAfter,
    /// What no second attempt mends.
    Refused,
    /// The script says that it has failed.
    Fails,
    /// The server stops what runs, or has lost it.
    Killed,
}

impl Fault {
    pub const ALL: [Self; 5] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::Refused,
        Self::Fails,
        Self::Killed,
    ];
}

pub struct FailingServers {
    inner: Arc<dyn Connector>,
    calls: Arc<Calls>,
}

struct FailingServer {
    inner: Arc<dyn Remote>,
    calls: Arc<Calls>,
}

#[derive(Default)]
struct Calls {
    seen: AtomicUsize,
    due: Mutex<Option<(Fault, usize)>>,
    failed: AtomicBool,
}

impl FailingServers {
    pub fn before(inner: Arc<dyn Connector>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            calls: Arc::default(),
        })
    }

    /// From now on the `n`-th call fails, once.
    pub fn arm(&self, fault: Fault, n: usize) {
        self.calls.seen.store(0, Ordering::SeqCst);
        self.calls.failed.store(false, Ordering::SeqCst);
        *self.calls.due.lock().unwrap() = Some((fault, n));
    }

    pub fn disarm(&self) {
        *self.calls.due.lock().unwrap() = None;
        self.calls.failed.store(false, Ordering::SeqCst);
    }

    pub fn has_failed(&self) -> bool {
        self.calls.failed.load(Ordering::SeqCst)
    }

    fn wrap(&self, inner: Arc<dyn Remote>) -> Arc<dyn Remote> {
        Arc::new(FailingServer {
            inner,
            calls: Arc::clone(&self.calls),
        })
    }
}

impl Calls {
    /// How the call that begins now is to fail.
    fn next(&self) -> Option<Fault> {
        let call = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let mut due = self.due.lock().unwrap();
        let (fault, _) = due.take_if(|(_, n)| *n == call)?;
        self.failed.store(true, Ordering::SeqCst);
        Some(fault)
    }
}

#[async_trait]
impl Connector for FailingServers {
    async fn connect(&self, target: &Target) -> Result<Arc<dyn Remote>, Error> {
        let fault = self.calls.next();
        if let Some(error) = fault.and_then(no_way_in) {
            return Err(error);
        }
        let remote = self.inner.connect(target).await?;
        match fault {
            Some(_) => Err(Error::Closed {
                place: place(),
                phase: Phase::Authenticate,
            }),
            None => Ok(self.wrap(remote)),
        }
    }

    async fn connect_with_password(
        &self,
        target: &Target,
        password: &SecretString,
    ) -> Result<Arc<dyn Remote>, Error> {
        let fault = self.calls.next();
        if let Some(error) = fault.and_then(no_way_in) {
            return Err(error);
        }
        let remote = self.inner.connect_with_password(target, password).await?;
        match fault {
            Some(_) => Err(Error::Closed {
                place: place(),
                phase: Phase::Authenticate,
            }),
            None => Ok(self.wrap(remote)),
        }
    }

    async fn forget(&self, server: i64) {
        self.inner.forget(server).await;
    }
}

#[async_trait]
impl Remote for FailingServer {
    async fn run(
        &self,
        script: Script,
        privilege: Privilege,
        stdin: Vec<u8>,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let fault = self.calls.next();
        if let Some(fault) = fault {
            match fault {
                Fault::CutAfter => {}
                Fault::CutBefore => return Err(lost()),
                Fault::Refused => return Err(no_privilege()),
                Fault::Fails => {
                    output.write(Stream::Stdout, b"::error It broke.\n");
                    return Ok(Exit {
                        status: ExitStatus::Code(1),
                    });
                }
                Fault::Killed => {
                    return Ok(Exit {
                        status: ExitStatus::Signal("KILL".into()),
                    });
                }
            }
        }
        let ended = self
            .inner
            .run(script, privilege, stdin, deadline, output)
            .await;
        if fault.is_some() { Err(lost()) } else { ended }
    }

    async fn attend(
        &self,
        job: &Job,
        task: Task<'_>,
        offset: u64,
        output: &mut dyn Output,
    ) -> Result<Attended, Error> {
        let fault = self.calls.next();
        if let Some(fault) = fault {
            match fault {
                Fault::CutAfter => {}
                Fault::CutBefore => return Err(lost()),
                Fault::Refused => return Err(no_privilege()),
                Fault::Fails => {
                    output.write(Stream::Stdout, b"::error It broke.\n");
                    return Ok(Attended::Ended {
                        exit: Exit {
                            status: ExitStatus::Code(1),
                        },
                        size: offset + 18,
                    });
                }
                Fault::Killed => return Ok(Attended::Vanished),
            }
        }
        let attended = self.inner.attend(job, task, offset, output).await;
        if fault.is_some() {
            Err(lost())
        } else {
            attended
        }
    }

    async fn stop(&self, job: &Job) -> Result<Stop, Error> {
        let fault = self.calls.next();
        if let Some(fault) = fault {
            match fault {
                Fault::CutAfter => {}
                Fault::CutBefore => return Err(lost()),
                Fault::Refused => return Ok(Stop::Busy),
                Fault::Fails => return Ok(Stop::Refused("The disk is full.".into())),
                Fault::Killed => return Ok(Stop::Left("4711".into())),
            }
        }
        let stopped = self.inner.stop(job).await;
        if fault.is_some() {
            Err(lost())
        } else {
            stopped
        }
    }

    async fn check_privilege(&self) -> Result<(), Error> {
        match self.calls.next() {
            Some(Fault::CutBefore | Fault::CutAfter | Fault::Killed) => Err(lost()),
            Some(Fault::Refused | Fault::Fails) => Err(no_privilege()),
            None => self.inner.check_privilege().await,
        }
    }

    async fn allow_sudo(
        &self,
        password: &SecretString,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        match self.calls.next() {
            Some(Fault::CutBefore | Fault::CutAfter) => Err(lost()),
            Some(Fault::Refused) => Err(no_privilege()),
            Some(Fault::Fails) => Ok(Exit {
                status: ExitStatus::Code(1),
            }),
            Some(Fault::Killed) => Ok(Exit {
                status: ExitStatus::Signal("KILL".into()),
            }),
            None => self.inner.allow_sudo(password, deadline, output).await,
        }
    }
}

/// Why there is no connection; none for one that is cut when it stands.
fn no_way_in(fault: Fault) -> Option<Error> {
    match fault {
        Fault::CutBefore => Some(Error::Refused { place: place() }),
        Fault::CutAfter => None,
        Fault::Refused => Some(Error::HostKeyChanged {
            place: place(),
            expected: "one".into(),
            found: "another".into(),
            found_key: None,
        }),
        Fault::Fails => Some(Error::KeyRefused {
            place: place(),
            user: "root".into(),
            offered: vec!["publickey".into()],
            more_needed: false,
        }),
        Fault::Killed => Some(Error::TimedOut {
            place: place(),
            phase: Phase::Handshake,
        }),
    }
}

fn lost() -> Error {
    Error::Lost {
        place: place(),
        reason: "cut".into(),
    }
}

fn no_privilege() -> Error {
    Error::NoPrivilege {
        place: place(),
        user: "root".into(),
    }
}

fn place() -> Place {
    Place::new("203.0.113.7", 22)
}
