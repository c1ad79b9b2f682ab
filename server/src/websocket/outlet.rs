//! The way out of one socket. Events reach it from the thread that fans them out, everything else from the socket's own
//! task; either writes at once what the kernel takes, and the task sends what it did not take.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many events may wait for one socket before they are dropped, and it is told to look at everything again.
const MOST_WAITING: usize = 256;
/// In bytes. By itself the kernel keeps up to 4 MB for a peer that takes nothing: 8,000 events that are old by the time
/// they are read.
const KERNEL_BUFFER: usize = 32 * 1024;
/// An emptied queue gives back what it took beyond this.
const USUAL_WAITING: usize = 16;

pub struct Outlet {
    stream: TcpStream,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    /// How much of the first frame is out.
    sent: usize,
    /// Events were dropped since the socket last heard of that.
    is_behind: bool,
    /// When the kernel last took something, while anything waits.
    since: Option<Instant>,
}

struct Frame {
    bytes: Bytes,
    is_event: bool,
}

impl Outlet {
    pub fn new(stream: TcpStream) -> Self {
        // What waits is put together here: the kernel must not hold the last event back for an answer to the first.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket's small writes may be held back");
        }
        if let Err(error) = set_socket_send_buffer_size(&stream, KERNEL_BUFFER) {
            tracing::debug!(%error, "the kernel may keep much for a socket that takes nothing");
        }
        Self {
            stream,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Sends whole frames of events, all in one write where the kernel takes them. Never waits. `slices` are the same
    /// bytes: whoever sends them to many makes these once.
    pub fn send_events(&self, frames: &[Bytes], slices: &[IoSlice<'_>]) {
        let mut waiting = self.waiting();
        if waiting.is_behind {
            return;
        }
        let mut sent = if waiting.frames.is_empty() {
            let sent = match frames {
                [frame] => self.stream.try_write(frame),
                _ => self.stream.try_write_vectored(slices),
            };
            // A broken connection is for the reading side to find.
            sent.unwrap_or(0)
        } else {
            0
        };
        for bytes in frames {
            if sent >= bytes.len() {
                sent -= bytes.len();
                continue;
            }
            let frame = Frame {
                bytes: bytes.clone(),
                is_event: true,
            };
            waiting.push(frame, sent);
            sent = 0;
            if waiting.is_behind {
                break;
            }
        }
        self.tell_of(&waiting);
    }

    /// Events were lost before they came here.
    pub fn fall_behind(&self) {
        let mut waiting = self.waiting();
        waiting.fall_behind();
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Sends what waits, for as long as it is awaited. Returns when everything is out and events were dropped before.
    pub async fn drain(&self) -> io::Result<()> {
        loop {
            let is_empty = {
                let mut waiting = self.waiting();
                self.write_out(&mut waiting)?;
                let is_empty = waiting.frames.is_empty();
                if is_empty && waiting.is_behind {
                    waiting.is_behind = false;
                    return Ok(());
                }
                is_empty
            };
            if is_empty {
                self.arrived.notified().await;
            } else {
                self.stream.writable().await?;
            }
        }
    }

    /// For how long something has waited without the kernel taking any of it.
    pub fn stalled_for(&self) -> Option<Duration> {
        self.waiting().since.map(|since| since.elapsed())
    }

    fn send_own(&self, bytes: &[u8]) {
        let mut waiting = self.waiting();
        let sent = if waiting.frames.is_empty() {
            self.stream.try_write(bytes).unwrap_or(0)
        } else {
            0
        };
        if sent < bytes.len() {
            let frame = Frame {
                bytes: Bytes::copy_from_slice(&bytes[sent..]),
                is_event: false,
            };
            waiting.push(frame, 0);
        }
        self.tell_of(&waiting);
    }

    fn write_out(&self, waiting: &mut Waiting) -> io::Result<()> {
        while let Some(first) = waiting.frames.front() {
            match self.stream.try_write(&first.bytes[waiting.sent..]) {
                Ok(sent) => waiting.note_sent(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn tell_of(&self, waiting: &Waiting) {
        if waiting.is_behind || !waiting.frames.is_empty() {
            self.arrived.notify_one();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// `sent` of its bytes are out already, which is only so for the first.
    fn push(&mut self, frame: Frame, sent: usize) {
        if frame.is_event && self.frames.len() >= MOST_WAITING {
            return self.fall_behind();
        }
        if self.frames.is_empty() {
            self.sent = sent;
            self.since = Some(Instant::now());
        }
        self.frames.push_back(frame);
    }

    /// Drops the events that wait: whoever is told to look at everything again needs none of them. The rest of a frame
    /// that is half out has to follow.
    fn fall_behind(&mut self) {
        self.is_behind = true;
        let mut is_half_out = self.sent > 0;
        self.frames
            .retain(|frame| std::mem::take(&mut is_half_out) || !frame.is_event);
        self.note_if_empty();
    }

    fn note_sent(&mut self, sent: usize) {
        self.since = Some(Instant::now());
        self.sent += sent;
        if self
            .frames
            .front()
            .is_some_and(|first| self.sent >= first.bytes.len())
        {
            self.frames.pop_front();
            self.sent = 0;
        }
        self.note_if_empty();
    }

    fn note_if_empty(&mut self) {
        if self.frames.is_empty() {
            self.since = None;
            self.frames.shrink_to(USUAL_WAITING);
        }
    }
}

/// The socket's two directions for a library that reads and writes streams. It takes whatever is written, so that its
/// frames and those of events never mix; flushing waits until its own are out.
pub struct Line(pub Arc<Outlet>);

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.0.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.send_own(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outlet = &self.0;
        loop {
            {
                let mut waiting = outlet.waiting();
                outlet.write_out(&mut waiting)?;
                if waiting.frames.iter().all(|frame| frame.is_event) {
                    return Poll::Ready(Ok(()));
                }
            }
            ready!(outlet.stream.poll_write_ready(cx))?;
        }
    }

    /// The connection ends with the last that holds it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
