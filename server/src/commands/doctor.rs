//! `brokeforge doctor`: looks at everything a panel needs, says what it found and what to do, and
//! changes nothing.

mod http;
mod machine;
mod network;
mod report;
mod storage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::config::ServeOptions;

/// Options of `brokeforge doctor`: those of `serve`, so that both look at the same panel.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    #[command(flatten)]
    pub panel: ServeOptions,
    /// Print JSON instead of lines for people
    #[arg(long)]
    pub json: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A short name, the same in every run: `database`, `key`, `port`.
    pub check: &'static str,
    pub level: Level,
    pub found: String,
    /// What to do next, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Fine,
    /// Worth knowing; nothing is broken.
    Note,
    Wrong,
}

impl Finding {
    fn fine(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Fine,
            found: found.into(),
            advice: None,
        }
    }

    fn note(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Note,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    fn wrong(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Wrong,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }
}

/// Looks, prints, and ends with 1 when something is wrong.
///
/// # Errors
/// When the findings cannot be printed.
pub async fn run(options: DoctorOptions) -> Result<ExitCode> {
    let findings = examine(&options.panel).await;
    report::print(&findings, options.json)?;
    let sound = findings.iter().all(|finding| finding.level != Level::Wrong);
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every finding, in the order in which to mend them.
pub async fn examine(options: &ServeOptions) -> Vec<Finding> {
    let (mut findings, newest_entry) = storage::look(options).await;
    let (network, foreign_clock) = network::look(options).await;
    findings.extend(machine::look(options, newest_entry, foreign_clock));
    findings.extend(network);
    findings
}
