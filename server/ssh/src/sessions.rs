//! Sessions over one connection: what runs at once, how it ends, and how it is stopped.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::dial::Transport;
use crate::error::foreign_text;
use crate::handler::Finding;
use crate::remote::{Discard, Exit, ExitStatus, Output, Stream};
use crate::{Error, Place};

/// sshd's `MaxSessions` is 10 by default; two are left for stopping what runs in the others.
const SESSIONS: usize = 8;
/// How long a program that a script left behind may hold the output open after the script's end.
const LEFT_BEHIND: Duration = Duration::from_secs(2);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Input is sent by such pieces, of which the library puts about ten into a buffer before it writes any: the buffer stays
/// as large as it ever was, and scripts of 30 KB left 3 MB behind in a hundred connections.
const PIECE: usize = 512;

pub(crate) struct Sessions {
    transport: Transport,
    place: Place,
    finding: Arc<OnceLock<Finding>>,
    free: Arc<Semaphore>,
}

/// One command line and what it reads.
pub(crate) struct Request {
    pub(crate) command: &'static str,
    pub(crate) input: Vec<u8>,
    /// What the same command line has to read to stop this request.
    pub(crate) stop: Option<Vec<u8>>,
}

impl Sessions {
    pub(crate) fn new(transport: Transport, place: Place, finding: Arc<OnceLock<Finding>>) -> Self {
        Self {
            transport,
            place,
            finding,
            free: Arc::new(Semaphore::new(SESSIONS)),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.transport.handle.is_closed()
    }

    /// Waits for a free session and runs the request in it. Dropping the future stops it.
    pub(crate) async fn run(
        self: &Arc<Self>,
        request: Request,
        output: &mut dyn Output,
    ) -> Result<Exit, Error> {
        let free = Arc::clone(&self.free);
        let permit = free.acquire_owned().await.map_err(|_| self.lost())?;
        let (mut read, write) = self.open().await?.split();
        let write = Arc::new(write);
        let mut running = Running(Some(Stop {
            sessions: Arc::clone(self),
            command: request.command,
            input: request.stop,
            write: Arc::clone(&write),
            permit,
        }));
        let exit = self
            .exec(request.command, request.input, output, &mut read, &write)
            .await?;
        running.0 = None;
        Ok(exit)
    }

    async fn open(&self) -> Result<Channel<Msg>, Error> {
        /// A session that was just stopped counts until the server has reaped its process.
        const ATTEMPTS: u32 = 20;
        const PAUSE: Duration = Duration::from_millis(100);
        let mut attempt = 1;
        loop {
            match self.transport.handle.channel_open_session().await {
                Ok(channel) => return Ok(channel),
                Err(russh::Error::ChannelOpenFailure(refusal)) if attempt == ATTEMPTS => {
                    return Err(self.refused(refusal_text(&refusal)));
                }
                Err(russh::Error::ChannelOpenFailure(_)) => {
                    attempt += 1;
                    sleep(PAUSE).await;
                }
                Err(_) => return Err(self.lost()),
            }
        }
    }

    /// The one place that sends a command line to a server.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place; what is sent is a constant of command.rs"
    )]
    async fn exec(
        &self,
        command: &'static str,
        input: Vec<u8>,
        output: &mut dyn Output,
        read: &mut ChannelReadHalf,
        write: &ChannelWriteHalf<Msg>,
    ) -> Result<Exit, Error> {
        write.exec(true, command).await.map_err(|_| self.lost())?;
        // Beside reading: a script may print before it has read everything. One that ends without reading
        // everything is no error, so neither is a failure here.
        let feed = async {
            let mut left = Bytes::from(input);
            while !left.is_empty() {
                let piece = left.split_to(left.len().min(PIECE));
                if write.data_bytes(piece).await.is_err() {
                    break;
                }
            }
            let _ = write.eof().await;
            std::future::pending().await
        };
        tokio::select! {
            exit = self.listen(output, read, write) => exit,
            never = feed => never,
        }
    }

    async fn listen(
        &self,
        output: &mut dyn Output,
        read: &mut ChannelReadHalf,
        write: &ChannelWriteHalf<Msg>,
    ) -> Result<Exit, Error> {
        let status = loop {
            match read.wait().await {
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    break ExitStatus::Code(exit_status);
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    break ExitStatus::Signal(signal_text(signal_name));
                }
                Some(ChannelMsg::Failure) => {
                    return Err(self.refused("it refused the request".into()));
                }
                Some(ChannelMsg::Close) | None => return Err(self.lost()),
                Some(message) => pass_on(&message, output),
            }
        };
        // The rest of the output may still be on its way.
        loop {
            match timeout(LEFT_BEHIND, read.wait()).await {
                Ok(Some(ChannelMsg::Close) | None) => break,
                Ok(Some(message)) => pass_on(&message, output),
                Err(_) => {
                    let _ = write.close().await;
                    break;
                }
            }
        }
        Ok(Exit { status })
    }

    fn refused(&self, reason: String) -> Error {
        Error::SessionRefused {
            place: self.place.clone(),
            reason,
        }
    }

    fn lost(&self) -> Error {
        let reason = match self.finding.get() {
            Some(Finding::Ended(reason)) => reason.clone(),
            _ if self.is_alive() => "the server ended the session without an exit code".into(),
            _ => "the server no longer answers".into(),
        };
        Error::Lost {
            place: self.place.clone(),
            reason,
        }
    }
}

/// A session that is stopped when it is dropped before its end: by a deadline, or by a caller that gave up.
struct Running(Option<Stop>);

impl Drop for Running {
    fn drop(&mut self) {
        let Some(stop) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(STOP_WITHIN, stop.stop()).await;
            });
        }
    }
}

/// Holds the session's place in the queue until its processes are gone.
struct Stop {
    sessions: Arc<Sessions>,
    command: &'static str,
    input: Option<Vec<u8>>,
    write: Arc<ChannelWriteHalf<Msg>>,
    permit: OwnedSemaphorePermit,
}

impl Stop {
    async fn stop(self) {
        let _ = self.write.signal(Sig::KILL).await;
        let _ = self.write.close().await;
        if let Some(input) = self.input
            && let Ok(channel) = self.sessions.open().await
        {
            let (mut read, write) = channel.split();
            let _ = self
                .sessions
                .exec(self.command, input, &mut Discard, &mut read, &write)
                .await;
        }
        drop(self.permit);
    }
}

fn pass_on(message: &ChannelMsg, output: &mut dyn Output) {
    match message {
        ChannelMsg::Data { data } => output.write(Stream::Stdout, data),
        ChannelMsg::ExtendedData { data, .. } => output.write(Stream::Stderr, data),
        // Window changes, the acknowledgement of the request, the end of one stream.
        _ => {}
    }
}

fn refusal_text(refusal: &ChannelOpenFailure) -> String {
    match refusal {
        ChannelOpenFailure::AdministrativelyProhibited => "it forbids sessions".into(),
        ChannelOpenFailure::ConnectFailed => "it could not open a session".into(),
        ChannelOpenFailure::UnknownChannelType => "it knows no sessions".into(),
        ChannelOpenFailure::ResourceShortage => "it is short of resources".into(),
        ChannelOpenFailure::Other { reason, .. } => foreign_text(reason),
    }
}

fn signal_text(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => foreign_text(&name),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every connection has four queues of 32 places: with messages of 552 bytes that was 70 KB for each.
    #[test]
    fn the_messages_of_the_library_are_small() {
        let size = size_of::<Msg>();
        assert!(size <= 192, "{size} bytes");
    }
}
