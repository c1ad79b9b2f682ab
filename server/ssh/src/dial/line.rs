use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// A socket that can be cut from outside, and that remembers whether the other side began as SSH does.
pub(super) struct Line {
    socket: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    greeted: Arc<OnceLock<bool>>,
}

impl Line {
    /// The line ends when the guard is dropped.
    pub(super) fn new(socket: TcpStream, greeted: Arc<OnceLock<bool>>) -> (Self, DropGuard) {
        let token = CancellationToken::new();
        let cut = Box::pin(token.clone().cancelled_owned());
        (
            Self {
                socket,
                cut,
                greeted,
            },
            token.drop_guard(),
        )
    }

    fn check_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

/// What sshd says first: its version, or, to a newcomer whom it turns away, why.
fn is_sshd(bytes: &[u8]) -> bool {
    [
        &b"SSH-"[..],
        b"Not allowed at this time",
        b"Exceeded MaxStartups",
    ]
    .iter()
    .any(|start| bytes.starts_with(start))
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(context)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if !bytes.is_empty() {
            self.greeted.get_or_init(|| is_sshd(bytes));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(context)?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    /// Never fails: the library would report "not connected" here in place of the error that ended the
    /// handshake.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = ready!(Pin::new(&mut self.socket).poll_shutdown(context));
        Poll::Ready(Ok(()))
    }
}
