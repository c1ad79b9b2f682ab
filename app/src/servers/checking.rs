//! Trying the connection by a button: that it is tried, that it was, and when.

use std::time::Duration;

use leptos::prelude::*;
use wire::servers::{CheckedConnection, Connection, ServerInput, ServerSummary};
use wire::{ServerId, Timestamp};

use super::check;
use crate::ui::{Icon, Shape, Submission};

/// How long the page says that it has just been done.
const SAID_FOR: Duration = Duration::from_secs(8);

/// Checks of one server that this tab has asked for.
#[derive(Clone, Copy)]
pub struct Checking {
    id: ServerId,
    server: Memo<ServerSummary>,
    pub submission: Submission,
    // A check that finds the same again is announced to nobody, so this tab keeps what it was told itself.
    own: RwSignal<Option<CheckedConnection>>,
    /// Counts the checks, so that only the last one takes its sentence back.
    said: RwSignal<u32>,
    is_said: RwSignal<bool>,
}

impl Checking {
    pub fn of(id: ServerId, server: Memo<ServerSummary>) -> Self {
        Self {
            id,
            server,
            submission: Submission::bare(),
            own: RwSignal::new(None),
            said: RwSignal::new(0),
            is_said: RwSignal::new(false),
        }
    }

    /// How the latest check went and when that was, whoever asked for it.
    pub fn latest(self) -> Memo<(Connection, Option<Timestamp>)> {
        Memo::new(move |_| {
            let known = self
                .server
                .with(|server| (server.connection, server.connection_checked_at));
            match self.own.get() {
                Some(own) if Some(own.checked_at) > known.1 => {
                    (own.connection, Some(own.checked_at))
                }
                Some(_) | None => known,
            }
        })
    }

    fn start(self) {
        let Self {
            id,
            submission,
            own,
            said,
            is_said,
            server: _,
        } = self;
        submission.run(check(ServerInput { server_id: id }), move |checked| {
            if own.try_set(Some(checked)).is_some() {
                // The page was left meanwhile.
                return;
            }
            said.update(|said| *said += 1);
            is_said.set(true);
            let number = said.get_untracked();
            let take_back = move || {
                if said.try_get_untracked() == Some(number) {
                    is_said.set(false);
                }
            };
            set_timeout(take_back, SAID_FOR);
        });
    }
}

/// The button, and beside it that it has done something.
#[component]
pub fn CheckButton(checking: Checking, label: &'static str) -> impl IntoView {
    let Checking {
        submission,
        is_said,
        ..
    } = checking;
    view! {
        <button
            type="button"
            class="button"
            aria-disabled=move || submission.aria_disabled()
            on:click=move |_| checking.start()
        >
            <Icon shape=Signal::derive(move || {
                if submission.is_busy() { Shape::Loader } else { Shape::Retry }
            })/>
            {move || if submission.is_busy() { "Checking..." } else { label }}
        </button>
        <span role="status" class="field-note" data-testid="just-checked">
            {move || {
                if submission.is_busy() {
                    None
                } else {
                    is_said.get().then_some("Checked just now")
                }
            }}
        </span>
    }
}
