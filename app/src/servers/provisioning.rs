//! Provisioning: what it will do, its start, and the latest one as it runs.

use leptos::prelude::*;
use wire::ServerId;
use wire::operations::{OperationResource, OperationState, OutputPage};
use wire::servers::ServerInput;

use super::provision;
use crate::operations::OperationView;
use crate::ui::{FormMessage, Icon, Shape, Submission};

/// What provisioning does, in the words of its steps.
const PROVISIONING: &[&str] = &[
    "Checks the system: Debian, architecture, disk, memory.",
    "Refreshes the package lists and installs the base packages.",
    "Makes the app user brokeforge: no password, no sudo.",
    "Sets up the firewall (ufw): closed by default; SSH, 80 and 443 stay open.",
    "Installs PHP-FPM, nginx, cron and supervisor, and probes each of them.",
];

/// What will be done, before it is done for the first time.
#[component]
pub fn FirstProvisioning(id: ServerId, name: String) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby="provision">
            <h2 id="provision">"Provision this server"</h2>
            <p>"The panel can log in. Provisioning makes the server ready for use:"</p>
            <ul class="plain-list">
                {PROVISIONING.iter().map(|line| view! { <li>{*line}</li> }).collect_view()}
            </ul>
            <ProvisionButton server=id label=format!("Provision {name}")/>
        </section>
    }
}

/// Starts a provisioning.
#[component]
pub fn ProvisionButton(
    server: ServerId,
    label: String,
    #[prop(optional)] is_quiet: bool,
) -> impl IntoView {
    let submission = Submission::bare();
    let hydrated = expect_context::<crate::Hydrated>();
    let start = move |_| submission.run(provision(ServerInput { server_id: server }), |_| ());
    view! {
        <FormMessage submission/>
        <button
            type="button"
            class="button"
            class:is-primary=!is_quiet
            disabled=move || !hydrated.get() || submission.is_busy()
            on:click=start
        >
            <Icon shape=Shape::Play/>
            {move || if submission.is_busy() { "Starting...".to_owned() } else { label.clone() }}
        </button>
    }
}

/// The latest provisioning, live; another one takes its place.
#[component]
pub fn Provisioning(
    id: ServerId,
    provisioning: Memo<Option<OperationResource>>,
    printed: OutputPage,
) -> impl IntoView {
    let operation_id =
        Memo::new(move |_| provisioning.with(|operation| operation.as_ref().map(|it| it.id)));
    // A failed one offers the button itself, beside its reason.
    let is_done = Memo::new(move |_| {
        provisioning.with(|operation| {
            operation
                .as_ref()
                .is_some_and(|it| it.state.is_over() && it.state != OperationState::Failed)
        })
    });
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
                            OutputPage::default()
                        };
                        let operation = Memo::new(move |_| {
                            provisioning.get().unwrap_or_else(|| first.clone())
                        });
                        view! { <OperationView operation printed/> }
                    })
            }}
            <Show when=move || is_done.get()>
                <div class="after">
                    <ProvisionButton server=id label="Provision again".to_owned() is_quiet=true/>
                    <span class="field-note">"Changes nothing that is as it should be; mends what is not."</span>
                </div>
            </Show>
        </section>
    }
}
