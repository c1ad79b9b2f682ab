//! The quiet part of a server's overview: how the panel gets in, what is known, and the notes.

use leptos::prelude::*;
use wire::ServerId;
use wire::servers::{CheckedConnection, Connection, ServerInput, ServerResource, ServerSummary};

use super::check;
use super::reboot::RebootServer;
use crate::ui::{Ago, FormMessage, Icon, Shape, Submission};

/// What is known of the connection and the machine, with what can be done about it.
#[component]
pub fn Facts(
    id: ServerId,
    server: Signal<ServerResource>,
    summary: Memo<ServerSummary>,
) -> impl IntoView {
    let key = Memo::new(move |_| server.with(|server| server.host_key.clone()));
    let provider = Memo::new(move |_| summary.with(|summary| summary.provider.clone()));
    let added = server.with_untracked(|server| server.created_at);
    let checking = Submission::bare();
    // A check that finds the same again is announced to nobody, so this tab keeps what it was told itself.
    let own = RwSignal::new(None::<CheckedConnection>);
    let last = Memo::new(move |_| {
        let known = summary.with(|summary| (summary.connection, summary.connection_checked_at));
        match own.get() {
            Some(own) if Some(own.checked_at) > known.1 => (own.connection, Some(own.checked_at)),
            Some(_) | None => known,
        }
    });
    let is_waiting =
        Memo::new(move |_| summary.with(|summary| summary.connection == Connection::AwaitingKey));
    view! {
        <section aria-labelledby="facts">
            <div class="section-head">
                <h2 id="facts">"Connection"</h2>
                <div class="after">
                    <Show when=move || !is_waiting.get()>
                        <button
                            type="button"
                            class="button"
                            disabled=move || checking.is_busy()
                            on:click=move |_| {
                                checking
                                    .run(
                                        check(ServerInput { server_id: id }),
                                        move |checked| own.set(Some(checked)),
                                    );
                            }
                        >
                            <Icon shape=Shape::Retry/>
                            {move || if checking.is_busy() { "Connecting..." } else { "Check connection" }}
                        </button>
                    </Show>
                    <RebootServer server=summary/>
                </div>
            </div>
            <FormMessage submission=checking/>
            <dl class="facts">
                <dt>"State"</dt>
                <dd>
                    <span data-testid="connection-state">
                        <span role="status">{move || words_for(last.get().0)}</span>
                        {move || {
                            last.get().1.map(|at| view! { ", checked " <Ago at=Signal::stored(at)/> })
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
                    "This server asks for a reboot: packages that were updated are not in use yet."
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
        Connection::AwaitingKey => "Waiting for the key",
        Connection::Connected => "The panel gets in",
        Connection::Failed => "Cannot connect",
        Connection::HostKeyChanged => "The host key has changed",
    }
}
