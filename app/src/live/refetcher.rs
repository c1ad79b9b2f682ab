//! At most one fetch in flight and one owed.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::{FutureExt, select};
use gloo_timers::future::TimeoutFuture;
use wire::Timestamp;

use crate::browser;

/// A failed fetch is tried again after this long.
const RETRY_MS: u32 = 5_000;
/// Events make no more fetches than one in this time, and one more at once after a rest: a stream of half a second cost
/// 16 fetches, and each event had one of its own where they came just slower than the answers.
const EVENT_FETCH_EVERY_MS: i64 = 250;

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What is shown is what is.
    Fresh,
    /// There is more to fetch right now.
    More,
    /// The session is over; a dialog asks for a new one.
    SignedOut,
    /// The panel did not answer.
    Unreachable,
}

/// Why a fetch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Event,
    CatchUp,
    Fallback,
}

pub type Run = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome>>>>;

/// Fetches on request, never twice at once.
#[derive(Clone)]
pub struct Refetcher(Rc<State>);

struct State {
    run: Run,
    /// Told of each fetch, with its cause and then with whether it got through.
    watch: Box<dyn Fn(Cause, Option<Outcome>)>,
    in_flight: Cell<bool>,
    owed: Cell<Option<Cause>>,
    /// When what was fetched so far is paid for.
    paid_by: Cell<Timestamp>,
    /// Ends a pause.
    hurry: RefCell<Option<oneshot::Sender<()>>>,
    stopped: Cell<bool>,
}

impl Refetcher {
    pub fn new(run: Run, watch: impl Fn(Cause, Option<Outcome>) + 'static) -> Self {
        Self(Rc::new(State {
            run,
            watch: Box::new(watch),
            in_flight: Cell::new(false),
            owed: Cell::new(None),
            paid_by: Cell::new(Timestamp(0)),
            hurry: RefCell::new(None),
            stopped: Cell::new(false),
        }))
    }

    /// Fetches now, or once more after the fetch that is under way.
    pub fn request(&self, cause: Cause) {
        self.0.owed.set(Some(cause));
        if !self.0.in_flight.replace(true) {
            let state = self.0.clone();
            leptos::task::spawn_local(async move {
                state.work().await;
                state.in_flight.set(false);
            });
        }
    }

    /// Like `request`, without a pause after the fetch before.
    pub fn request_at_once(&self, cause: Cause) {
        self.request(cause);
        if let Some(hurry) = self.0.hurry.take() {
            let _ = hurry.send(());
        }
    }

    /// Begins no further fetch.
    pub fn stop(&self) {
        self.0.stopped.set(true);
    }
}

impl State {
    async fn work(&self) {
        while let Some(next) = self.owed.get() {
            if next == Cause::Event {
                self.gather().await;
            }
            if self.stopped.get() {
                return;
            }
            let cause = self.owed.take().unwrap_or(next);
            self.pay();
            (self.watch)(cause, None);
            let outcome = (self.run)().await;
            (self.watch)(cause, Some(outcome));
            match outcome {
                Outcome::Fresh | Outcome::SignedOut => {}
                Outcome::More => self.owe(cause),
                Outcome::Unreachable => {
                    self.pause(RETRY_MS).await;
                    self.owe(cause);
                }
            }
        }
    }

    /// Waits until the next fetch for events is due.
    async fn gather(&self) {
        let early = self.paid_by.get().0 - browser::now().0 - EVENT_FETCH_EVERY_MS;
        // A clock that was set back must not hold it up for longer.
        if let Ok(wait @ 1..) = u32::try_from(early.min(EVENT_FETCH_EVERY_MS)) {
            self.pause(wait).await;
        }
    }

    fn pay(&self) {
        let from = self.paid_by.get().0.max(browser::now().0);
        self.paid_by.set(Timestamp(from + EVENT_FETCH_EVERY_MS));
    }

    async fn pause(&self, at_most_ms: u32) {
        let (hurry, hurried) = oneshot::channel();
        self.hurry.replace(Some(hurry));
        select! {
            () = TimeoutFuture::new(at_most_ms).fuse() => {}
            _ = hurried.fuse() => {}
        }
        self.hurry.take();
    }

    fn owe(&self, cause: Cause) {
        if self.owed.get().is_none() {
            self.owed.set(Some(cause));
        }
    }
}
