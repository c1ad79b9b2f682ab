//! `brokeforge-bench`: the panel as `script/bench realtime` measures it.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    server::commands::run().await
}
