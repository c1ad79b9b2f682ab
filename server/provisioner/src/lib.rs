//! Makes servers match records: plans, and the one driver that runs them.

mod scripts;

pub mod answer;
pub mod authorize;
mod backoff;
pub mod diagnosis;
pub mod facts;
pub mod firewall;
pub mod lifecycle;
pub mod output;
pub mod plan;
pub mod planner;
pub mod prober;
pub mod programs;
pub mod provisioning;
pub mod reboot;
pub mod run;
pub mod scheduler;
#[cfg(test)]
mod script_tests;
pub mod visitor;

pub use lifecycle::Worker;
pub use planner::Plans;
pub use prober::SshProber;
