//! Many sockets in one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::frame::{self, Frame};
use crate::peer::Peer;

/// So many handshakes are under way at once.
const AT_ONCE: usize = 50;
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(30);
const MOST_EVENTS: usize = 1024;

pub struct Subscribers<'a> {
    peer: &'a Peer,
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    all: Vec<Subscriber>,
    subscribed: usize,
}

struct Subscriber {
    stream: TcpStream,
    stage: Stage,
    /// The beginning of what has not arrived in one piece.
    rest: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Asked,
    Subscribed,
}

impl<'a> Subscribers<'a> {
    /// Opens them all, and waits until each is subscribed.
    pub fn connect(peer: &'a Peer, count: usize) -> Result<Self> {
        let mut subscribers = Self {
            peer,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(MOST_EVENTS),
            buffer: vec![0; 64 * 1024],
            all: Vec::with_capacity(count),
            subscribed: 0,
        };
        while subscribers.all.len() < count {
            for _ in 0..AT_ONCE.min(count - subscribers.all.len()) {
                subscribers.open()?;
            }
            let begun = Instant::now();
            while subscribers.subscribed < subscribers.all.len() {
                ensure!(
                    begun.elapsed() < LONGEST_HANDSHAKE,
                    "{} of {} are subscribed",
                    subscribers.subscribed,
                    subscribers.all.len()
                );
                subscribers.read(Duration::from_millis(50), |_, _| {})?;
            }
        }
        Ok(subscribers)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Reads what has arrived, or arrives soon, and hands on the messages of those that are subscribed.
    pub fn read(&mut self, longest: Duration, mut heard: impl FnMut(usize, &[u8])) -> Result<()> {
        let timeout = Timespec::try_from(longest)?;
        self.ready.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in self.ready.drain(..) {
            let number = usize::try_from(event.data.u64())?;
            let subscriber = &mut self.all[number];
            let before = subscriber.stage;
            subscriber
                .read(number, self.peer, &mut self.buffer, &mut heard)
                .with_context(|| format!("subscriber {number}"))?;
            self.subscribed += usize::from(before != subscriber.stage)
                * usize::from(subscriber.stage == Stage::Subscribed);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let number = self.all.len();
        let mut stream = TcpStream::connect(self.peer.address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.write_all(self.peer.handshake(number).as_bytes())?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(number as u64);
        // Told once: otherwise the kernel looks at each socket once more, to find that nothing is left.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &stream, data, flags)?;
        self.all.push(Subscriber {
            stream,
            stage: Stage::Handshake,
            rest: Vec::new(),
        });
        Ok(())
    }
}

impl Subscriber {
    /// One read(2), and more only where that was not all.
    fn read(
        &mut self,
        number: usize,
        peer: &Peer,
        buffer: &mut [u8],
        heard: &mut impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        while self.read_once(number, peer, buffer, heard)? == buffer.len() {}
        Ok(())
    }

    fn read_once(
        &mut self,
        number: usize,
        peer: &Peer,
        buffer: &mut [u8],
        heard: &mut impl FnMut(usize, &[u8]),
    ) -> Result<usize> {
        let count = match self.stream.read(buffer) {
            Ok(0) => bail!("closed: {}", String::from_utf8_lossy(&self.rest)),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        if self.rest.is_empty() {
            let taken = self.take(number, peer, &buffer[..count], heard)?;
            self.rest.extend(&buffer[taken..count]);
            return Ok(count);
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend(&buffer[..count]);
        let taken = self.take(number, peer, &bytes, heard)?;
        bytes.drain(..taken);
        self.rest = bytes;
        Ok(count)
    }

    /// Takes what is whole; tells how many bytes that were.
    fn take(
        &mut self,
        number: usize,
        peer: &Peer,
        bytes: &[u8],
        heard: &mut impl FnMut(usize, &[u8]),
    ) -> Result<usize> {
        let mut taken = 0;
        if self.stage == Stage::Handshake {
            let Some(end) = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                return Ok(0);
            };
            ensure!(
                bytes.starts_with(b"HTTP/1.1 101"),
                "refused: {}",
                String::from_utf8_lossy(bytes)
            );
            taken = end + 4;
            self.stage = match peer.subscription(number) {
                Some(subscription) => {
                    self.say(frame::TEXT, subscription.as_bytes())?;
                    Stage::Asked
                }
                None => Stage::Subscribed,
            };
        }
        while let Some(frame) = Frame::read(&bytes[taken..]) {
            taken += frame.length;
            match frame.opcode {
                frame::PING => self.say(frame::PONG, frame.payload)?,
                frame::PONG => {}
                frame::CLOSE => bail!("closed: {}", String::from_utf8_lossy(frame.payload)),
                _ if self.stage == Stage::Subscribed => {
                    heard(number, frame.payload);
                    self.stay_alive(peer, frame.payload)?;
                }
                _ => {
                    if peer.is_subscribed(frame.payload) {
                        self.stage = Stage::Subscribed;
                    }
                }
            }
        }
        Ok(taken)
    }

    fn stay_alive(&mut self, peer: &Peer, message: &[u8]) -> Result<()> {
        match peer.sign_of_life(message) {
            Some(answer) => self.say(frame::TEXT, answer.as_bytes()),
            None => Ok(()),
        }
    }

    /// Subscribers say so little that the kernel always has room for it.
    fn say(&mut self, opcode: u8, payload: &[u8]) -> Result<()> {
        let frame = frame::of_client(opcode, payload);
        Ok(self.stream.write_all(&frame)?)
    }
}
