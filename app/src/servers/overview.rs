//! The quiet part of a server's overview: how the panel gets in, what is known, and the notes.

use leptos::prelude::*;
use wire::servers::{Connection, ServerResource, ServerSummary};

use super::checking::{CheckButton, Checking};
use super::reboot::RebootServer;
use crate::ui::{Ago, FormMessage, Icon, Shape};

/// What is known of the connection and the machine, with what can be done about it.
#[component]
pub fn Facts(
    server: Signal<ServerResource>,
    summary: Memo<ServerSummary>,
    checking: Checking,
) -> impl IntoView {
    let key = Memo::new(move |_| server.with(|server| server.host_key.clone()));
    let provider = Memo::new(move |_| summary.with(|summary| summary.provider.clone()));
    let added = server.with_untracked(|server| server.created_at);
    let latest = checking.latest();
    let is_waiting =
        Memo::new(move |_| summary.with(|summary| summary.connection == Connection::AwaitingKey));
    view! {
        <section aria-labelledby="facts">
            <div class="section-head">
                <h2 id="facts">"Connection"</h2>
                <div class="after">
                    <Show when=move || !is_waiting.get()>
                        <CheckButton checking label="Check connection"/>
                    </Show>
                    <RebootServer server=summary/>
                </div>
            </div>
            <FormMessage submission=checking.submission/>
            <dl class="facts">
                <dt>"Status"</dt>
                <dd>
                    <span data-testid="connection-state">
                        <span role="status">{move || words_for(latest.get().0)}</span>
                        {move || {
                            latest.get().1.map(|at| view! { ", checked " <Ago at=Signal::stored(at)/> })
                        }}
                    </span>
                </dd>
                <dt>"Host key"</dt>
                <dd class="is-code">
                    {move || key.with(|key| format!("{} {}", key.algorithm, key.fingerprint))}
                </dd>
                <dt>"Logs in as"</dt>
                <dd class="is-code">{move || summary.with(|summary| summary.user.clone())}</dd>
                {move || {
                    provider
                        .get()
                        .map(|provider| {
                            view! {
                                <dt>"Provider"</dt>
                                <dd>{provider}</dd>
                            }
                        })
                }}
                <dt>"Added"</dt>
                <dd>
                    <Ago at=Signal::stored(added)/>
                </dd>
            </dl>
        </section>
    }
}

/// Updated packages that wait for a reboot.
#[component]
pub fn RebootWanted(server: Signal<ServerResource>) -> impl IntoView {
    let is_wanted = Memo::new(move |_| server.with(|server| server.reboot_required == Some(true)));
    view! {
        <Show when=move || is_wanted.get()>
            <p class="callout">
                <Icon shape=Shape::Warning/>
                <span>
                    "This server needs a reboot: updated packages are not in use yet."
                </span>
            </p>
        </Show>
    }
}

/// Free text about the server, line by line as it was typed.
#[component]
pub fn NotesView(server: Signal<ServerResource>) -> impl IntoView {
    let notes = Memo::new(move |_| server.with(|server| server.notes.clone()));
    view! {
        <Show when=move || notes.with(|notes| !notes.trim().is_empty())>
            <section aria-labelledby="notes">
                <h2 id="notes">"Notes"</h2>
                <p class="notes" dir="auto" data-testid="notes">
                    {notes}
                </p>
            </section>
        </Show>
    }
}

fn words_for(connection: Connection) -> &'static str {
    match connection {
        Connection::AwaitingKey => "Waiting for SSH key",
        Connection::Connected => "Connected",
        Connection::Failed => "Cannot connect",
        Connection::HostKeyChanged => "Host key does not match",
    }
}
