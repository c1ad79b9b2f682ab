//! Threads that hand each event to all sockets that hear it: whoever makes a change waits for none of them, and a socket
//! costs little more than the kernel's part of a write. Each socket is one thread's, so that its events keep their order.

use std::collections::{HashMap, HashSet};
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use domain::bus::{Bus, Delivery, Heard, Listener, Topic};
use futures::executor::block_on;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::outlet::Outlet;
use crate::broadcasting;

/// With two, half of a thousand sockets have an event 5 ms after its publication, with one 6. More were not tried.
const MOST_THREADS: usize = 2;
/// By so much they give way to others: without that, whoever changes something waits 1.3 ms longer for the answer while a
/// thousand sockets are told, with it 0.1.
const NICENESS: i32 = 10;
/// How many events may wait for a thread. At a thousand sockets it takes some 200 a second one by one, and more the more
/// of them wait.
const QUEUE: usize = 4_096;
/// How many events are put together for one write to each socket.
const MOST_AT_ONCE: usize = 64;

pub struct Fanout {
    next_id: AtomicU64,
    threads: Vec<mpsc::UnboundedSender<Command>>,
}

enum Command {
    Join {
        topic: Topic,
        id: u64,
        outlet: Arc<Outlet>,
        joined: oneshot::Sender<()>,
    },
    Leave {
        topic: Topic,
        id: u64,
    },
}

type Members = HashMap<Topic, HashMap<u64, Arc<Outlet>>>;

impl Fanout {
    /// Runs until this is dropped.
    pub fn start(bus: &Bus) -> Self {
        let count =
            thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
        let threads = (0..count).map(|_| {
            let (commands, told) = mpsc::unbounded_channel();
            let listener = bus.listen_with(QUEUE);
            thread::spawn(move || {
                give_way();
                block_on(fan_out(listener, told));
            });
            commands
        });
        Self {
            next_id: AtomicU64::new(0),
            threads: threads.collect(),
        }
    }

    /// A socket that hears nothing yet.
    pub fn enter(&self, outlet: Arc<Outlet>) -> Membership {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let in_turn = id % self.threads.len() as u64;
        let thread = usize::try_from(in_turn).unwrap_or_default();
        Membership {
            id,
            outlet,
            topics: HashSet::new(),
            commands: self.threads[thread].clone(),
        }
    }
}

/// What one socket hears. It leaves everything when dropped.
pub struct Membership {
    id: u64,
    outlet: Arc<Outlet>,
    topics: HashSet<Topic>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Membership {
    /// Whatever is published after this has returned is heard.
    pub async fn join(&mut self, topic: Topic) {
        let (joined, has_joined) = oneshot::channel();
        self.topics.insert(topic);
        let _ = self.commands.send(Command::Join {
            topic,
            id: self.id,
            outlet: self.outlet.clone(),
            joined,
        });
        let _ = has_joined.await;
    }

    pub fn leave(&mut self, topic: Topic) {
        self.topics.remove(&topic);
        let _ = self.commands.send(Command::Leave { topic, id: self.id });
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for topic in self.topics.drain() {
            let _ = self.commands.send(Command::Leave { topic, id: self.id });
        }
    }
}

/// On Linux niceness is a thread's own.
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "whoever changes something may wait for those who watch");
    }
}

async fn fan_out(mut listener: Listener, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut members = Members::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => obey(command, &mut members, &mut listener),
                None => return,
            },
            heard = listener.next() => match heard {
                Some(heard) => tell(heard, &members, &mut listener),
                None => return,
            }
        }
    }
}

fn obey(command: Command, members: &mut Members, listener: &mut Listener) {
    match command {
        Command::Join {
            topic,
            id,
            outlet,
            joined,
        } => {
            members
                .entry(topic)
                .or_insert_with(|| {
                    listener.join(topic);
                    HashMap::new()
                })
                .insert(id, outlet);
            let _ = joined.send(());
        }
        Command::Leave { topic, id } => {
            if let Some(of_topic) = members.get_mut(&topic) {
                of_topic.remove(&id);
                if of_topic.is_empty() {
                    members.remove(&topic);
                    listener.leave(topic);
                }
            }
        }
    }
}

/// Tells everyone what has been heard, and what else is there by now.
fn tell(first: Heard, members: &Members, listener: &mut Listener) {
    let mut frames: Vec<(Topic, Vec<Bytes>)> = Vec::new();
    let mut next = Some(first);
    let mut count = 0;
    while let Some(heard) = next {
        match heard {
            Heard::Event(delivery) => match frames
                .iter_mut()
                .find(|(topic, _)| *topic == delivery.topic)
            {
                Some((_, of_topic)) => of_topic.push(frame(&delivery)),
                None => frames.push((delivery.topic, vec![frame(&delivery)])),
            },
            Heard::Gap => {
                frames.clear();
                members
                    .values()
                    .flat_map(HashMap::values)
                    .for_each(|outlet| outlet.fall_behind());
            }
        }
        count += 1;
        next = if count < MOST_AT_ONCE {
            listener.next_at_hand()
        } else {
            None
        };
    }
    for (topic, frames) in &frames {
        let slices: Vec<_> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        for outlet in members.get(topic).into_iter().flat_map(HashMap::values) {
            outlet.send_events(frames, &slices);
        }
    }
}

/// The bytes are the same for everyone: what a server sends is not masked.
fn frame(delivery: &Delivery) -> Bytes {
    let text = match &delivery.text {
        Some(text) => text.clone(),
        None => broadcasting::event(delivery.channel, &delivery.event).into(),
    };
    let frame = Frame::message(text, OpCode::Data(Data::Text), true);
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing into memory does not fail.
    let _ = frame.format(&mut bytes);
    bytes.into()
}
