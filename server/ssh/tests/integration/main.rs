//! The client against a real sshd on loopback, and against servers that misbehave.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod authorizing;
mod connecting;
mod hostile;
mod misbehaving;
mod odd_servers;
mod passwords;
mod running;
mod sshd;
