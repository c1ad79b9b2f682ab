//! Who in this tab wants to hear what. The browser runs one thread, so the tab's state is a
//! thread-local.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use futures::channel::mpsc::UnboundedSender;
use leptos::prelude::*;
use wire::event::{Channel, News};
use wire::{OperationId, Timestamp, UserId};

use super::Interest;
use super::refetcher::{Cause, Outcome, Refetcher};
use super::status::{LiveStatus, Pulse};
use crate::browser;

/// What came over the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Records(Channel),
    Output(OperationId),
    /// Something may have been missed.
    Resync(Channel),
}

#[derive(Default)]
struct Tab {
    listeners: Vec<Listener>,
    next_id: u32,
    pulse: Option<Pulse>,
    /// How it stands with the socket.
    socket: LiveStatus,
    /// Listeners whose last fetch failed, and since when there are any.
    failing: HashSet<u32>,
    failing_since: Option<Timestamp>,
    /// Messages for the server, while the socket is open.
    outbox: Option<UnboundedSender<String>>,
    /// Channels the server has answered about, with yes or no.
    settled: HashSet<Channel>,
}

struct Listener {
    id: u32,
    interest: Interest,
    reaction: Reaction,
}

/// What a listener does.
enum Reaction {
    Fetch(Refetcher),
    Tell(Rc<dyn Fn(News)>),
}

thread_local! {
    static TAB: RefCell<Tab> = RefCell::default();
}

impl Interest {
    pub fn channel(self) -> Channel {
        match self {
            Self::Records(channel) => channel,
            Self::Output(server, _) => Channel::Server(server),
            Self::News(user) => Channel::User(user),
        }
    }

    fn is_met_by(self, heard: Heard) -> bool {
        match (self, heard) {
            (Self::Records(wanted), Heard::Records(channel)) => wanted == channel,
            (Self::Output(_, wanted), Heard::Output(operation)) => wanted == operation,
            (_, Heard::Resync(channel)) => self.channel() == channel,
            (Self::Records(_), Heard::Output(_))
            | (Self::Output(..), Heard::Records(_))
            | (Self::News(_), Heard::Records(_) | Heard::Output(_)) => false,
        }
    }
}

/// Adds a listener and subscribes to its channel if nobody has yet.
///
/// The answer to a subscription makes every listener fetch what it may have missed. One that comes after that answer
/// fetches at once instead, as one does that `is_behind` anyway.
pub fn add(
    interest: Interest,
    is_behind: bool,
    run: impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Outcome>>> + 'static,
) -> u32 {
    let id = new_id();
    let refetcher = Refetcher::new(Box::new(run), move |cause, outcome| {
        note_fetch(id, cause, outcome);
    });
    let was_settled = add_listener(id, interest, Reaction::Fetch(refetcher.clone()));
    let has_missed = match interest {
        // Fetched for the first time just now: whatever comes later is heard of.
        Interest::Records(_) | Interest::News(_) => false,
        // Begun with what came with its page.
        Interest::Output(..) => was_settled,
    };
    if is_behind || has_missed {
        refetcher.request(Cause::CatchUp);
    }
    id
}

/// Adds a listener that is told what happened and fetches nothing.
pub fn add_news(user: UserId, tell: impl Fn(News) + 'static) -> u32 {
    let id = new_id();
    add_listener(id, Interest::News(user), Reaction::Tell(Rc::new(tell)));
    id
}

fn new_id() -> u32 {
    TAB.with_borrow_mut(|tab| {
        tab.next_id += 1;
        tab.next_id
    })
}

/// Whether the server had answered about the channel already.
fn add_listener(id: u32, interest: Interest, reaction: Reaction) -> bool {
    TAB.with_borrow_mut(|tab| {
        let channel = interest.channel();
        let is_new = !tab
            .listeners
            .iter()
            .any(|listener| listener.interest.channel() == channel);
        tab.listeners.push(Listener {
            id,
            interest,
            reaction,
        });
        if is_new {
            tab.send(&subscribe(channel));
        }
        tab.settled.contains(&channel)
    })
}

/// Removes a listener, and its subscription if it was the last one on its channel.
pub fn remove(id: u32) {
    TAB.with_borrow_mut(|tab| {
        let Some(place) = tab.listeners.iter().position(|listener| listener.id == id) else {
            return;
        };
        let listener = tab.listeners.remove(place);
        if let Reaction::Fetch(refetcher) = &listener.reaction {
            refetcher.stop();
        }
        let channel = listener.interest.channel();
        if !tab
            .listeners
            .iter()
            .any(|listener| listener.interest.channel() == channel)
        {
            tab.settled.remove(&channel);
            tab.send(&message("pusher:unsubscribe", channel));
        }
        tab.note(id, false);
    });
    show_status();
}

pub fn watch_with(pulse: Pulse) {
    TAB.with_borrow_mut(|tab| tab.pulse = Some(pulse));
}

/// The server accepted the socket: subscribe to everything again.
pub fn opened(outbox: UnboundedSender<String>) {
    let channels = TAB.with_borrow_mut(|tab| {
        tab.outbox = Some(outbox);
        tab.settled.clear();
        let channels: HashSet<Channel> = tab
            .listeners
            .iter()
            .map(|listener| listener.interest.channel())
            .collect();
        for channel in &channels {
            tab.send(&subscribe(*channel));
        }
        channels
    });
    if channels.is_empty() {
        set_status(LiveStatus::Live);
    }
}

pub fn closed() {
    TAB.with_borrow_mut(|tab| {
        tab.outbox = None;
        tab.settled.clear();
    });
}

/// The server answered a subscription. What happened between the page's first value and now is
/// fetched once; only then the page is as good as live.
pub fn settled(channel: Channel) {
    TAB.with_borrow_mut(|tab| tab.settled.insert(channel));
    request(Cause::CatchUp, |interest| interest.channel() == channel);
    if is_listening() {
        set_status(LiveStatus::Live);
    }
}

/// Passes on what the socket brought.
pub fn hear(heard: Heard) {
    count(|counts| counts.events += 1);
    let cause = match heard {
        Heard::Records(_) | Heard::Output(_) => Cause::Event,
        Heard::Resync(_) => Cause::CatchUp,
    };
    request(cause, |interest| interest.is_met_by(heard));
}

/// Has one listener fetch.
pub fn refetch(id: u32) {
    let refetcher = TAB.with_borrow(|tab| {
        let listener = tab.listeners.iter().find(|listener| listener.id == id);
        match &listener?.reaction {
            Reaction::Fetch(refetcher) => Some(refetcher.clone()),
            Reaction::Tell(_) => None,
        }
    });
    if let Some(refetcher) = refetcher {
        refetcher.request_at_once(Cause::CatchUp);
    }
}

/// Passes on what the account is told. Also in a hidden tab: it is said once or never.
pub fn hear_news(news: &News) {
    count(|counts| counts.events += 1);
    let told: Vec<Rc<dyn Fn(News)>> = TAB.with_borrow(|tab| {
        tab.listeners
            .iter()
            .filter_map(|listener| match &listener.reaction {
                Reaction::Tell(tell) => Some(tell.clone()),
                Reaction::Fetch(_) => None,
            })
            .collect()
    });
    for tell in told {
        tell(news.clone());
    }
}

pub fn refetch_all(cause: Cause) {
    request(cause, |_| true);
}

pub fn is_live() -> bool {
    TAB.with_borrow(|tab| tab.shown() == LiveStatus::Live)
}

/// Whether the socket is open and brings news of everything that is listened for.
pub fn is_listening() -> bool {
    TAB.with_borrow(|tab| {
        tab.outbox.is_some()
            && tab
                .listeners
                .iter()
                .all(|listener| tab.settled.contains(&listener.interest.channel()))
    })
}

/// How it stands with the socket.
pub fn status() -> LiveStatus {
    TAB.with_borrow(|tab| tab.socket.clone())
}

pub fn set_status(status: LiveStatus) {
    TAB.with_borrow_mut(|tab| tab.socket = status);
    show_status();
}

fn show_status() {
    let (pulse, status) = TAB.with_borrow(|tab| (tab.pulse, tab.shown()));
    if let Some(Pulse { status: sign, .. }) = pulse
        && sign
            .try_get_untracked()
            .is_some_and(|current| current != status)
    {
        sign.try_set(status);
    }
}

pub fn send_ping() {
    TAB.with_borrow(|tab| tab.send(r#"{"event":"pusher:ping","data":{}}"#));
}

pub fn send_pong() {
    TAB.with_borrow(|tab| tab.send(r#"{"event":"pusher:pong","data":{}}"#));
}

impl Tab {
    /// An open socket is no proof of freshness: what it tells of must be fetched, too.
    fn shown(&self) -> LiveStatus {
        match (&self.socket, self.failing_since) {
            (LiveStatus::Live, Some(since)) => LiveStatus::Stale { since },
            (socket, _) => socket.clone(),
        }
    }

    /// Notes whether a listener's last fetch failed.
    fn note(&mut self, id: u32, is_failing: bool) {
        let is_there = self.listeners.iter().any(|listener| listener.id == id);
        if is_failing && is_there {
            self.failing.insert(id);
        } else {
            self.failing.remove(&id);
        }
        self.failing_since = match self.failing_since {
            _ if self.failing.is_empty() => None,
            Some(since) => Some(since),
            None => Some(browser::now()),
        };
    }

    fn send(&self, text: &str) {
        if let Some(outbox) = &self.outbox {
            // A closed outbox means a closing socket; the next one subscribes anew.
            let _ = outbox.unbounded_send(text.to_owned());
        }
    }
}

/// A hidden tab waits: it catches up when it is looked at.
fn request(cause: Cause, wanted: impl Fn(Interest) -> bool) {
    if browser::is_hidden() {
        return;
    }
    let refetchers: Vec<Refetcher> = TAB.with_borrow(|tab| {
        tab.listeners
            .iter()
            .filter(|listener| wanted(listener.interest))
            .filter_map(|listener| match &listener.reaction {
                Reaction::Fetch(refetcher) => Some(refetcher.clone()),
                Reaction::Tell(_) => None,
            })
            .collect()
    });
    for refetcher in refetchers {
        match cause {
            Cause::CatchUp => refetcher.request_at_once(cause),
            // They come often: what has just failed waits.
            Cause::Event | Cause::Fallback => refetcher.request(cause),
        }
    }
}

fn note_fetch(id: u32, cause: Cause, outcome: Option<Outcome>) {
    if let Some(outcome) = outcome {
        TAB.with_borrow_mut(|tab| tab.note(id, outcome == Outcome::Unreachable));
        show_status();
    }
    match outcome {
        None => count(|counts| match cause {
            Cause::Event => counts.refetches += 1,
            Cause::CatchUp => counts.catch_ups += 1,
            Cause::Fallback => counts.fallback_refetches += 1,
        }),
        Some(Outcome::Unreachable) => super::socket::panel_is_silent(),
        Some(Outcome::SignedOut) => super::socket::session_is_over(),
        Some(Outcome::Fresh | Outcome::More) => super::socket::panel_answered(),
    }
}

fn count(change: impl FnOnce(&mut super::status::Counts)) {
    if let Some(pulse) = TAB.with_borrow(|tab| tab.pulse) {
        pulse.counts.try_update(change);
    }
}

fn subscribe(channel: Channel) -> String {
    message("pusher:subscribe", channel)
}

fn message(event: &str, channel: Channel) -> String {
    // Neither holds anything that JSON would want escaped.
    format!(r#"{{"event":"{event}","data":{{"channel":"{channel}"}}}}"#)
}
