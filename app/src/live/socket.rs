//! The tab's one socket: opens, listens, notices silence, comes back.

use std::cell::{Cell, RefCell};

use futures::channel::mpsc::{self, UnboundedSender};
use futures::{FutureExt, SinkExt, StreamExt, select};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use gloo_timers::future::TimeoutFuture;
use serde::Deserialize;
use wire::accounts::{NoInput, Visitor};
use wire::event::{Alert, Channel, Ending, News};
use wire::{OperationId, Timestamp};

use super::backoff::delay_ms;
use super::listeners::{self, Heard};
use super::refetcher::Cause;
use super::status::{LiveStatus, Obstacle, Pulse};
use crate::accounts::{SessionGate, visitor};
use crate::browser;

const OPENING_MS: u32 = 10_000;
/// Silence after which we ask whether the server is there, and how long it may take to answer.
const ACTIVITY_MS: u32 = 30_000;
const ANSWER_MS: u32 = 10_000;
/// After so many attempts in vain the page fetches by the clock and says so: soon where a socket has
/// never opened, later where one was lost, for a panel is back within seconds after an update.
const ATTEMPTS_BEFORE_POLLING: u32 = 3;
const ATTEMPTS_AFTER_A_LOSS: u32 = 6;
const POLLING_MS: u32 = 30_000;
/// What the server closes with when the session is over.
const SESSION_OVER: u16 = 4009;
/// What it answers to a plain request where the handshake before it had lost its Upgrade header.
const UPGRADE_LOST: u16 = 426;
const PATH: &str = "/app/brokeforge";

thread_local! {
    static WAKE: RefCell<Option<UnboundedSender<()>>> = const { RefCell::new(None) };
    static POLLING: Cell<bool> = const { Cell::new(false) };
    /// Why there is no socket.
    static OBSTACLE: Cell<Obstacle> = const { Cell::new(Obstacle::Unknown) };
    /// When the tab last knew that it showed the truth.
    static FRESH_AT: Cell<Timestamp> = const { Cell::new(Timestamp(0)) };
}

/// How a socket ended.
enum Ended {
    SessionOver,
    Lost { was_open: bool },
}

/// Starts the socket's task, once per tab.
pub fn start(pulse: Pulse, gate: SessionGate) {
    let (wake, mut woken) = mpsc::unbounded();
    if WAKE
        .with_borrow_mut(|held| held.replace(wake.clone()))
        .is_some()
    {
        return;
    }
    listeners::watch_with(pulse);
    FRESH_AT.set(browser::now());
    browser::on_visible_again(move || {
        let _ = wake.unbounded_send(());
        listeners::refetch_all(Cause::CatchUp);
    });
    leptos::task::spawn_local(async move {
        let mut attempts = 0;
        let mut patience = ATTEMPTS_BEFORE_POLLING;
        loop {
            let ended = serve().await;
            // Wakes from while the socket was open: they must not stand in for the pause before the next attempt.
            while woken.next().now_or_never().flatten().is_some() {}
            listeners::closed();
            match ended {
                // A new session may have begun while the socket still hung on the old one.
                Ended::SessionOver if is_signed_in().await => attempts = 1,
                Ended::SessionOver => {
                    gate.session_ended();
                    woken.next().await;
                    attempts = 0;
                    continue;
                }
                Ended::Lost { was_open: true } => {
                    FRESH_AT.set(browser::now());
                    patience = ATTEMPTS_AFTER_A_LOSS;
                    attempts = 1;
                }
                Ended::Lost { was_open: false } => attempts += 1,
            }
            if attempts < patience {
                say_reconnecting();
            } else {
                begin_polling();
            }
            select! {
                () = TimeoutFuture::new(delay_ms(attempts, browser::random())).fuse() => {}
                _ = woken.next() => {}
            }
        }
    });
}

/// Tries again at once, if the task is waiting.
fn wake() {
    WAKE.with_borrow(|wake| {
        if let Some(wake) = wake {
            let _ = wake.unbounded_send(());
        }
    });
}

/// A fetch got through.
pub fn panel_answered() {
    FRESH_AT.set(browser::now());
    if POLLING.get() {
        say_polling();
    }
}

/// A fetch was refused because the session is over: the socket, if it still hangs there, is no proof of
/// freshness.
pub fn session_is_over() {
    let since = match listeners::status() {
        LiveStatus::SignedOut { .. } => return,
        LiveStatus::Live => browser::now(),
        LiveStatus::Connecting
        | LiveStatus::Stale { .. }
        | LiveStatus::Reconnecting { .. }
        | LiveStatus::Polling { .. } => FRESH_AT.get(),
    };
    listeners::set_status(LiveStatus::SignedOut { since });
}

/// Tries again at once after a session came back.
pub fn session_is_back() {
    if let LiveStatus::SignedOut { since } = listeners::status() {
        listeners::set_status(if listeners::is_listening() {
            LiveStatus::Live
        } else {
            LiveStatus::Reconnecting { since }
        });
    }
    wake();
}

/// A fetch did not get through: while polling, nothing is fresh.
pub fn panel_is_silent() {
    if POLLING.get() {
        say_reconnecting();
    }
}

async fn is_signed_in() -> bool {
    matches!(visitor(NoInput {}).await, Ok(Visitor::SignedIn(_)))
}

/// Serves one socket until it ends.
async fn serve() -> Ended {
    let Ok(socket) = WebSocket::open(&browser::socket_url(PATH)) else {
        return Ended::Lost { was_open: false };
    };
    let (mut sink, stream) = socket.split();
    let mut stream = stream.fuse();
    let (outbox, mut outgoing) = mpsc::unbounded();
    let mut outbox = Some(outbox);
    let mut asked = false;
    loop {
        let was_open = outbox.is_none();
        let patience = match (was_open, asked) {
            (false, _) => OPENING_MS,
            (true, false) => ACTIVITY_MS,
            (true, true) => ANSWER_MS,
        };
        select! {
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    asked = false;
                    if hear(&text) && let Some(outbox) = outbox.take() {
                        POLLING.set(false);
                        listeners::opened(outbox);
                    }
                }
                Some(Ok(Message::Bytes(_))) => {}
                Some(Err(WebSocketError::ConnectionClose(close))) if close.code == SESSION_OVER => {
                    return Ended::SessionOver;
                }
                Some(Err(_)) | None => return Ended::Lost { was_open },
            },
            text = outgoing.next() => {
                if let Some(text) = text && sink.send(Message::Text(text)).await.is_err() {
                    return Ended::Lost { was_open };
                }
            }
            () = TimeoutFuture::new(patience).fuse() => {
                if !was_open || asked {
                    return Ended::Lost { was_open };
                }
                asked = true;
                listeners::send_ping();
            }
        }
    }
}

/// A message, as far as the page reads it. Errors of the protocol carry an object as data: they are no such message.
#[derive(Deserialize)]
struct Told {
    event: String,
    channel: Option<String>,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Printed {
    operation_id: OperationId,
}

/// Reads one message; true for the one that opens the conversation.
fn hear(text: &str) -> bool {
    let Ok(told) = serde_json::from_str::<Told>(text) else {
        return false;
    };
    let channel = told.channel.and_then(|name| name.parse::<Channel>().ok());
    match (told.event.as_str(), channel) {
        ("pusher:connection_established", _) => return true,
        ("pusher:ping", _) => listeners::send_pong(),
        ("pusher_internal:subscription_succeeded" | "pusher:subscription_error", Some(channel)) => {
            listeners::settled(channel);
        }
        ("AccountUpdated" | "ServerUpdated", Some(channel)) => {
            listeners::hear(Heard::Records(channel));
        }
        ("Resync", Some(channel)) => listeners::hear(Heard::Resync(channel)),
        ("OperationOutput", Some(_)) => {
            if let Ok(printed) = serde_json::from_str::<Printed>(&told.data) {
                listeners::hear(Heard::Output(printed.operation_id));
            }
        }
        ("OperationEnded", Some(Channel::User(user))) => {
            if let Some(ending) = Ending::read(user, &told.data) {
                listeners::hear_news(&News::Ended(ending));
            }
        }
        ("Alerted", Some(Channel::User(user))) => {
            if let Some(alert) = Alert::read(user, &told.data) {
                listeners::hear_news(&News::Alerted(alert));
            }
        }
        _ => {}
    }
    false
}

/// Refetches every 30 s for as long as there is no socket.
fn begin_polling() {
    if POLLING.replace(true) {
        return;
    }
    leptos::task::spawn_local(async {
        // A panel that does not answer at all is no matter of sockets: then the first fetch that gets through says it.
        if let Some(status) = browser::status_of(PATH).await {
            OBSTACLE.set(if status == UPGRADE_LOST {
                Obstacle::UpgradeLost
            } else {
                Obstacle::Unknown
            });
            if POLLING.get() {
                say_polling();
            }
        }
        while POLLING.get() {
            listeners::refetch_all(Cause::Fallback);
            TimeoutFuture::new(POLLING_MS).await;
        }
    });
}

fn say_polling() {
    if matches!(listeners::status(), LiveStatus::SignedOut { .. }) {
        return;
    }
    listeners::set_status(LiveStatus::Polling {
        obstacle: OBSTACLE.get(),
    });
}

fn say_reconnecting() {
    // Signed out says more than that the socket is away.
    if !matches!(
        listeners::status(),
        LiveStatus::Reconnecting { .. } | LiveStatus::SignedOut { .. }
    ) {
        listeners::set_status(LiveStatus::Reconnecting {
            since: FRESH_AT.get(),
        });
    }
}
