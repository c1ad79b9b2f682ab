//! The engine on servers in memory: what it makes of failures, cuts, crashes and cancellations.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cancelling;
mod conflicts;
mod cut;
mod cuts;
mod cutting_proxy;
mod deadlines;
mod every_failure_point;
mod full_disk;
mod lanes;
mod model;
mod naming;
mod panel;
mod queries;
mod reconciling;
mod restarts;
mod retention;
mod retry;
mod scheduler;
// The harness of the `ssh` crate's own tests; one sshd is as good as another.
#[expect(dead_code, reason = "the tests here need only a part of it")]
#[path = "../../../ssh/tests/integration/sshd.rs"]
mod sshd;
