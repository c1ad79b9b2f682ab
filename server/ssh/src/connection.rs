use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use russh::client::AuthResult;
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::debug;

use crate::client::Target;
use crate::command;
use crate::dial::{self, Transport};
use crate::handler::{Finding, Guard, Trust};
use crate::host_keys::{PinnedHostKey, fetch_host_key};
use crate::remote::{Discard, Exit, Output, Privilege, Remote, Script};
use crate::sessions::{Request, Sessions};
use crate::{Error, Phase, Place, Reach, password};

const LOG_IN_WITHIN: Duration = Duration::from_secs(15);
const CHECK_SUDO_WITHIN: Duration = Duration::from_secs(15);

/// A connection that is logged in.
pub(crate) struct Connection {
    sessions: Arc<Sessions>,
    place: Place,
    user: String,
    privileged: OnceCell<()>,
}

impl Connection {
    pub(crate) async fn log_in(reach: &Reach, target: &Target) -> Result<Self, Error> {
        let place = Place::new(&target.address, target.port);
        let key = PrivateKey::from_openssh(target.private_key.expose_secret()).map_err(|_| {
            Error::UnreadableKey {
                place: place.clone(),
            }
        })?;
        let finding = Arc::new(OnceLock::new());
        let mut transport = open_pinned(reach, target, &place, &finding).await?;
        authenticate(&mut transport, &place, &target.user, key).await?;
        Ok(Self::over(transport, place, target, finding))
    }

    /// Logs in with a password in place of the key.
    pub(crate) async fn log_in_with_password(
        reach: &Reach,
        target: &Target,
        password: &SecretString,
    ) -> Result<Self, Error> {
        let place = Place::new(&target.address, target.port);
        let finding = Arc::new(OnceLock::new());
        let mut transport = open_pinned(reach, target, &place, &finding).await?;
        password::authenticate(&mut transport, &place, &target.user, password).await?;
        Ok(Self::over(transport, place, target, finding))
    }

    fn over(
        transport: Transport,
        place: Place,
        target: &Target,
        finding: Arc<OnceLock<Finding>>,
    ) -> Self {
        debug!(%place, user = target.user, "logged in over SSH");
        Self {
            sessions: Arc::new(Sessions::new(transport, place.clone(), finding)),
            place,
            user: target.user.clone(),
            privileged: OnceCell::new(),
        }
    }

    fn deadline_passed(&self, after: Duration) -> Error {
        Error::Deadline {
            place: self.place.clone(),
            after,
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.sessions.is_alive()
    }

    fn login_is_root(&self) -> bool {
        self.user == "root"
    }

    async fn check_sudo(&self) -> Result<(), Error> {
        let refused = || Error::NoPrivilege {
            place: self.place.clone(),
            user: self.user.clone(),
        };
        let request = Request {
            command: command::CHECK_SUDO,
            input: Vec::new(),
            stop: None,
        };
        let mut nowhere = Discard;
        let checking = self.sessions.run(request, &mut nowhere);
        let exit = timeout(CHECK_SUDO_WITHIN, checking)
            .await
            .map_err(|_| refused())??;
        if exit.succeeded() {
            Ok(())
        } else {
            Err(refused())
        }
    }
}

#[async_trait]
impl Remote for Connection {
    async fn run(
        &self,
        script: Script,
        privilege: Privilege,
        stdin: Vec<u8>,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let mark = command::new_mark();
        let input = command::input(script, &mark, &stdin);
        // A step of the longest scripts would keep 9 KB for as long as it runs.
        drop(stdin);
        let running = async {
            match privilege {
                Privilege::Root | Privilege::App => self.check_privilege().await?,
                Privilege::Login => {}
            }
            let request = Request {
                command: command::line(privilege, self.login_is_root()),
                input,
                stop: Some(command::input(
                    command::STOP,
                    &command::new_mark(),
                    mark.as_bytes(),
                )),
            };
            self.sessions.run(request, output).await
        };
        timeout(deadline, running)
            .await
            .unwrap_or_else(|_| Err(self.deadline_passed(deadline)))
    }

    async fn allow_sudo(
        &self,
        password: &SecretString,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let mut input = password.expose_secret().as_bytes().to_vec();
        input.push(b'\n');
        let request = Request {
            command: command::ALLOW_SUDO,
            input,
            stop: None,
        };
        timeout(deadline, self.sessions.run(request, output))
            .await
            .unwrap_or_else(|_| Err(self.deadline_passed(deadline)))
    }

    async fn check_privilege(&self) -> Result<(), Error> {
        if self.login_is_root() {
            return Ok(());
        }
        self.privileged
            .get_or_try_init(|| self.check_sudo())
            .await
            .copied()
    }
}

async fn open_pinned(
    reach: &Reach,
    target: &Target,
    place: &Place,
    finding: &Arc<OnceLock<Finding>>,
) -> Result<Transport, Error> {
    // Only the pinned type is asked for: a server that has lost this key cannot answer with another.
    let algorithms: Vec<_> = target.host_key.russh_algorithm().into_iter().collect();
    let guard = Guard::new(Trust::Only(target.host_key.clone()), Arc::clone(finding));
    let outcome = dial::open(reach, &target.address, place, &algorithms, guard).await;
    let host_key_changed =
        |found: String, found_key: Option<PinnedHostKey>| Error::HostKeyChanged {
            place: place.clone(),
            expected: type_and_fingerprint(&target.host_key),
            found,
            found_key: found_key.map(Box::new),
        };
    match (finding.get(), outcome) {
        (_, Ok(transport)) => Ok(transport),
        (Some(Finding::OtherHostKey(found)), Err(_)) => Err(host_key_changed(
            type_and_fingerprint(found),
            Some(found.clone()),
        )),
        (Some(Finding::Insecure), Err(_)) => Err(Error::InsecureTransport {
            place: place.clone(),
        }),
        (_, Err(Error::UnsupportedHostKey { offered, .. })) => {
            // A key of the pinned type is gone; which one is there in its place takes a second look.
            let found_key = fetch_host_key(reach, &target.address, target.port)
                .await
                .ok();
            let found = found_key.as_ref().map_or_else(
                || format!("only keys of type {}", offered.join(", ")),
                type_and_fingerprint,
            );
            Err(host_key_changed(found, found_key))
        }
        (_, Err(error)) => Err(error),
    }
}

fn type_and_fingerprint(key: &PinnedHostKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint())
}

async fn authenticate(
    transport: &mut Transport,
    place: &Place,
    user: &str,
    key: PrivateKey,
) -> Result<(), Error> {
    let place = place.clone();
    let phase = Phase::Authenticate;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let answer = transport.handle.authenticate_publickey(user, key);
    match timeout(LOG_IN_WITHIN, answer).await {
        Err(_) => Err(Error::TimedOut { place, phase }),
        Ok(Ok(AuthResult::Success)) => Ok(()),
        // The library reports a connection that ended meanwhile as a failure without methods.
        Ok(Ok(AuthResult::Failure {
            remaining_methods,
            partial_success,
        })) if !transport.handle.is_closed() || !remaining_methods.is_empty() => {
            Err(Error::KeyRefused {
                place,
                user: user.to_owned(),
                offered: remaining_methods.iter().map(String::from).collect(),
                more_needed: partial_success,
            })
        }
        Ok(Ok(AuthResult::Failure { .. }) | Err(_)) => Err(Error::Closed { place, phase }),
    }
}
