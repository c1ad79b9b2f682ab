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
/// In a stream, events are gathered this long before they are fetched for.
const GATHER_MS: u32 = 250;
/// More events than one in this time, and `STREAM_AFTER_MS` worth of them, are a stream: one of half a second cost 16
/// fetches. What people save, and what becomes of it, stays below that and is fetched for at once.
const EVENT_MS: i64 = 25;
const STREAM_AFTER_MS: i64 = 250;
/// A stream has ended this long after its last event, however large it was.
const STREAM_OVER_MS: i64 = 500;

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
    /// When the events so far would all have come, at one in `EVENT_MS`.
    due_by: Cell<Timestamp>,
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
            due_by: Cell::new(Timestamp(0)),
            hurry: RefCell::new(None),
            stopped: Cell::new(false),
        }))
    }

    /// Fetches now, or once more after the fetch that is under way.
    pub fn request(&self, cause: Cause) {
        self.0.owed.set(Some(cause));
        if cause == Cause::Event {
            self.0.note_event();
        }
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
            if next == Cause::Event && self.is_stream() {
                self.pause(GATHER_MS).await;
            }
            if self.stopped.get() {
                return;
            }
            let cause = self.owed.take().unwrap_or(next);
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

    fn note_event(&self) {
        let now = browser::now().0;
        let due = self.due_by.get().0.max(now) + EVENT_MS;
        let most = now + STREAM_AFTER_MS + STREAM_OVER_MS;
        self.due_by.set(Timestamp(due.min(most)));
    }

    fn is_stream(&self) -> bool {
        self.due_by.get().0 - browser::now().0 > STREAM_AFTER_MS
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
