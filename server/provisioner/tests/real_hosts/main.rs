//! Plans on real Debian hosts, booted by `script/hosts`: what the panel believes is compared with
//! what the host says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cron_clock;
mod faults;
mod firewall;
mod host;
mod panel;
mod password;
mod programs;
mod provisioning;
mod reboot;
mod scheduler;
mod twice;
