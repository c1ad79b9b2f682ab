//! While the panel is not in yet, or no longer: the line to paste, and why a connection failed.

use leptos::prelude::*;
use wire::servers::{ServerInput, ServerResource};
use wire::{ApiError, ServerId};

use super::check;
use super::checking::{CheckButton, Checking};
use super::password::{PasswordRoute, is_trying};
use crate::ui::{Ago, CopyButton, FormMessage, Icon, Shape};
use crate::{browser, live};

/// How often a page that waits for the key knocks on the server's door. Since OpenSSH 9.8 (Debian 13) a refused
/// key costs 5 s, and whoever owes more than 15 s is turned away: more often than that and nobody gets in.
const KNOCK_EVERY: std::time::Duration = std::time::Duration::from_secs(6);

/// The command that authorizes the panel's key, and a page that notices when it was run.
#[component]
pub fn LetThePanelIn(server: Signal<ServerResource>) -> impl IntoView {
    let id = server.with_untracked(|server| server.summary.id);
    let trouble = Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    let trying = Memo::new(move |_| server.with(is_trying));
    knock_on(id, trying);
    view! {
        <section class="panel" aria-labelledby="let-in">
            <h2 id="let-in">"Connect this server"</h2>
            <LineToPaste server/>
            <p class="asking" role="status">
                <Icon shape=Shape::Loader/>
                "Waiting for the connection. This page continues by itself."
            </p>
            {move || trouble.get().map(|sentence| view! { <p class="field-note is-error">{sentence}</p> })}
            <PasswordRoute server/>
        </section>
    }
}

/// The one line that puts the panel's key on the server.
#[component]
fn LineToPaste(server: Signal<ServerResource>) -> impl IntoView {
    let command = Memo::new(move |_| server.with(|server| server.authorize_command.clone()));
    let user = Memo::new(move |_| server.with(|server| server.summary.user.clone()));
    let code = NodeRef::new();
    view! {
        <p>"Run this line on the server as " <code>{user}</code> ":"</p>
        <div class="command">
            <pre tabindex="0" aria-label="Command">
                <code node_ref=code data-testid="authorize-command">
                    {command}
                </code>
            </pre>
            <CopyButton text=command label="Copy the command" source=code/>
        </div>
        <p class="field-note">
            "It adds the panel's key to the user's authorized_keys. Existing keys stay; running it twice changes nothing."
        </p>
    }
}

/// Tries the key every 6 s while the page is looked at. News comes back over the socket.
///
/// While a password is `trying`, the door is left to it: a key that is refused counts against the panel there.
fn knock_on(id: ServerId, trying: Memo<bool>) {
    let busy = StoredValue::new(false);
    Effect::new(move || {
        let knock = move || {
            let is_trying = trying.try_get_untracked().unwrap_or(true);
            if is_trying || browser::is_hidden() || busy.try_get_value().unwrap_or(true) {
                return;
            }
            busy.set_value(true);
            leptos::task::spawn_local(async move {
                // What went wrong is recorded with the server and shown from there. A server that is gone
                // is not knocked at again.
                if check(ServerInput { server_id: id }).await != Err(ApiError::NotFound) {
                    busy.try_update_value(|busy| *busy = false);
                    live::changed_here();
                }
            });
        };
        if let Ok(timer) = set_interval_with_handle(knock, KNOCK_EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
}

/// Why the last attempt failed, and another one.
#[component]
pub fn CannotConnect(server: Signal<ServerResource>, checking: Checking) -> impl IntoView {
    let sentence =
        Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    let latest = checking.latest();
    view! {
        <section class="callout is-error" aria-label="Connection problem">
            <Icon shape=Shape::Warning/>
            <div>
                <p>{sentence}</p>
                <p class="field-note">
                    "Last checked "
                    {move || latest.get().1.map(|at| view! { <Ago at=Signal::stored(at)/> })}
                </p>
                <FormMessage submission=checking.submission/>
                <details class="lost-key">
                    <summary>"If the server has lost the panel's key"</summary>
                    <LineToPaste server/>
                </details>
            </div>
            <span class="after">
                <CheckButton checking label="Try again"/>
            </span>
        </section>
    }
}
