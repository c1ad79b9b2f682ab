//! What the binary can be told to do, and the help that teaches it.

pub mod doctor;
mod help;
mod meaning;
pub mod user;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::ServeOptions;
use crate::{hardening, start};
use doctor::DoctorOptions;
use user::UserArguments;

/// The command line.
#[derive(Parser)]
#[command(
    name = "brokeforge",
    version,
    about = "A self-hosted panel for your servers",
    long_about = help::ABOUT,
    after_long_help = help::AFTER,
    after_help = "`brokeforge --help` tells more: first steps, environment, where data lies.",
    subcommand_required = true,
    arg_required_else_help = true,
    infer_subcommands = false
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve the panel: pages, WebSocket and workers in one process
    #[command(long_about = help::SERVE, after_long_help = help::SERVE_EXAMPLES)]
    Serve(ServeOptions),
    /// Check database, key file, clock, disk, port, address and WebSocket
    #[command(long_about = help::DOCTOR, after_long_help = help::DOCTOR_EXAMPLES)]
    Doctor(DoctorOptions),
    /// List accounts and reset passwords, beside a running panel
    #[command(long_about = help::USER, after_long_help = help::USER_EXAMPLES)]
    User(UserArguments),
}

/// Does what the command line says.
///
/// # Errors
/// A sentence on what did not work, and what to do.
pub async fn run() -> Result<ExitCode> {
    let arguments = parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    hardening::keep_memory_private()?;
    match arguments.command {
        Command::Serve(options) => {
            log_to_stderr("info,russh=warn");
            start::serve(options).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(options) => {
            log_to_stderr("off");
            doctor::run(options).await
        }
        Command::User(arguments) => {
            log_to_stderr("warn");
            user::run(arguments).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads a command line; a wrong one comes back with what was probably meant.
///
/// # Errors
/// clap's, ready to be printed; help and version are "errors" too.
pub fn parse(
    words: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
) -> Result<Arguments, clap::Error> {
    Arguments::command()
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches))
        .map_err(meaning::explain)
}

fn log_to_stderr(unless_told: &str) {
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(unless_told)),
        )
        .with_writer(std::io::stderr)
        .init();
}
