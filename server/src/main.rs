//! `brokeforge`: a self-hosted panel for your servers.

use clap::{Parser, Subcommand};
use server::commands::user::{self, UserArguments};
use server::config::ServeOptions;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(
    name = "brokeforge",
    version,
    about = "A self-hosted panel for your servers."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the panel: pages, WebSocket and workers in one process.
    Serve(ServeOptions),
    /// Lists accounts and resets passwords.
    User(UserArguments),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,russh=warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match Arguments::parse().command {
        Command::Serve(options) => server::start::serve(options).await,
        Command::User(arguments) => user::run(arguments).await,
    }
}
