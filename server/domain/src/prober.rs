//! What the domain asks of the network, without knowing SSH. Each call ends within 10 s and writes
//! nothing.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use wire::ApiError;
use wire::programs::LogLine;
use wire::servers::{Address, HostKeyResource, SshPort};

use crate::entities::server;
use crate::programs::ProgramHandle;

/// An Ed25519 key pair that the panel made for one server.
pub struct KeyPair {
    /// OpenSSH PEM.
    pub private: SecretString,
    /// `ssh-ed25519 AAAA... brokeforge`
    pub public: String,
}

/// Looks at servers from a request.
#[async_trait]
pub trait Prober: Send + Sync {
    /// The host key that a server shows now, by asking it.
    async fn host_key(&self, address: &Address, port: SshPort)
    -> Result<HostKeyResource, ApiError>;

    /// The host key that a server shows now, of the pinned key's type if it has one of that type.
    async fn host_key_like(
        &self,
        pinned: &str,
        address: &Address,
        port: SshPort,
    ) -> Result<HostKeyResource, ApiError>;

    /// Refuses an IP address that nothing is connected to; a name is looked at when it is.
    ///
    /// # Errors
    /// A sentence for the field `address`.
    fn refuse_address(&self, address: &Address, port: SshPort) -> Result<(), ApiError>;

    /// Reads a host key as it is stored, for its algorithm and fingerprint.
    ///
    /// # Errors
    /// A sentence for the field.
    fn read_host_key(&self, host_key: &str) -> Result<HostKeyResource, String>;

    /// Whether the panel gets in with its key, and to root.
    async fn check(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<(), CheckError>;

    /// What the server has to choose from, by its release and its package lists.
    async fn survey(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<Survey, String>;

    /// What so many processes of a program printed last, oldest line first and made fit for a page; or why that cannot be
    /// told, in a sentence.
    async fn program_log(
        &self,
        server: &server::Model,
        private_key: SecretString,
        program: &ProgramHandle,
        processes: u16,
    ) -> Result<Vec<LogLine>, String>;

    /// Takes the panel's key off the server, if it can be reached.
    async fn forget_key(
        &self,
        server: &server::Model,
        private_key: SecretString,
    ) -> Result<(), String>;

    fn new_key_pair(&self) -> Result<KeyPair, String>;

    /// The one line that authorizes a public key on a server.
    fn authorize_command(&self, public_key: &str) -> String;
}

/// What a server tells of itself before anything is installed.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// `Debian 12.11`
    pub os: Option<String>,
    /// Versions of PHP in one line, the distribution's own first.
    pub php_offered: String,
}

/// Why the panel did not get in.
#[derive(Clone, Debug)]
pub enum CheckError {
    /// The server is there and does not accept the panel's key.
    KeyRefused(String),
    /// Another host key than the pinned one is there; nothing was sent to it.
    HostKeyChanged {
        message: String,
        /// The key that is there, as it is stored; `None` when the panel accepts none of its keys.
        found: Option<String>,
    },
    /// Anything else, in a sentence.
    Other(String),
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyRefused(message)
            | Self::HostKeyChanged { message, .. }
            | Self::Other(message) => f.write_str(message),
        }
    }
}
