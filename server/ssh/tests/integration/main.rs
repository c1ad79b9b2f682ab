//! The client against a real sshd on loopback, and against servers that misbehave.

mod authorizing;
mod connecting;
mod hostile;
mod misbehaving;
mod odd_servers;
mod running;
mod sshd;
