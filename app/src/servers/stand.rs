//! Where a server stands, in one word: the way to it first, then what is on it.

use leptos::prelude::*;
use wire::Status;
use wire::servers::{Connection, ServerSummary};

use crate::lifecycle::{Badge, StatusBadge, word_of};
use crate::ui::Shape;

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    AwaitingKey,
    Unreachable,
    HostKeyChanged,
    NotProvisioned,
    Provisioned(Status),
}

impl Stand {
    pub fn of(server: &ServerSummary) -> Self {
        match (server.connection, server.provision_status) {
            (Connection::AwaitingKey, _) => Self::AwaitingKey,
            (Connection::HostKeyChanged, _) => Self::HostKeyChanged,
            (_, Some(status)) if status.is_transitional() => Self::Provisioned(status),
            (Connection::Failed, _) => Self::Unreachable,
            (Connection::Connected, None) => Self::NotProvisioned,
            (Connection::Connected, Some(status)) => Self::Provisioned(status),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::AwaitingKey => "Waiting for SSH key",
            Self::Unreachable => "Cannot connect",
            Self::HostKeyChanged => "Host key changed",
            Self::NotProvisioned => "Not provisioned",
            Self::Provisioned(status) => word_of(status),
        }
    }

    /// Whether something is wrong that does not go away by itself.
    pub fn needs_attention(self) -> bool {
        match self {
            Self::Unreachable | Self::HostKeyChanged => true,
            Self::AwaitingKey | Self::NotProvisioned => false,
            Self::Provisioned(status) => match status {
                Status::Failed => true,
                Status::Pending
                | Status::Installing
                | Status::Active
                | Status::Paused
                | Status::Removing => false,
            },
        }
    }
}

/// The word with its icon and colour.
#[component]
pub fn ServerBadge(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let stand = Memo::new(move |_| server.with(Stand::of));
    move || {
        let stand = stand.get();
        let (tone, shape) = match stand {
            Stand::AwaitingKey => ("pending", Shape::Key),
            Stand::Unreachable => ("failed", Shape::Cross),
            Stand::HostKeyChanged => ("failed", Shape::Warning),
            Stand::NotProvisioned => ("paused", Shape::Minus),
            Stand::Provisioned(status) => return view! { <StatusBadge status/> }.into_any(),
        };
        view! { <Badge tone shape word=stand.word()/> }.into_any()
    }
}
