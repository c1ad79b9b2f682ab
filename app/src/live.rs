//! One socket per tab, and values that stay as fresh as it allows.
//!
//! `live()` loads a value with the page and fetches it again whenever a channel says that it has
//! changed: at most one fetch in flight and one owed, so that a burst of events costs two fetches.
//! The page's body is built once; a refetch only changes the signal it reads, so focus, scroll and
//! half-typed forms survive.

pub mod backoff;
mod listeners;
mod refetcher;
mod socket;
mod status;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use leptos::prelude::*;
use wire::event::{Channel, News};
use wire::{ApiError, OperationId, ServerId, UserId};

pub use self::refetcher::Outcome;
pub use self::status::{Counts, LiveStatus, Obstacle, Pulse};
use crate::accounts::SessionGate;

type Fetch<T> =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>> + Send + Sync>;

/// What a listener wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Changes of the records on a channel.
    Records(Channel),
    /// What an operation prints.
    Output(ServerId, OperationId),
    /// How operations ended, told without a fetch.
    News(UserId),
}

/// A value that follows the server's.
pub struct Live<T: Send + Sync + 'static> {
    first: OnceResource<Result<T, ApiError>>,
    value: RwSignal<Option<T>>,
    lost: RwSignal<Option<ApiError>>,
    listener: StoredValue<Listener>,
}

/// The number of a listener, once the browser has added it.
pub type Listener = Arc<OnceLock<u32>>;

impl<T: Send + Sync + 'static> Clone for Live<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Live<T> {}

/// Loads a value, on the server for the first page and in the browser later, and keeps it fresh.
pub fn live<T, F, Fut>(channel: Channel, fetch: F) -> Live<T>
where
    T: Clone + PartialEq + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    let fetch: Fetch<T> = Arc::new(move || Box::pin(fetch()));
    let live = Live {
        first: OnceResource::new(fetch()),
        value: RwSignal::new(None),
        lost: RwSignal::new(None),
        listener: StoredValue::default(),
    };
    let gate = expect_context::<SessionGate>();
    let listener = listen(Interest::Records(channel), false, move || {
        let fetch = fetch.clone();
        async move { live.take(fetch().await, gate) }
    });
    live.listener.set_value(listener);
    live
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Live<T> {
    /// The first value, or why there is none.
    pub async fn first(self) -> Result<Signal<T>, ApiError>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let first = self.first.await?;
        let value = self.value;
        // Unchanged answers stop at the memo: nothing below it runs again.
        let current = Memo::new(move |_| value.get().unwrap_or_else(|| first.clone()));
        Ok(current.into())
    }

    /// Why the value can no longer be fetched, once it was there: removed, or no longer ours.
    pub fn lost(self) -> Signal<Option<ApiError>> {
        self.lost.into()
    }

    /// Fetches again now, because something else is asked for than before. What was shown stays until the answer is
    /// there.
    pub fn ask_again(self) {
        if let Some(listener) = self.listener.try_get_value() {
            refetch(&listener);
        }
    }

    fn take(self, answer: Result<T, ApiError>, gate: SessionGate) -> Outcome {
        match answer {
            Ok(value) => {
                gate.answered();
                self.lost.try_set(None);
                self.value.try_set(Some(value));
                Outcome::Fresh
            }
            Err(ApiError::SignedOut) => {
                gate.session_ended();
                Outcome::SignedOut
            }
            Err(ApiError::NotFound) => {
                self.lost.try_set(Some(ApiError::NotFound));
                Outcome::Fresh
            }
            Err(
                ApiError::Invalid { .. }
                | ApiError::Conflict { .. }
                | ApiError::TooMany { .. }
                | ApiError::Remote { .. }
                | ApiError::Refused { .. }
                | ApiError::Internal,
            ) => Outcome::Unreachable,
        }
    }
}

/// Runs `fetch` whenever something of interest is heard, until the surrounding component goes; the first time at once
/// if what is there `is_behind` already. Does nothing on the server.
pub fn listen<F, Fut>(interest: Interest, is_behind: bool, fetch: F) -> Listener
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + 'static,
{
    let fetch = Arc::new(fetch);
    let id = Arc::new(OnceLock::new());
    let (added, listener) = (id.clone(), id.clone());
    Effect::new(move || {
        let fetch = fetch.clone();
        added.get_or_init(|| {
            listeners::add(interest, is_behind, move || {
                let fetch = fetch.clone();
                Box::pin(async move { fetch().await })
            })
        });
    });
    remove_on_cleanup(id);
    listener
}

/// Runs `tell` for whatever the account is told at once, until the surrounding component goes. Does nothing on the
/// server.
pub fn on_news(user: UserId, tell: impl Fn(News) + Send + Sync + 'static) {
    let tell = Arc::new(tell);
    let id = Arc::new(OnceLock::new());
    let added = id.clone();
    Effect::new(move || {
        let tell = tell.clone();
        added.get_or_init(|| listeners::add_news(user, move |news| tell(news)));
    });
    remove_on_cleanup(id);
}

fn remove_on_cleanup(id: Arc<OnceLock<u32>>) {
    on_cleanup(move || {
        if let Some(listener) = id.get() {
            listeners::remove(*listener);
        }
    });
}

/// Has a listener fetch now.
pub fn refetch(listener: &Listener) {
    if let Some(listener) = listener.get() {
        listeners::refetch(*listener);
    }
}

/// Opens the tab's socket if it is not open yet. Only in the browser, only when signed in.
pub fn start(pulse: Pulse, gate: SessionGate) {
    socket::start(pulse, gate);
}

/// Tries again at once after a session came back.
pub fn resume() {
    socket::session_is_back();
    listeners::refetch_all(refetcher::Cause::CatchUp);
}

/// The session is over: what is shown may be old from now on.
pub fn session_is_over() {
    socket::session_is_over();
}

/// After a change made in this tab: a dead socket would not bring the news back here.
pub fn changed_here() {
    if !listeners::is_live() {
        listeners::refetch_all(refetcher::Cause::CatchUp);
    }
}
