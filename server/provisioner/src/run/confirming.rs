//! A change that may have cut the panel off waits on the server to be confirmed over a new
//! connection; until then it has a timer of its own to take the change back.

use std::time::Duration;

use ssh::{Discard, Error, Exit, Privilege, Script};
use tokio::time::{Instant, sleep};

use super::Run;
use crate::firewall;

/// A server gets this long to take itself back after a change that cut the panel off.
const ROLLBACK_GRACE: Duration = Duration::from_secs(45);
const DEADLINE: Duration = Duration::from_secs(15);

impl Run<'_> {
    /// Confirms over a new connection that the panel still gets in.
    pub(super) async fn confirm(&self, confirm: Script, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            match self.fresh_run(confirm).await {
                Ok(exit) if exit.succeeded() => return Ok(()),
                // The server's own answer: too late. How far it is with that is asked below.
                Ok(_) => break,
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
        let give_up = Instant::now() + ROLLBACK_GRACE;
        while Instant::now() < give_up {
            if let Ok(exit) = self.fresh_run(firewall::ROLLBACK_STATUS).await
                && exit.succeeded()
            {
                return Err("This change cut the panel off, or the panel was away, so the server took it back. Nothing is different from before.".to_owned());
            }
            sleep(Duration::from_secs(2)).await;
        }
        Err(format!(
            "This change cut the panel off, and {}:{} does not answer since. It takes the change back by itself; try the connection again in a minute.",
            self.target.address, self.target.port
        ))
    }

    pub(super) async fn fresh_run(&self, script: Script) -> Result<Exit, Error> {
        self.connector.forget(self.target.server).await;
        let remote = self.connector.connect(&self.target).await?;
        remote
            .run(script, Privilege::Root, b"", DEADLINE, &mut Discard)
            .await
    }
}
