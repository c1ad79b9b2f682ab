use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::detached::{self, Attended, Job, Stop, Task};
use crate::{Error, Target};

/// Runs scripts on one server.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Runs `script` with `stdin` as its standard input; what it prints arrives at `output` as it comes.
    ///
    /// `deadline` counts from the call, waiting for a free session included; when it passes, the script is
    /// killed as far as the server lets us and the answer is [`Error::Deadline`]. The same happens when the
    /// future is dropped. A script that ends with a code other than 0 is an `Ok`: what the code means is for
    /// the caller to say.
    async fn run(
        &self,
        script: Script,
        privilege: Privilege,
        stdin: Vec<u8>,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error>;

    /// Begins a job on the server, unless that was done before, and passes on what it prints from `offset` on,
    /// until it ends or the server has listened long enough. The job does not depend on this connection:
    /// after an error, attend it again from where the output ended.
    async fn attend(
        &self,
        job: &Job,
        task: Task<'_>,
        offset: u64,
        output: &mut dyn Output,
    ) -> Result<Attended, Error> {
        detached::attend(self, job, task, offset, output).await
    }

    /// Stops a job and everything it has started, and looks whether that is so. One that was never begun
    /// cannot be begun any more.
    async fn stop(&self, job: &Job) -> Result<Stop, Error> {
        detached::stop(self, job).await
    }

    /// Whether [`Privilege::Root`] is to be had: the login user is root, or `sudo` asks for no password.
    /// Ends with [`Error::NoPrivilege`] if not. [`Remote::run`] asks by itself, once per connection.
    async fn check_privilege(&self) -> Result<(), Error>;

    /// Runs [`crate::ALLOW_SUDO`] as root through a `sudo` that asks for the login user's password. The password
    /// is all that stands on standard input, so that nothing else can be taken for a second answer.
    async fn allow_sudo(
        &self,
        password: &SecretString,
        deadline: Duration,
        output: &mut dyn Output,
    ) -> Result<Exit, Error>;
}

/// Opens connections, and keeps one per server.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The open connection to this server, or a new one.
    async fn connect(&self, target: &Target) -> Result<Arc<dyn Remote>, Error>;

    /// A connection of its own, logged in with a password in place of the target's key, and not kept.
    async fn connect_with_password(
        &self,
        target: &Target,
        password: &SecretString,
    ) -> Result<Arc<dyn Remote>, Error>;

    /// Drops the kept connection, so that the next `connect` logs in anew. Scripts that run on the old one
    /// run on.
    async fn forget(&self, server: i64);
}

/// A constant shell script (POSIX `sh`). Values reach it on standard input, never in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Script(&'static str);

impl Script {
    /// Meant for `include_str!` and literals.
    ///
    /// # Panics
    /// At compile time in a `const`: when the text is longer than the kernel takes as one argument
    /// (128 KiB on Linux), or holds a NUL or a carriage return.
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(
            bytes.len() < 128 * 1024,
            "a script must be shorter than 128 KiB"
        );
        let mut index = 0;
        while index < bytes.len() {
            assert!(bytes[index] != 0, "a script cannot hold a NUL");
            assert!(bytes[index] != b'\r', "a script has Unix line ends");
            index += 1;
        }
        Self(text)
    }

    pub const fn text(self) -> &'static str {
        self.0
    }
}

/// Whom a script runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// root: the login user itself, or through password-less `sudo`.
    Root,
    /// The user that the panel logs in as.
    Login,
    /// The unprivileged unix user `brokeforge`, by way of root, in its home directory.
    App,
}

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub status: ExitStatus,
}

impl Exit {
    /// Ended with code 0.
    pub fn succeeded(&self) -> bool {
        self.status == ExitStatus::Code(0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    Code(u32),
    /// The signal's name without `SIG`: `KILL`, `TERM`.
    Signal(String),
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(name) => write!(f, "killed by signal {name}"),
        }
    }
}

/// Takes what a script prints, piece by piece, while it runs. Called on the connection's own task budget:
/// it must not block.
pub trait Output: Send {
    fn write(&mut self, stream: Stream, bytes: &[u8]);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Keeps both streams in one, in order of arrival. For tests: a server that never stops printing would fill memory.
#[cfg(any(test, feature = "test-support"))]
impl Output for Vec<u8> {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Throws the output away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Output for Discard {
    fn write(&mut self, _stream: Stream, _bytes: &[u8]) {}
}
