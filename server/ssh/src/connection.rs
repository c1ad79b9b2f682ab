use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use russh::client::{AuthResult, Msg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig};
use secrecy::ExposeSecret;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::client::Target;
use crate::command;
use crate::dial::{self, Transport};
use crate::error::foreign_text;
use crate::handler::{Finding, Guard, Trust};
use crate::remote::{Discard, Exit, ExitStatus, Output, Privilege, Remote, Script, Stream};
use crate::{Error, Phase, Place};

const LOG_IN_WITHIN: Duration = Duration::from_secs(15);
/// sshd's `MaxSessions` is 10 by default; two are left for sessions that the server has not reaped yet.
const SESSIONS: usize = 8;
const CHECK_SUDO_WITHIN: Duration = Duration::from_secs(15);

/// A connection that is logged in.
pub(crate) struct Connection {
    transport: Transport,
    place: Place,
    user: String,
    sessions: Semaphore,
    finding: Arc<OnceLock<Finding>>,
    privileged: OnceCell<()>,
}

impl Connection {
    pub(crate) async fn log_in(target: &Target) -> Result<Self, Error> {
        let place = Place::new(&target.address, target.port);
        let key = PrivateKey::from_openssh(target.private_key.expose_secret()).map_err(|_| {
            Error::UnreadableKey {
                place: place.clone(),
            }
        })?;
        let finding = Arc::new(OnceLock::new());
        let transport = open_pinned(target, &place, &finding).await?;
        let mut connection = Self {
            transport,
            place,
            user: target.user.clone(),
            sessions: Semaphore::new(SESSIONS),
            finding,
            privileged: OnceCell::new(),
        };
        connection.authenticate(key).await?;
        debug!(place = %connection.place, user = connection.user, "logged in over SSH");
        Ok(connection)
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.transport.handle.is_closed()
    }

    async fn authenticate(&mut self, key: PrivateKey) -> Result<(), Error> {
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
        let answer = self
            .transport
            .handle
            .authenticate_publickey(&self.user, key);
        let answer = timeout(LOG_IN_WITHIN, answer)
            .await
            .map_err(|_| Error::TimedOut {
                place: self.place.clone(),
                phase: Phase::Authenticate,
            })?;
        match answer {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) if self.is_alive() || !remaining_methods.is_empty() => Err(Error::KeyRefused {
                place: self.place.clone(),
                user: self.user.clone(),
                offered: remaining_methods.iter().map(String::from).collect(),
                more_needed: partial_success,
            }),
            Ok(AuthResult::Failure { .. }) | Err(_) => Err(Error::Closed {
                place: self.place.clone(),
                phase: Phase::Authenticate,
            }),
        }
    }

    /// One script, or the privilege check, from opening a session to its end.
    async fn session(
        &self,
        command: &'static str,
        input: Vec<u8>,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let _permit = self.sessions.acquire().await.map_err(|_| self.lost())?;
        let channel = self.open_session().await?;
        let (read, write) = channel.split();
        let mut running = Running {
            write: Some(Arc::new(write)),
        };
        let exit = self.exec(command, input, output, read, &running).await?;
        running.ended();
        Ok(exit)
    }

    async fn open_session(&self) -> Result<Channel<Msg>, Error> {
        /// A session that was just stopped counts until the server has reaped its process.
        const ATTEMPTS: u32 = 20;
        let mut attempt = 1;
        loop {
            match self.transport.handle.channel_open_session().await {
                Ok(channel) => return Ok(channel),
                Err(russh::Error::ChannelOpenFailure(refusal)) if attempt == ATTEMPTS => {
                    return Err(self.session_refused(refusal_text(&refusal)));
                }
                Err(russh::Error::ChannelOpenFailure(_)) => {
                    attempt += 1;
                    sleep(Duration::from_millis(100)).await;
                }
                Err(_) => return Err(self.lost()),
            }
        }
    }

    /// The one place that sends a command line to a server.
    #[allow(clippy::disallowed_methods)]
    async fn exec(
        &self,
        command: &'static str,
        input: Vec<u8>,
        output: &mut dyn Output,
        mut read: ChannelReadHalf,
        running: &Running,
    ) -> Result<Exit, Error> {
        let Some(write) = running.write.clone() else {
            return Err(self.lost());
        };
        write.exec(true, command).await.map_err(|_| self.lost())?;
        // Beside reading: a script may print before it has read everything. One that ends without reading
        // everything is no error, so neither is a failure here.
        let feed = async {
            let _ = write.data_bytes(input).await;
            let _ = write.eof().await;
            std::future::pending().await
        };
        tokio::select! {
            exit = self.listen(&mut read, output) => exit,
            never = feed => never,
        }
    }

    async fn listen(
        &self,
        read: &mut ChannelReadHalf,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let mut status = None;
        loop {
            let message = if status.is_none() {
                read.wait().await
            } else {
                // A program that the script left behind may hold the output open for ever.
                const AFTER_THE_END: Duration = Duration::from_secs(2);
                timeout(AFTER_THE_END, read.wait())
                    .await
                    .unwrap_or(Some(ChannelMsg::Close))
            };
            match message {
                Some(ChannelMsg::Data { data }) => output.write(Stream::Stdout, &data),
                Some(ChannelMsg::ExtendedData { data, .. }) => output.write(Stream::Stderr, &data),
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    status.get_or_insert(ExitStatus::Code(exit_status));
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    status.get_or_insert(ExitStatus::Signal(signal_text(signal_name)));
                }
                Some(ChannelMsg::Failure) => {
                    return Err(self.session_refused("it refused the request".into()));
                }
                Some(ChannelMsg::Close) | None => {
                    return status
                        .map(|status| Exit { status })
                        .ok_or_else(|| self.lost());
                }
                // Eof, window changes, the acknowledgement of the request.
                Some(_) => {}
            }
        }
    }

    fn session_refused(&self, reason: String) -> Error {
        Error::SessionRefused {
            place: self.place.clone(),
            reason,
        }
    }

    fn lost(&self) -> Error {
        let reason = match self.finding.get() {
            Some(Finding::Ended(reason)) => reason.clone(),
            _ if self.is_alive() => "the server ended the session without an exit code".into(),
            _ => "the server no longer answers".into(),
        };
        Error::Lost {
            place: self.place.clone(),
            reason,
        }
    }
}

#[async_trait]
impl Remote for Connection {
    async fn run(
        &self,
        script: Script,
        privilege: Privilege,
        stdin: &[u8],
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let running = async {
            match privilege {
                Privilege::Root | Privilege::App => self.check_privilege().await?,
                Privilege::Login => {}
            }
            let command = command::line(privilege, self.user == "root");
            self.session(command, command::input(script, stdin), output)
                .await
        };
        let outcome = timeout(deadline, running).await;
        outcome.unwrap_or_else(|_| {
            Err(Error::Deadline {
                place: self.place.clone(),
                after: deadline,
            })
        })
    }

    async fn check_privilege(&self) -> Result<(), Error> {
        if self.user == "root" {
            return Ok(());
        }
        let check = async {
            let mut nowhere = Discard;
            let checking = self.session(command::CHECK_SUDO, Vec::new(), &mut nowhere);
            let refused = || Error::NoPrivilege {
                place: self.place.clone(),
                user: self.user.clone(),
            };
            let exit = timeout(CHECK_SUDO_WITHIN, checking)
                .await
                .map_err(|_| refused())??;
            if exit.succeeded() {
                Ok(())
            } else {
                Err(refused())
            }
        };
        self.privileged.get_or_try_init(|| check).await.copied()
    }
}

/// A session that is stopped when it is dropped before its end: by a deadline, or by a caller that gave up.
struct Running {
    write: Option<Arc<ChannelWriteHalf<Msg>>>,
}

impl Running {
    fn ended(&mut self) {
        self.write = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(write) = self.write.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Reaches the process group where sshd separates privileges; elsewhere the script runs
                // into a closed pipe.
                let _ = write.signal(Sig::KILL).await;
                let _ = write.close().await;
            });
        }
    }
}

async fn open_pinned(
    target: &Target,
    place: &Place,
    finding: &Arc<OnceLock<Finding>>,
) -> Result<Transport, Error> {
    // Only the pinned type is asked for: a server that has lost this key cannot answer with another.
    let algorithms: Vec<_> = target.host_key.russh_algorithm().into_iter().collect();
    let guard = Guard::new(Trust::Only(target.host_key.clone()), Arc::clone(finding));
    let outcome = dial::open(&target.address, place, &algorithms, guard).await;
    let host_key_changed = |found: String| Error::HostKeyChanged {
        place: place.clone(),
        expected: format!(
            "{} {}",
            target.host_key.algorithm(),
            target.host_key.fingerprint()
        ),
        found,
    };
    match (finding.get(), outcome) {
        (_, Ok(transport)) => Ok(transport),
        (Some(Finding::OtherHostKey(found)), Err(_)) => Err(host_key_changed(found.clone())),
        (Some(Finding::Insecure), Err(_)) => Err(Error::InsecureTransport {
            place: place.clone(),
        }),
        (_, Err(Error::UnsupportedHostKey { offered, .. })) => Err(host_key_changed(format!(
            "only keys of type {}",
            offered.join(", ")
        ))),
        (_, Err(error)) => Err(error),
    }
}

fn refusal_text(refusal: &ChannelOpenFailure) -> String {
    match refusal {
        ChannelOpenFailure::AdministrativelyProhibited => "it forbids sessions".into(),
        ChannelOpenFailure::ConnectFailed => "it could not open a session".into(),
        ChannelOpenFailure::UnknownChannelType => "it knows no sessions".into(),
        ChannelOpenFailure::ResourceShortage => "it is short of resources".into(),
        ChannelOpenFailure::Other { reason, .. } => foreign_text(reason),
    }
}

fn signal_text(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => foreign_text(&name),
        known => format!("{known:?}"),
    }
}
