//! What the tab knows about its own freshness.

use leptos::prelude::*;
use wire::Timestamp;

/// Whether the page hears of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LiveStatus {
    /// The page has only just arrived.
    #[default]
    Connecting,
    /// Every change is heard of, and fetched.
    Live,
    /// Changes are heard of, and fetching them fails since then.
    Stale { since: Timestamp },
    /// The session is over; what is shown may be as old as `since`.
    SignedOut { since: Timestamp },
    /// The socket was lost; what is shown may be as old as `since`.
    Reconnecting { since: Timestamp },
    /// There is no socket; the page asks every 30 s.
    Polling { obstacle: Obstacle },
}

/// What keeps the socket from opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The handshake reached the panel without its Upgrade header.
    UpgradeLost,
    Unknown,
}

impl Obstacle {
    /// What is wrong and what to do, for whoever runs the panel.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::UpgradeLost => {
                "Live updates cannot get through: the proxy in front of the panel does not pass the Upgrade header of \
                 WebSockets on, over HTTP/1.1. In nginx that takes proxy_http_version 1.1, proxy_set_header Upgrade \
                 $http_upgrade and one for Connection; docs/install.md has the lines."
            }
            Self::Unknown => {
                "Live updates cannot get through: the panel answers, but no WebSocket opens. Something between this \
                 browser and the panel does not let WebSockets pass. On the panel's machine, brokeforge doctor tries it."
            }
        }
    }
}

impl LiveStatus {
    /// The word in the page's markup.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Stale { .. } => "stale",
            Self::SignedOut { .. } => "signed-out",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Polling { .. } => "polling",
        }
    }
}

/// How often the tab heard and fetched; the page shows them to tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that arrived on a channel.
    pub events: u32,
    /// Fetches because of an event.
    pub refetches: u32,
    /// Fetches to make up for what may have been missed: a new subscription, a reconnect, a resync, a
    /// tab that woke up.
    pub catch_ups: u32,
    /// Fetches because 30 s had passed without a socket.
    pub fallback_refetches: u32,
}

/// The live indicator's signals.
#[derive(Clone, Copy)]
pub struct Pulse {
    pub status: RwSignal<LiveStatus>,
    pub counts: RwSignal<Counts>,
}

impl Pulse {
    pub fn new() -> Self {
        Self {
            status: RwSignal::new(LiveStatus::Connecting),
            counts: RwSignal::new(Counts::default()),
        }
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}
