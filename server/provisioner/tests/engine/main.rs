//! The engine on servers in memory: what it makes of failures, cuts, crashes and cancellations.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cancelling;
mod cuts;
mod deadlines;
mod every_failure_point;
mod full_disk;
mod lanes;
mod model;
mod panel;
mod reconciling;
mod restarts;
mod retry;
