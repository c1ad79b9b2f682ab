//! `brokeforge`: a self-hosted panel for your servers.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    server::commands::run().await
}
