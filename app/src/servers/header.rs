//! What stays on top of every page about one server.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::Status;
use wire::servers::{Connection, ServerSummary};

use crate::lifecycle::{Badge, StatusBadge};
use crate::ui::{CopyButton, Shape};

/// Name, address, system, status, and the server's pages.
#[component]
pub fn ServerHeader(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let place = Memo::new(move |_| server.with(address_of));
    let base = server.with_untracked(|server| format!("/servers/{}", server.id));
    view! {
        <header class="subject">
            <div class="subject-line">
                <h1>{move || server.with(|server| server.name.clone())}</h1>
                <ServerBadge server/>
                <span class="subject-place">
                    <span class="subject-fact is-code">{place}</span>
                    <CopyButton
                        text=Signal::derive(move || server.with(|server| server.address.clone()))
                        label="Copy the address"
                        is_small=true
                    />
                </span>
                <span class="subject-fact">{move || server.with(|server| server.os.clone())}</span>
                <span class="subject-fact">{move || server.with(|server| server.provider.clone())}</span>
            </div>
            <nav class="tabs" aria-label="Server">
                <A href=base.clone() exact=true>
                    "Overview"
                </A>
                <A href=format!("{base}/firewall")>"Firewall"</A>
                <A href=format!("{base}/operations")>"Operations"</A>
                <A href=format!("{base}/settings")>"Settings"</A>
            </nav>
        </header>
    }
}

/// Where a server stands, in one badge: the way to it first, then what is on it.
#[component]
pub fn ServerBadge(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let stand = Memo::new(move |_| server.with(Stand::of));
    move || match stand.get() {
        Stand::AwaitingKey => {
            view! { <Badge tone="pending" shape=Shape::Key word="Waiting for the key"/> }.into_any()
        }
        Stand::Unreachable => {
            view! { <Badge tone="failed" shape=Shape::Cross word="Cannot connect"/> }.into_any()
        }
        Stand::HostKeyChanged => {
            view! { <Badge tone="failed" shape=Shape::Warning word="Host key changed"/> }.into_any()
        }
        Stand::Plain => {
            view! { <Badge tone="paused" shape=Shape::Minus word="Not provisioned"/> }.into_any()
        }
        Stand::Provisioned(status) => view! { <StatusBadge status/> }.into_any(),
    }
}

/// `root@203.0.113.7:22`; an IPv6 address in brackets.
pub fn address_of(server: &ServerSummary) -> String {
    let ServerSummary {
        user,
        address,
        port,
        ..
    } = server;
    if address.contains(':') {
        format!("{user}@[{address}]:{port}")
    } else {
        format!("{user}@{address}:{port}")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    AwaitingKey,
    Unreachable,
    HostKeyChanged,
    Plain,
    Provisioned(Status),
}

impl Stand {
    fn of(server: &ServerSummary) -> Self {
        match (server.connection, server.provision_status) {
            (Connection::AwaitingKey, _) => Self::AwaitingKey,
            (Connection::HostKeyChanged, _) => Self::HostKeyChanged,
            (_, Some(status)) if status.is_transitional() => Self::Provisioned(status),
            (Connection::Failed, _) => Self::Unreachable,
            (Connection::Connected, None) => Self::Plain,
            (Connection::Connected, Some(status)) => Self::Provisioned(status),
        }
    }
}
