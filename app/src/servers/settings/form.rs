//! The form that changes a server. Another address or port is verified by its host key before anything is saved.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::servers::edit::{
    HostKeyDecision, Notes, PROVIDERS, Provider, ServerFields, UpdateOutcome, UpdateServerInput,
};
use wire::servers::{
    Address, HostKeyResource, ServerInput, ServerName, ServerResource, SshPort, UnixUser,
};
use wire::{ApiError, ServerId};

use crate::servers::host_key::{Decision, confirmation};
use crate::servers::{show, update};
use crate::ui::{
    Dialog, Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextArea, TextField, Toasts,
};

const FORM: &str = "edit-server";

/// Name, address, port, user, provider and notes.
#[component]
pub fn DetailsForm(id: ServerId, server: Signal<ServerResource>) -> impl IntoView {
    let form = EditForm::of(&server.get_untracked());
    form.follow(server);
    let submission = Submission::of(&form.all());
    // Nobody answered at this address; it can be saved without being asked.
    let unreachable = RwSignal::new(false);
    Effect::new(move || {
        let _ = (form.address.get(), form.port.get());
        unreachable.set(false);
    });
    let other_key = RwSignal::new(None::<(HostKeyResource, HostKeyResource)>);
    let deciding = RwSignal::new(false);
    let toasts = expect_context::<Toasts>();
    let save = move |submission: Submission, host_key: HostKeyDecision| {
        submission.run(form.send(id, host_key), move |outcome| match outcome {
            UpdateOutcome::Saved => {
                unreachable.set(false);
                deciding.set(false);
                toasts.say("Saved.");
            }
            UpdateOutcome::OtherHostKey { pinned, found } => {
                other_key.set(Some((pinned, found)));
                deciding.set(true);
            }
            UpdateOutcome::Unreachable { message } => {
                deciding.set(false);
                form.address.complain(&message);
                unreachable.set(true);
            }
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            save(submission, HostKeyDecision::Verify);
        }
    };
    let is_busy = Memo::new(move |_| server.with(|server| server.summary.busy_with.is_some()));
    let name = Memo::new(move |_| server.with(|server| server.summary.name.clone()));
    view! {
        <form class="panel" on:submit=submit novalidate method="post" aria-labelledby="details">
            <h2 id="details">"Details"</h2>
            <FormMessage submission/>
            <div class="field-row">
                <Field field=form.name label="Name" hint="For example web-1."/>
                <Field
                    field=form.provider
                    label="Provider"
                    hint="Where it is hosted. Optional."
                    suggestions=PROVIDERS
                />
            </div>
            <div class="field-row">
                <Field
                    field=form.address
                    label="Address"
                    hint="An IP address or a host name. A new one must show the same host key."
                    is_code=true
                />
                <Field
                    field=form.port
                    label="SSH port"
                    hint="Usually 22."
                    is_code=true
                    inputmode="numeric"
                />
                <Field
                    field=form.user
                    label="User"
                    hint="root, or a user with passwordless sudo."
                    is_code=true
                />
            </div>
            <Show when=move || is_busy.get()>
                <p class="field-note">
                    "An operation is running: address, port and user can be changed when it has finished."
                </p>
            </Show>
            <Show when=move || unreachable.get()>
                <div class="callout">
                    <Icon shape=Shape::Warning/>
                    <p>
                        "The host key could not be read there, so nothing was saved. You can save anyway: "
                        "the pinned key stays, and the panel logs in only where it is shown."
                    </p>
                    <button
                        type="button"
                        class="button"
                        aria-disabled=move || submission.aria_disabled()
                        on:click=move |_| save(submission, HostKeyDecision::KeepPinned)
                    >
                        "Save anyway"
                    </button>
                </div>
            </Show>
            <TextArea field=form.notes label="Notes" hint="Only for you. They are not used on the server."/>
            <Theirs form/>
            <div class="form-actions">
                <SubmitButton submission label="Save changes" busy="Saving..."/>
            </div>
        </form>
        <Dialog open=deciding title="Different host key" id="other-host-key-title">
            {move || {
                other_key
                    .get()
                    .filter(|_| deciding.get())
                    .map(|(pinned, found)| {
                        let confirm_name = confirmation();
                        let submission = Submission::of(&[confirm_name]);
                        let host_key = found.host_key.clone();
                        let accept = move || {
                            let decision = HostKeyDecision::Accept {
                                host_key: host_key.clone(),
                                confirm_name: confirm_name.peek(),
                            };
                            save(submission, decision);
                        };
                        view! {
                            <p>
                                "The server at the new address has a different host key. Nothing has been saved yet."
                            </p>
                            <Decision pinned found name confirm_name submission open=deciding accept/>
                        }
                    })
            }}
        </Dialog>
    }
}

/// The notes as somebody else has saved them, when they clash with what is typed.
#[component]
fn Theirs(form: EditForm) -> impl IntoView {
    move || {
        form.theirs.get().map(|notes| {
            view! {
                <div class="field">
                    <strong>"The notes as saved elsewhere"</strong>
                    <p class="notes" dir="auto">
                        {notes}
                    </p>
                </div>
            }
        })
    }
}

/// The fields, and what the panel had for them when they were filled.
#[derive(Clone, Copy)]
struct EditForm {
    name: TextField,
    address: TextField,
    port: TextField,
    user: TextField,
    provider: TextField,
    notes: TextField,
    /// What is compared on saving: nothing that is not shown here is overwritten.
    shown: RwSignal<ServerFields>,
    theirs: RwSignal<Option<String>>,
}

impl EditForm {
    fn of(server: &ServerResource) -> Self {
        let first = ServerFields::of(server);
        Self {
            name: TextField::new(FORM, "name", &*first.name, |text| {
                ServerName::parse(text).map(drop)
            }),
            address: TextField::new(FORM, "address", &*first.address, |text| {
                Address::parse(text).map(drop)
            }),
            port: TextField::new(FORM, "port", &*first.port, |text| {
                SshPort::parse(text).map(drop)
            }),
            user: TextField::new(FORM, "user", &*first.user, |text| {
                UnixUser::parse(text).map(drop)
            }),
            provider: TextField::new(FORM, "provider", &*first.provider, |text| {
                Provider::parse(text).map(drop)
            }),
            notes: TextField::new(FORM, "notes", &*first.notes, |text| {
                Notes::parse(text).map(drop)
            }),
            shown: RwSignal::new(first),
            theirs: RwSignal::new(None),
        }
    }

    fn all(self) -> [TextField; 6] {
        [
            self.name,
            self.address,
            self.port,
            self.user,
            self.provider,
            self.notes,
        ]
    }

    fn typed(self) -> ServerFields {
        ServerFields {
            name: self.name.peek(),
            address: self.address.peek(),
            port: self.port.peek(),
            user: self.user.peek(),
            provider: self.provider.peek(),
            notes: self.notes.peek(),
        }
    }

    /// A change from elsewhere reaches the fields that nobody has touched here. The others keep what is typed, and
    /// saving them will say what has changed.
    fn follow(self, server: Signal<ServerResource>) {
        Effect::new(move || {
            let present = server.with(ServerFields::of);
            let mut shown = self.shown.get_untracked();
            for field in self.all() {
                let now = present.get(field.name);
                if now != shown.get(field.name) && field.peek() == shown.get(field.name) {
                    field.set(now);
                    shown.set(field.name, now);
                }
            }
            self.shown.set(shown);
        });
    }

    async fn send(
        self,
        id: ServerId,
        host_key: HostKeyDecision,
    ) -> Result<UpdateOutcome, ApiError> {
        let (fields, shown) = (self.typed(), self.shown.get_untracked());
        let input = UpdateServerInput {
            server_id: id,
            fields: fields.clone(),
            shown: shown.clone(),
            host_key,
        };
        let answer = update(input).await;
        match &answer {
            Ok(UpdateOutcome::Saved) => {
                if let Ok(present) = show(ServerInput { server_id: id }).await {
                    self.take_saved(&fields, &ServerFields::of(&present));
                }
            }
            // The message names what is there now; whoever saves again has seen it.
            Err(ApiError::Conflict { .. }) => {
                if let Ok(present) = show(ServerInput { server_id: id }).await {
                    let present = ServerFields::of(&present);
                    if present.notes != shown.notes {
                        self.theirs.try_set(Some(present.notes.clone()));
                    }
                    // What was not typed in follows the record, or the next save would undo somebody's change.
                    for field in self.all() {
                        if field.peek() == shown.get(field.name) {
                            field.set(present.get(field.name));
                        }
                    }
                    self.shown.try_set(present);
                }
            }
            Ok(UpdateOutcome::OtherHostKey { .. } | UpdateOutcome::Unreachable { .. })
            | Err(
                ApiError::Invalid { .. }
                | ApiError::SignedOut
                | ApiError::NotFound
                | ApiError::TooMany { .. }
                | ApiError::Remote { .. }
                | ApiError::Refused { .. }
                | ApiError::Internal,
            ) => {}
        }
        answer
    }

    /// The panel's own spelling takes the place of what was typed, unless it was typed on meanwhile.
    fn take_saved(self, sent: &ServerFields, present: &ServerFields) {
        if self.theirs.try_set(None).is_some() {
            // The page was left meanwhile.
            return;
        }
        for field in self.all() {
            if field.peek() == sent.get(field.name) {
                field.set(present.get(field.name));
            }
        }
        self.shown.try_set(present.clone());
    }
}
