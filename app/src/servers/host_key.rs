//! A host key that is not the pinned one: both are shown side by side, and somebody decides.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::ServerId;
use wire::servers::edit::AcceptHostKeyInput;
use wire::servers::{HostKeyResource, ServerInput, ServerResource};

use super::{accept_host_key, check};
use crate::ui::{
    Ago, Dialog, Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField,
};

/// On a server's page: what was found, and the way to a decision.
#[component]
pub fn HostKeyChanged(id: ServerId, server: Signal<ServerResource>) -> impl IntoView {
    let open = RwSignal::new(false);
    let keys = Memo::new(move |_| {
        server.with(|server| (server.host_key.clone(), server.found_host_key.clone()))
    });
    let name = Memo::new(move |_| server.with(|server| server.summary.name.clone()));
    let sentence =
        Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    let checked_at = Memo::new(move |_| server.with(|server| server.summary.connection_checked_at));
    let checking = Submission::bare();
    view! {
        <section class="callout is-error" aria-labelledby="host-key-changed">
            <Icon shape=Shape::Warning/>
            <div>
                <h2 id="host-key-changed">"The host key has changed"</h2>
                <p>
                    "The panel stopped before it logged in, and it stops every time until you decide. If you did not install "
                    "this server anew, somebody may be intercepting the connection."
                </p>
                {move || match keys.get() {
                    (pinned, Some(found)) => view! { <HostKeys pinned found/> }.into_any(),
                    (_, None) => view! { <p>{sentence.get()}</p> }.into_any(),
                }}
                <p class="field-note">
                    "Last tried "
                    {move || checked_at.get().map(|at| view! { <Ago at=Signal::stored(at)/> })}
                </p>
                <FormMessage submission=checking/>
                <div class="after">
                    <Show when=move || keys.with(|(_, found)| found.is_some())>
                        <button type="button" class="button is-danger" on:click=move |_| open.set(true)>
                            "Decide about the new key"
                        </button>
                    </Show>
                    <button
                        type="button"
                        class="button"
                        disabled=move || checking.is_busy()
                        on:click=move |_| checking.run(check(ServerInput { server_id: id }), |_| ())
                    >
                        {move || if checking.is_busy() { "Connecting..." } else { "Try again" }}
                    </button>
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

/// The field for the server's name.
pub fn confirmation() -> TextField {
    TextField::new("accept-host-key", "confirm_name", "", |text| {
        if text.trim().is_empty() {
            Err("Type the server's name.".to_owned())
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
                "Compare the new fingerprint with what the server itself says, at its console: "
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
                    "Keep refusing"
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
