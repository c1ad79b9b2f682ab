//! Provisioning: what it will do, its start, the latest one as it runs, and what it left there.

mod choices;
mod software;

use leptos::prelude::*;
use wire::operations::{OperationResource, OperationState, OutputPage};
use wire::provisioning::{ProvisionFields, ProvisionInput, SoftwareResource};
use wire::servers::ServerInput;
use wire::{ApiError, ServerId};

use self::choices::{ChoiceForm, ChoiceInputs, Preview};
pub use self::software::InstalledSoftware;
use super::{check, provision};
use crate::operations::{OperationView, Steps};
use crate::ui::{FormMessage, Icon, Shape, Submission};

/// What will be done and what can be chosen, before it is done for the first time.
#[component]
pub fn FirstProvisioning(
    id: ServerId,
    name: String,
    #[prop(into)] software: Signal<SoftwareResource>,
) -> impl IntoView {
    let form = ChoiceForm::of("provision", &software.get_untracked().chosen);
    ask_what_is_offered(id, software);
    view! {
        <section class="panel" aria-labelledby="provision">
            <h2 id="provision">"Provision this server"</h2>
            <p>"The panel is connected. Provisioning sets the server up for use."</p>
            <ChoiceInputs form software/>
            <Preview server=id form software/>
            <ProvisionButton
                server=id
                label=format!("Provision {name}")
                choices=Callback::new(move |()| form.fields())
            />
        </section>
    }
}

/// A server that was let in by another way than the page's own knocking has not been asked yet.
fn ask_what_is_offered(id: ServerId, software: Signal<SoftwareResource>) {
    Effect::new(move |asked: Option<bool>| {
        let asked = asked.unwrap_or_default();
        if !asked && software.with_untracked(|software| software.php_offered.is_empty()) {
            leptos::task::spawn_local(async move {
                // Where it does not answer, the form offers the distribution's own version.
                drop(check(ServerInput { server_id: id }).await);
            });
        }
        true
    });
}

/// Starts a provisioning; without choices it is done as it was chosen last.
#[component]
pub fn ProvisionButton(
    server: ServerId,
    label: String,
    #[prop(optional)] is_quiet: bool,
    #[prop(optional, into)] choices: Option<Callback<(), ProvisionFields>>,
) -> impl IntoView {
    let submission = Submission::bare();
    let hydrated = expect_context::<crate::Hydrated>();
    let start = move |_| {
        let input = ProvisionInput {
            server_id: server,
            choices: choices.map(|choices| choices.run(())),
        };
        submission.run(provision(input), |_| ());
    };
    view! {
        <FormMessage submission/>
        <button
            type="button"
            class="button"
            class:is-primary=!is_quiet
            disabled=move || !hydrated.get()
            aria-disabled=move || submission.aria_disabled()
            on:click=start
        >
            <Icon shape=Shape::Play/>
            {move || if submission.is_busy() { "Starting...".to_owned() } else { label.clone() }}
        </button>
    }
}

/// All of the output is still to be fetched.
const NOTHING_YET: OutputPage = OutputPage {
    chunks: Vec::new(),
    more: true,
    pruned: false,
};

/// The latest provisioning, live; another one takes its place.
#[component]
pub fn Provisioning(
    id: ServerId,
    #[prop(into)] software: Signal<SoftwareResource>,
    provisioning: Memo<Option<OperationResource>>,
    printed: Result<OutputPage, ApiError>,
) -> impl IntoView {
    let operation_id =
        Memo::new(move |_| provisioning.with(|operation| operation.as_ref().map(|it| it.id)));
    let state =
        Memo::new(move |_| provisioning.with(|operation| operation.as_ref().map(|it| it.state)));
    let is_over = Memo::new(move |_| state.get().is_some_and(OperationState::is_over));
    let (printed, printed_by) = (StoredValue::new(printed), operation_id.get_untracked());
    view! {
        <section aria-label="Provisioning">
            {move || {
                operation_id
                    .get()
                    .and_then(|_| provisioning.get_untracked())
                    .map(|first| {
                        // Output that came with the page belongs to the operation of then. It is copied, not
                        // taken: the server may run this closure twice for one page.
                        let printed = if printed_by == Some(first.id) {
                            printed.get_value()
                        } else {
                            Ok(NOTHING_YET)
                        };
                        let operation = Memo::new(move |_| {
                            provisioning.get().unwrap_or_else(|| first.clone())
                        });
                        view! { <OperationView operation printed/> }
                    })
            }}
            <Show when=move || is_over.get()>
                <Again id software state/>
            </Show>
        </section>
    }
}

/// Once more: the same again, or with other choices.
#[component]
fn Again(
    id: ServerId,
    software: Signal<SoftwareResource>,
    state: Memo<Option<OperationState>>,
) -> impl IntoView {
    let form = ChoiceForm::of("again", &software.get_untracked().chosen);
    // A failed one offers the button itself, beside its reason.
    let is_done = move || state.get() != Some(OperationState::Failed);
    view! {
        <Show when=is_done>
            <div class="after">
                <ProvisionButton server=id label="Provision again".to_owned() is_quiet=true/>
                <span class="field-note">"Safe to repeat: adds what is missing and leaves the rest alone."</span>
            </div>
        </Show>
        <details class="panel choose-again">
            <summary>"Change software"</summary>
            <ChoiceInputs form software/>
            <p class="field-note">
                "Software you deselect stays on the server; only what is selected is installed and checked."
            </p>
            <Steps summary="Exact steps and commands" wanted=form.wanted(id)/>
            <ProvisionButton
                server=id
                label="Provision with this selection".to_owned()
                is_quiet=true
                choices=Callback::new(move |()| form.fields())
            />
        </details>
    }
}
