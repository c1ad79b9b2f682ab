//! The form that adds a server. It asks the server for its host key while the rest is typed.

use leptos::ev::{SubmitEvent, Targeted};
use leptos::prelude::*;
use leptos::web_sys::{Event, HtmlInputElement};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wire::servers::{
    Address, HostKeyInput, HostKeyResource, NewServerInput, ServerName, SshPort, UnixUser,
};

use super::{create, host_key};
use crate::accounts::SessionGate;
use crate::ui::{Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField};

/// How long the typing must rest before the server is asked.
const REST: std::time::Duration = std::time::Duration::from_millis(700);

/// Adds a server.
#[component]
pub fn NewServerPage() -> impl IntoView {
    let address = TextField::new("server", "address", "", |text| {
        Address::parse(text).map(drop)
    });
    let name = TextField::new("server", "name", "", |text| {
        ServerName::parse(text).map(drop)
    });
    let port = TextField::new("server", "port", "22", |text| {
        SshPort::parse(text).map(drop)
    });
    let user = TextField::new("server", "user", "root", |text| {
        UnixUser::parse(text).map(drop)
    });
    let key = HostKeyQuestion::new(address, port);
    let submission = Submission::of(&[address, name, port, user, key.field]);
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = NewServerInput {
                name: name.peek(),
                address: address.peek(),
                port: port.peek(),
                user: user.peek(),
                host_key: key.field.peek(),
            };
            let navigate = navigate.clone();
            submission.run(create(input), move |id| {
                navigate(&format!("/servers/{id}"), NavigateOptions::default());
            });
        }
    };
    view! {
        <Title text="Add a server"/>
        <div class="page-head">
            <h1>"Add a server"</h1>
        </div>
        <p class="lead">
            "A fresh Debian 12 or 13 server reachable over SSH. Ubuntu 22.04 and 24.04 should work but are not tested."
        </p>
        <form class="panel" on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <div class="field-row">
                <Field
                    field=address
                    label="Address"
                    hint="An IP address or a host name."
                    is_code=true
                    on_leave=Callback::new(move |()| key.ask())
                />
                <Field field=name label="Name" hint="For example web-1."/>
            </div>
            <div class="field-row">
                <Field
                    field=port
                    label="SSH port"
                    hint="Usually 22."
                    is_code=true
                    inputmode="numeric"
                    on_leave=Callback::new(move |()| key.ask())
                />
                <Field
                    field=user
                    label="User"
                    hint="root, or a user with sudo. If sudo asks for a password, use the password option in the next step."
                    is_code=true
                />
            </div>
            <HostKeyConfirmation key/>
            <div class="form-actions">
                <SubmitButton submission label="Add server" busy="Adding server..."/>
            </div>
        </form>
    }
}

/// The question for a host key, and its confirmation. The confirmed key is a field of the form like
/// the others: empty until it is confirmed.
#[derive(Clone, Copy)]
struct HostKeyQuestion {
    address: TextField,
    port: TextField,
    field: TextField,
    answer: RwSignal<Answer>,
    gate: SessionGate,
}

#[derive(Clone, PartialEq, Eq)]
enum Answer {
    /// There is no address yet that could be asked.
    None,
    Asking(HostAndPort),
    Found(HostAndPort, HostKeyResource),
    Failed(HostAndPort, String),
}

type HostAndPort = (String, String);

impl Answer {
    fn about(&self) -> Option<&HostAndPort> {
        match self {
            Self::None => None,
            Self::Asking(place) | Self::Found(place, _) | Self::Failed(place, _) => Some(place),
        }
    }

    /// Why a server cannot be added without a confirmed key, while there may be none to confirm.
    fn what_is_missing(&self, unconfirmed: String) -> String {
        match self {
            Self::None => "Enter the address first: the key is read from there.".to_owned(),
            Self::Asking(_) => "Wait until the key is read, then confirm it.".to_owned(),
            Self::Failed(..) => {
                "A server is added once its key was read. Look why it does not answer, then try again."
                    .to_owned()
            }
            Self::Found(..) => unconfirmed,
        }
    }
}

impl HostKeyQuestion {
    fn new(address: TextField, port: TextField) -> Self {
        let question = Self {
            address,
            port,
            field: TextField::new("server", "host_key", "", |text| {
                if text.is_empty() {
                    Err("Compare the fingerprint and confirm it.".to_owned())
                } else {
                    Ok(())
                }
            }),
            answer: RwSignal::new(Answer::None),
            gate: expect_context::<SessionGate>(),
        };
        // Another address is another server: its key has to be confirmed anew.
        Effect::new(move |timer: Option<Option<TimeoutHandle>>| {
            let place = (address.get(), port.get());
            if let Some(timer) = timer.flatten() {
                timer.clear();
            }
            question.answer.update_untracked(|answer| {
                if answer.about().is_some_and(|about| *about != place) {
                    *answer = Answer::None;
                }
            });
            if matches!(question.answer.get_untracked(), Answer::None) {
                question.answer.notify();
                question.field.set("");
            }
            set_timeout_with_handle(move || question.ask(), REST).ok()
        });
        question
    }

    /// Asks the server, unless this very address has been asked. A failed one may be asked again.
    fn ask(self) {
        let place = (self.address.peek(), self.port.peek());
        if Address::parse(&place.0).is_err() || SshPort::parse(&place.1).is_err() {
            return;
        }
        let is_known = self
            .answer
            .with_untracked(|answer| answer.about() == Some(&place));
        if !is_known {
            self.ask_about(place);
        }
    }

    fn ask_again(self) {
        self.ask_about((self.address.peek(), self.port.peek()));
    }

    fn ask_about(self, place: HostAndPort) {
        self.answer.set(Answer::Asking(place.clone()));
        leptos::task::spawn_local(async move {
            let input = HostKeyInput {
                address: place.0.clone(),
                port: place.1.clone(),
            };
            let answer = host_key(input).await;
            let is_awaited = self
                .answer
                .try_with_untracked(|answer| *answer == Answer::Asking(place.clone()))
                .unwrap_or(false);
            if !is_awaited {
                return;
            }
            match answer {
                Ok(key) => self.answer.set(Answer::Found(place, key)),
                Err(error) => {
                    if error == wire::ApiError::SignedOut {
                        self.gate.session_ended();
                    }
                    self.answer.set(Answer::Failed(place, error.to_string()));
                }
            }
        });
    }
}

#[component]
fn HostKeyConfirmation(key: HostKeyQuestion) -> impl IntoView {
    let found = Memo::new(move |_| match key.answer.get() {
        Answer::Found(_, found) => Some(found),
        Answer::None | Answer::Asking(_) | Answer::Failed(..) => None,
    });
    let confirm = move |event: Targeted<Event, HtmlInputElement>| {
        let confirmed = found.get_untracked().filter(|_| event.target().checked());
        key.field
            .set(confirmed.map_or_else(String::new, |found| found.host_key));
    };
    view! {
        <fieldset class="host-key">
            <legend>"Host key"</legend>
            <div aria-live="polite">
                {move || match key.answer.get() {
                    Answer::None => {
                        view! {
                            <p class="field-note">
                                "The fingerprint appears here once you have entered the address."
                            </p>
                        }
                            .into_any()
                    }
                    Answer::Asking(_) => {
                        view! {
                            <p class="asking">
                                <Icon shape=Shape::Loader/>
                                "Reading the server's host key..."
                            </p>
                        }
                            .into_any()
                    }
                    Answer::Failed(_, sentence) => {
                        view! {
                            <p class="field-note is-error">{sentence}</p>
                            <button
                                type="button"
                                class="button is-small"
                                on:click=move |_| key.ask_again()
                            >
                                <Icon shape=Shape::Retry/>
                                "Try again"
                            </button>
                        }
                            .into_any()
                    }
                    Answer::Found(_, found) => {
                        view! {
                            <p class="fingerprint">
                                <span>{found.algorithm}</span>
                                <code>{found.fingerprint}</code>
                            </p>
                            <p class="field-note">
                                "To compare, run this on the server: "
                                <code>"for k in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $k; done"</code>
                            </p>
                        }
                            .into_any()
                    }
                }}
            </div>
            <Show when=move || found.get().is_some()>
                <label class="check">
                    <input
                        type="checkbox"
                        id="server-host_key"
                        aria-describedby="server-host_key-note"
                        prop:checked=move || !key.field.get().is_empty()
                        on:change:target=confirm
                    />
                    "This is my server's host key"
                </label>
            </Show>
            <p id="server-host_key-note" class="field-note is-error">
                {move || key.field.error().map(|error| key.answer.with(|answer| answer.what_is_missing(error)))}
            </p>
        </fieldset>
    }
}
