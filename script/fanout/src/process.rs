//! What a peer costs, as the kernel counts it: of its whole process, and of the processes that it has started.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;

pub struct Process {
    pids: Vec<u32>,
}

impl Process {
    pub fn of(pid: u32) -> Self {
        let mut pids = vec![pid];
        let mut next = 0;
        while let Some(pid) = pids.get(next) {
            pids.extend(children(*pid));
            next += 1;
        }
        Self { pids }
    }

    /// Processor time, in user mode and in the kernel.
    pub fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0;
        for pid in &self.pids {
            let stat = read(*pid, "stat")?;
            // The name before may hold anything, also spaces and parentheses.
            let (_, fields) = stat.rsplit_once(')').context("stat has another form")?;
            // utime and stime, the 14th and the 15th of proc_pid_stat(5); the rest begins with the third.
            for field in fields.split_whitespace().skip(11).take(2) {
                ticks += field.parse::<u64>()?;
            }
        }
        Ok(Duration::from_secs(ticks) / u32::try_from(clock_ticks_per_second())?)
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> Result<u64> {
        let mut bytes = 0;
        for pid in &self.pids {
            let status = read(*pid, "status")?;
            let kibibytes = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
                .context("status has no VmRSS")?;
            bytes += kibibytes.trim().parse::<u64>()? * 1024;
        }
        Ok(bytes)
    }
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

fn children(pid: u32) -> Vec<u32> {
    let listed = read(pid, &format!("task/{pid}/children")).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}
