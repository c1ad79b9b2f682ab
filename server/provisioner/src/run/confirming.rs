//! A change that may have cut the panel off waits on the server to be confirmed over a new
//! connection; until then it has a timer of its own to take the change back.

use std::time::Duration;

use ssh::{Error, Exit, Privilege, Script};
use tokio::time::{Instant, sleep};

use super::Run;
use crate::answer::Answer;
use crate::firewall::{self, Fate};

/// A server gets this long to take itself back after a change that cut the panel off.
const ROLLBACK_GRACE: Duration = Duration::from_secs(45);
const DEADLINE: Duration = Duration::from_secs(15);

impl Run<'_> {
    /// Confirms over a new connection that the panel still gets in. What counts in the end is what the server
    /// says became of the change, not how the attempt to confirm it ended.
    pub(super) async fn confirm(
        &self,
        confirm: Script,
        within: Duration,
        position: i32,
    ) -> Result<(), String> {
        let step = firewall::step_line(self.claim.operation, position);
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            match self.fresh_run(confirm, &step).await {
                Ok((exit, _)) if exit.succeeded() => return Ok(()),
                // The server's own answer: too late. How far it is with that is asked below.
                Ok(_) => break,
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
        let give_up = Instant::now() + ROLLBACK_GRACE;
        let mut last = None;
        while Instant::now() < give_up {
            last = self.fate().await.ok();
            match last {
                Some(Fate::Stands) => return Ok(()),
                Some(Fate::TakenBack) => {
                    return Err("This change cut the panel off, or the panel was away, so the server took it back. Nothing is different from before.".to_owned());
                }
                Some(Fate::Undecided) | None => sleep(Duration::from_secs(2)).await,
            }
        }
        let place = format!("{}:{}", self.target.address, self.target.port);
        Err(match last {
            Some(_) => format!(
                "This change was not confirmed, and {place} has not managed to take it back yet; it goes on trying. `systemctl status brokeforge-firewall-rollback-timer` on the server says why; then retry."
            ),
            None => format!(
                "This change cut the panel off, and {place} does not answer since. It takes the change back by itself; try the connection again in a minute."
            ),
        })
    }

    /// Asks the server what became of the last change of its firewall.
    pub(super) async fn fate(&self) -> Result<Fate, Error> {
        let (_, answer) = self.fresh_run(firewall::ROLLBACK_STATUS, "").await?;
        Ok(firewall::fate(&answer.facts()))
    }

    async fn fresh_run(&self, script: Script, stdin: &str) -> Result<(Exit, Answer), Error> {
        self.connector.forget(self.target.server).await;
        let remote = self.connector.connect(&self.target).await?;
        let (mut answer, stdin) = (Answer::default(), stdin.as_bytes().to_vec());
        let run = remote.run(script, Privilege::Root, stdin, DEADLINE, &mut answer);
        let exit = run.await?;
        Ok((exit, answer))
    }
}
