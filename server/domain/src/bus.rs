//! Who listens to what. Knows no protocol and no database; delivery is a hint to look again.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use wire::event::{Channel, Event};
use wire::{ServerId, UserId};

/// How many messages may wait for a listener before it is told to look at everything again.
const QUEUE: usize = 256;

/// Hands events to listeners.
#[derive(Clone, Default)]
pub struct Bus(Arc<State>);

#[derive(Default)]
struct State {
    next_id: AtomicU64,
    topics: Mutex<HashMap<Topic, HashMap<u64, Sink>>>,
    work: Notify,
}

/// A stream inside the panel. The generic channels `account` and `servers` are different ones for each
/// subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    AccountOf(UserId),
    Server(ServerId),
    ServersOf(UserId),
    User(UserId),
}

impl Topic {
    /// What a subscriber hears on a channel.
    pub fn of(channel: Channel, subscriber: UserId) -> Self {
        match channel {
            Channel::Account => Self::AccountOf(subscriber),
            Channel::Server(id) => Self::Server(id),
            Channel::Servers => Self::ServersOf(subscriber),
            Channel::User(id) => Self::User(id),
        }
    }
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Event(Delivery),
    /// Events were lost, whatever the reason: look at everything again.
    Gap,
}

/// An event on its way to one listener.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub topic: Topic,
    pub channel: Channel,
    pub event: Arc<Event>,
    /// What goes over the wire in place of the event, where somebody knows better.
    pub text: Option<Bytes>,
}

#[derive(Clone)]
struct Sink {
    queue: mpsc::Sender<Heard>,
    behind: Arc<AtomicBool>,
}

impl Sink {
    /// Never waits: a listener whose queue is full is marked as behind instead.
    fn send(&self, heard: Heard) {
        if self.queue.try_send(heard).is_err() {
            self.behind.store(true, Ordering::Release);
        }
    }
}

impl Bus {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an event to everyone who listens on one of its channels. Never waits: a listener
    /// whose queue is full is marked as behind instead.
    pub fn publish(&self, owner: UserId, event: Arc<Event>) {
        self.publish_as(owner, event, |_| None);
    }

    /// The same for somebody who knows better what goes over the wire.
    pub fn publish_as(
        &self,
        owner: UserId,
        event: Arc<Event>,
        text: impl Fn(Channel) -> Option<Bytes>,
    ) {
        let topics = self.topics();
        for channel in event.channels() {
            let topic = Topic::of(channel, owner);
            let Some(sinks) = topics.get(&topic) else {
                continue;
            };
            let delivery = Delivery {
                topic,
                channel,
                event: Arc::clone(&event),
                text: text(channel),
            };
            for sink in sinks.values() {
                sink.send(Heard::Event(delivery.clone()));
            }
        }
    }

    /// Tells everyone that events may have been lost.
    pub fn resync(&self) {
        let topics = self.topics();
        let listeners: HashMap<u64, &Sink> = topics
            .values()
            .flat_map(|sinks| sinks.iter().map(|(id, sink)| (*id, sink)))
            .collect();
        for sink in listeners.values() {
            sink.send(Heard::Gap);
        }
    }

    /// Tells the worker that something in the queue changed. Not with each event: where a hundred servers print, there are
    /// five hundred in a second, and it asks the database each time.
    pub fn tell_of_work(&self) {
        self.0.work.notify_one();
    }

    /// Waits until something in the queue has changed. For one worker.
    pub async fn work(&self) {
        self.0.work.notified().await;
    }

    /// A new listener that hears nothing yet.
    pub fn listen(&self) -> Listener {
        self.listen_with(QUEUE)
    }

    /// The same for one that so many messages may wait for.
    pub fn listen_with(&self, queue: usize) -> Listener {
        let (sender, queue) = mpsc::channel(queue);
        let behind = Arc::new(AtomicBool::new(false));
        Listener {
            bus: self.clone(),
            id: self.0.next_id.fetch_add(1, Ordering::Relaxed),
            topics: HashSet::new(),
            sink: Sink {
                queue: sender,
                behind,
            },
            queue,
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, HashMap<u64, Sink>>> {
        self.0.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener; it leaves all topics when dropped.
pub struct Listener {
    bus: Bus,
    id: u64,
    topics: HashSet<Topic>,
    sink: Sink,
    queue: mpsc::Receiver<Heard>,
}

impl Listener {
    pub fn join(&mut self, topic: Topic) {
        self.topics.insert(topic);
        self.bus
            .topics()
            .entry(topic)
            .or_default()
            .insert(self.id, self.sink.clone());
    }

    pub fn leave(&mut self, topic: Topic) {
        self.topics.remove(&topic);
        remove(&mut self.bus.topics(), topic, self.id);
    }

    /// The next event, or once that some were lost. What still waits in the queue is dropped then: the listener is
    /// about to look at everything anyway.
    pub async fn next(&mut self) -> Option<Heard> {
        let heard = self.queue.recv().await?;
        Some(self.or_gap(heard))
    }

    /// The same, if there is something already.
    pub fn next_at_hand(&mut self) -> Option<Heard> {
        let heard = self.queue.try_recv().ok()?;
        Some(self.or_gap(heard))
    }

    fn or_gap(&mut self, heard: Heard) -> Heard {
        if !self.sink.behind.swap(false, Ordering::AcqRel) {
            return heard;
        }
        while self.queue.try_recv().is_ok() {}
        Heard::Gap
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut topics = self.bus.topics();
        for topic in self.topics.drain() {
            remove(&mut topics, topic, self.id);
        }
    }
}

fn remove(topics: &mut HashMap<Topic, HashMap<u64, Sink>>, topic: Topic, id: u64) {
    if let Some(sinks) = topics.get_mut(&topic) {
        sinks.remove(&id);
        if sinks.is_empty() {
            topics.remove(&topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Timestamp;

    use super::*;

    fn server_updated(id: i64) -> Arc<Event> {
        Arc::new(Event::ServerUpdated {
            server_id: ServerId(id),
            timestamp: Timestamp(0),
        })
    }

    #[tokio::test]
    async fn the_generic_channel_carries_only_the_subscribers_own() {
        let bus = Bus::new();
        let (mut ada, mut bob) = (bus.listen(), bus.listen());
        ada.join(Topic::of(Channel::Servers, UserId(1)));
        bob.join(Topic::of(Channel::Servers, UserId(2)));
        bus.publish(UserId(1), server_updated(5));
        let heard = ada.next().await;
        let Some(Heard::Event(delivery)) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!(delivery.channel, Channel::Servers);
        assert!(bob.queue.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_is_told_once_and_keeps_no_backlog() {
        let bus = Bus::new();
        let mut slow = bus.listen();
        slow.join(Topic::Server(ServerId(5)));
        for _ in 0..QUEUE * 4 {
            bus.publish(UserId(1), server_updated(5));
        }
        assert!(matches!(slow.next().await, Some(Heard::Gap)));
        assert!(slow.queue.try_recv().is_err());
        bus.publish(UserId(1), server_updated(5));
        assert!(matches!(slow.next().await, Some(Heard::Event(_))));
    }

    #[tokio::test]
    async fn a_gap_is_told_to_each_listener_once_also_where_nothing_waits_for_it() {
        let bus = Bus::new();
        let mut listener = bus.listen();
        listener.join(Topic::Server(ServerId(5)));
        listener.join(Topic::ServersOf(UserId(1)));
        bus.resync();
        assert!(matches!(listener.next().await, Some(Heard::Gap)));
        assert!(listener.queue.try_recv().is_err());
    }

    #[test]
    fn a_dropped_listener_leaves_nothing_behind() {
        let bus = Bus::new();
        let mut listener = bus.listen();
        listener.join(Topic::Server(ServerId(5)));
        drop(listener);
        assert!(bus.topics().is_empty());
    }
}
