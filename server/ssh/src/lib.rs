//! Runs constant scripts on servers over SSH.
//!
//! - [`Remote`] and [`Connector`]: what the layers above know
//! - `client`: the pool, one connection per server; `connection`: logging in; `sessions`: running scripts on it
//! - `detached`: steps that outlive the connection that began them
//! - `command`: the only command lines that are ever sent, and how a script and its values travel
//! - `dial`: from a name to an encrypted transport, and how that fails; `handler`: what a server may do to us
//! - `host_keys`: pinned host keys; `keys`: the panel's own keys; `authorize`: putting them on a server and off it
//! - `reach`: which addresses are connected to
//! - `password`: logging in without a key, once, to put it there
//! - `fake`: a server in memory, for tests (feature `test-support`)

#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that cannot go on stops")
)]

mod authorize;
mod client;
mod command;
mod connection;
mod detached;
mod dial;
mod error;
#[cfg(any(test, feature = "test-support"))]
pub mod fake;
mod handler;
mod host_keys;
mod keys;
mod password;
mod reach;
mod remote;
mod sessions;

pub use authorize::{ADD_KEY, ALLOW_SUDO, FORBID_SUDO, REMOVE_KEY, authorize_command};
pub use client::{Client, Target};
pub use detached::{Attended, Job, Stop, Task, User};
pub use error::{Error, Phase, Place};
pub use host_keys::{InvalidHostKey, PinnedHostKey, fetch_host_key, fetch_host_key_like};
pub use keys::{KeyPair, generate_key};
pub use reach::Reach;
pub use remote::{Connector, Discard, Exit, ExitStatus, Output, Privilege, Remote, Script, Stream};
