//! Looks at servers from a request: ends within 10 s, writes nothing there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::entities::server;
use domain::prober::CheckError;
use domain::programs::ProgramHandle;
use domain::{KeyPair, Prober, Survey};
use secrecy::SecretString;
use ssh::{
    Connector, Discard, Error, FORBID_SUDO, PinnedHostKey, Place, Privilege, REMOVE_KEY, Reach,
    Target,
};
use tokio::time::timeout;
use wire::ApiError;
use wire::programs::LogLine;
use wire::servers::{Address, HostKeyResource, SshPort};

use crate::answer::Answer;
use crate::{facts, programs, provisioning};

const LONGEST: Duration = Duration::from_secs(10);

/// The prober over SSH.
pub struct SshProber {
    connector: Arc<dyn Connector>,
    reach: Reach,
}

impl SshProber {
    pub fn new(connector: Arc<dyn Connector>, reach: Reach) -> Self {
        Self { connector, reach }
    }
}

#[async_trait]
impl Prober for SshProber {
    async fn host_key(
        &self,
        address: &Address,
        port: SshPort,
    ) -> Result<HostKeyResource, ApiError> {
        let key = ssh::fetch_host_key(&self.reach, address.as_str(), port.get())
            .await
            .map_err(|error| api_error(&error))?;
        Ok(resource(&key))
    }

    async fn host_key_like(
        &self,
        pinned: &str,
        address: &Address,
        port: SshPort,
    ) -> Result<HostKeyResource, ApiError> {
        let pinned = pinned.parse().map_err(|error: ssh::InvalidHostKey| {
            tracing::error!(%error, "a stored host key cannot be read");
            ApiError::Internal
        })?;
        let key = ssh::fetch_host_key_like(&self.reach, &pinned, address.as_str(), port.get())
            .await
            .map_err(|error| api_error(&error))?;
        Ok(resource(&key))
    }

    fn refuse_address(&self, address: &Address, port: SshPort) -> Result<(), ApiError> {
        // What a name leads to is looked at whenever it is connected to.
        let Ok(ip) = address.as_str().parse() else {
            return Ok(());
        };
        match self.reach.refusal(ip, port.get()) {
            None => Ok(()),
            Some(what) => Err(api_error(&Error::OutOfReach {
                place: Place::new(address.as_str(), port.get()),
                what,
            })),
        }
    }

    fn read_host_key(&self, host_key: &str) -> Result<HostKeyResource, String> {
        let key: PinnedHostKey = host_key
            .parse()
            .map_err(|error: ssh::InvalidHostKey| error.to_string())?;
        Ok(resource(&key))
    }

    async fn check(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<(), CheckError> {
        let target = target(server, private_key).map_err(CheckError::Other)?;
        let attempt = async {
            let remote = self.connector.connect(&target).await?;
            remote.check_privilege().await
        };
        match timeout(LONGEST, attempt).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(check_error(&error)),
            Err(_) => Err(CheckError::Other(format!(
                "{}:{} did not let the panel in within 10 s. Check the address and port, and that no firewall is in between.",
                server.address, server.port
            ))),
        }
    }

    async fn survey(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<Survey, String> {
        let target = target(server, private_key)?;
        let mut printed = Answer::default();
        let attempt = async {
            let remote = self.connector.connect(&target).await?;
            let (script, who) = (provisioning::SURVEY, Privilege::Login);
            remote
                .run(script, who, Vec::new(), LONGEST, &mut printed)
                .await
        };
        match timeout(LONGEST, attempt).await {
            Ok(Ok(exit)) if exit.succeeded() => Ok(facts::survey(&printed.into_bytes())),
            Ok(Ok(exit)) => Err(exit.status.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 10 s".to_owned()),
        }
    }

    async fn program_log(
        &self,
        server: &server::Model,
        private_key: SecretString,
        program: &ProgramHandle,
        processes: u16,
    ) -> Result<Vec<LogLine>, String> {
        let target = target(server, private_key)?;
        let question = programs::log::question(program, processes);
        let mut printed = Answer::default();
        let attempt = async {
            let remote = self.connector.connect(&target).await?;
            let (script, who) = (programs::LOG, Privilege::Root);
            let question = question.into_bytes();
            remote
                .run(script, who, question, LONGEST, &mut printed)
                .await
        };
        match timeout(LONGEST, attempt).await {
            Ok(Ok(exit)) if exit.succeeded() => Ok(programs::log::read(&printed.into_bytes())),
            Ok(Ok(exit)) => Err(format!(
                "The server did not show the log: {}. Look whether journald runs there.",
                exit.status
            )),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "{}:{} did not show the log within 10 s. Try again when it is less busy.",
                server.address, server.port
            )),
        }
    }

    async fn forget_key(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<(), String> {
        let target = target(server, private_key)?;
        let (user, line) = (
            format!("{}\n", server.user),
            format!("{}\n", server.public_key),
        );
        let attempt = async {
            let remote = self.connector.connect(&target).await?;
            // While there is a way in: sudo first, the key last. A sudo that asks again keeps no key in place.
            let (script, who) = (FORBID_SUDO, Privilege::Root);
            let forbidden = remote
                .run(script, who, user.into_bytes(), LONGEST, &mut Discard)
                .await;
            if !matches!(forbidden, Ok(_) | Err(Error::NoPrivilege { .. })) {
                return forbidden;
            }
            let (script, who) = (REMOVE_KEY, Privilege::Login);
            remote
                .run(script, who, line.into_bytes(), LONGEST, &mut Discard)
                .await
        };
        let result = timeout(LONGEST, attempt).await;
        self.connector.forget(server.id).await;
        match result {
            Ok(Ok(exit)) if exit.succeeded() => Ok(()),
            Ok(Ok(exit)) => Err(exit.status.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 10 s".to_owned()),
        }
    }

    fn new_key_pair(&self) -> Result<KeyPair, String> {
        let pair = ssh::generate_key("brokeforge").map_err(|error| error.to_string())?;
        Ok(KeyPair {
            private: pair.private_key,
            public: pair.public_line,
        })
    }

    fn authorize_command(&self, public_key: &str) -> String {
        ssh::authorize_command(public_key)
    }
}

/// An address that is not connected to is a wrong address; all else happened on the way.
fn api_error(error: &Error) -> ApiError {
    let message = error.to_string();
    match error {
        Error::OutOfReach { .. } => ApiError::field("address", message),
        _ => ApiError::Remote { message },
    }
}

/// What a failed connection means to the panel.
pub fn check_error(error: &Error) -> CheckError {
    let message = error.to_string();
    match error {
        Error::KeyRefused { .. } => CheckError::KeyRefused(message),
        Error::HostKeyChanged { found_key, .. } => CheckError::HostKeyChanged {
            message,
            found: found_key.as_ref().map(ToString::to_string),
        },
        Error::OutOfReach { .. }
        | Error::NameDoesNotResolve { .. }
        | Error::NoRoute { .. }
        | Error::Refused { .. }
        | Error::TimedOut { .. }
        | Error::NotSsh { .. }
        | Error::Closed { .. }
        | Error::Protocol { .. }
        | Error::InsecureTransport { .. }
        | Error::UnsupportedHostKey { .. }
        | Error::PasswordNotOffered { .. }
        | Error::PasswordRefused { .. }
        | Error::PasswordNotEnough { .. }
        | Error::NoPrivilege { .. }
        | Error::SessionRefused { .. }
        | Error::Lost { .. }
        | Error::Deadline { .. }
        | Error::UnreadableKey { .. } => CheckError::Other(message),
    }
}

/// Where a server is and how to get in.
///
/// # Errors
/// When the stored host key or port cannot be read.
pub fn target(server: &server::Model, private_key: SecretString) -> Result<Target, String> {
    Ok(Target {
        server: server.id,
        address: server.address.clone(),
        port: u16::try_from(server.port).map_err(|_| format!("{} is no port", server.port))?,
        user: server.user.clone(),
        host_key: server
            .host_key
            .parse()
            .map_err(|error: ssh::InvalidHostKey| error.to_string())?,
        private_key,
    })
}

fn resource(key: &PinnedHostKey) -> HostKeyResource {
    HostKeyResource {
        host_key: key.to_string(),
        algorithm: key.algorithm().to_owned(),
        fingerprint: key.fingerprint().to_owned(),
    }
}
