//! A host key that is not the pinned one: both are shown side by side, and somebody decides.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::ServerId;
use wire::servers::edit::AcceptHostKeyInput;
use wire::servers::{HostKeyResource, ServerResource};

use super::accept_host_key;
use super::checking::{CheckButton, Checking};
use crate::ui::{
    Ago, Dialog, Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField,
};

/// On a server's page: what was found, and the way to a decision.
#[component]
pub fn HostKeyChanged(
    id: ServerId,
    server: Signal<ServerResource>,
    checking: Checking,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let keys = Memo::new(move |_| {
        server.with(|server| (server.host_key.clone(), server.found_host_key.clone()))
    });
    let name = Memo::new(move |_| server.with(|server| server.summary.name.clone()));
    let sentence =
        Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    let latest = checking.latest();
    // The system is found out at the first login: before that nothing has changed since, it was another key from the
    // start than the one that was confirmed.
    let was_in = Memo::new(move |_| server.with(|server| server.summary.os.is_some()));
    view! {
        <section class="callout is-error" aria-labelledby="host-key-changed">
            <Icon shape=Shape::Warning/>
            <div>
                <h2 id="host-key-changed">{move || heading(was_in.get())}</h2>
                <p>{move || explanation(was_in.get())}</p>
                {move || match keys.get() {
                    (pinned, Some(found)) => view! { <HostKeys pinned found/> }.into_any(),
                    (_, None) => view! { <p>{sentence.get()}</p> }.into_any(),
                }}
                <p class="field-note">
                    "Last checked "
                    {move || latest.get().1.map(|at| view! { <Ago at=Signal::stored(at)/> })}
                </p>
                <FormMessage submission=checking.submission/>
                <div class="after">
                    <Show when=move || keys.with(|(_, found)| found.is_some())>
                        <button type="button" class="button is-danger" on:click=move |_| open.set(true)>
                            "Review the new key"
                        </button>
                    </Show>
                    <CheckButton checking label="Try again"/>
                </div>
            </div>
        </section>
        <Dialog open title="Accept the new host key?" id="accept-host-key-title">
            {move || {
                let (pinned, found) = keys.get();
                found
                    .filter(|_| open.get())
                    .map(|found| {
                        let confirm_name = confirmation();
                        let submission = Submission::of(&[confirm_name]);
                        let host_key = found.host_key.clone();
                        let accept = move || {
                            let input = AcceptHostKeyInput {
                                server_id: id,
                                host_key: host_key.clone(),
                                confirm_name: confirm_name.peek(),
                            };
                            submission.run(accept_host_key(input), move |()| open.set(false));
                        };
                        view! { <Decision pinned found name confirm_name submission open accept/> }
                    })
            }}
        </Dialog>
    }
}

fn heading(was_in: bool) -> &'static str {
    if was_in {
        "The host key has changed"
    } else {
        "This is not the host key you confirmed"
    }
}

fn explanation(was_in: bool) -> &'static str {
    if was_in {
        "The panel stopped before logging in, and will not log in until you decide. If you did not reinstall this server, \
         somebody may be intercepting the connection."
    } else {
        "When this server was added it showed another key. The panel has never logged in, and will not until you decide. \
         Compare both fingerprints with the server's own. If neither is, the address leads to another machine: remove \
         this server here and add it again."
    }
}

/// The field for the server's name.
pub fn confirmation() -> TextField {
    TextField::new("accept-host-key", "confirm_name", "", |text| {
        if text.trim().is_empty() {
            Err("Enter the server's name.".to_owned())
        } else {
            Ok(())
        }
    })
}

/// Both keys, what accepting means, and the name to type.
#[component]
pub fn Decision(
    pinned: HostKeyResource,
    found: HostKeyResource,
    #[prop(into)] name: Signal<String>,
    confirm_name: TextField,
    submission: Submission,
    open: RwSignal<bool>,
    accept: impl Fn() + 'static,
) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            accept();
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <HostKeys pinned found/>
            <p>
                "Compare the new fingerprint with the server's own. Run this at its console: "
                <code>"for k in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $k; done"</code>
            </p>
            <p>
                "The panel runs commands as root on whatever server has this key. To accept it, type "
                <strong>{name}</strong> "."
            </p>
            <FormMessage submission/>
            <Field field=confirm_name label="Server name"/>
            <div class="form-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    "Do not accept"
                </button>
                <SubmitButton submission label="Accept the new key" busy="Accepting..." is_danger=true/>
            </div>
        </form>
    }
}

/// The pinned key and the found one, side by side.
#[component]
fn HostKeys(pinned: HostKeyResource, found: HostKeyResource) -> impl IntoView {
    view! {
        <dl class="host-keys">
            <div data-testid="pinned-host-key">
                <dt>"Pinned"</dt>
                <dd>
                    <span>{pinned.algorithm}</span>
                    <code>{pinned.fingerprint}</code>
                </dd>
            </div>
            <div data-testid="found-host-key">
                <dt>"Found now"</dt>
                <dd>
                    <span>{found.algorithm}</span>
                    <code>{found.fingerprint}</code>
                </dd>
            </div>
        </dl>
    }
}
