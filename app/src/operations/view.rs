//! An operation as a reader follows it.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::ResourceKind;
use wire::operations::{OperationKind, OperationResource, OperationState, OutputPage};

use super::badge::OperationBadge;
use super::feed::Feed;
use super::steps::StepView;
use crate::servers::ProvisionButton;
use crate::ui::{Ago, Clock, CopyButton, Icon, Shape, duration};

/// Steps, output, commands, and what to do after a failure.
#[component]
pub fn OperationView(
    #[prop(into)] operation: Signal<OperationResource>,
    /// What it had printed when the page was asked for.
    printed: OutputPage,
) -> impl IntoView {
    let (id, server) = operation.with_untracked(|operation| (operation.id, operation.server_id));
    let feed = Feed::follow(server, id, printed);
    let clock = expect_context::<Clock>();
    let state = Memo::new(move |_| operation.with(|operation| operation.state));
    let elapsed = Memo::new(move |_| {
        operation.with(|operation| {
            let started = operation.started_at?;
            let ended = operation.ended_at.unwrap_or_else(|| clock.now());
            Some(duration(ended.millis_since(started)))
        })
    });
    let positions = move || {
        operation.with(|operation| {
            operation
                .steps
                .iter()
                .map(|step| step.position)
                .collect::<Vec<_>>()
        })
    };
    let title_id = format!("operation-{id}");
    view! {
        <article
            class="operation"
            data-operation-id=id.0
            data-operation-state=move || state.get().as_str()
            aria-labelledby=title_id
        >
            <header class="operation-head">
                <h2 id=title_id.clone()>{move || operation.with(|operation| operation.title.clone())}</h2>
                <OperationBadge state/>
                <span class="operation-time">{elapsed}</span>
                <span class="operation-by">
                    {move || operation.with(|operation| operation.requested_by.clone())} ", "
                    <Ago at=Signal::derive(move || operation.with(|operation| operation.created_at))/>
                </span>
            </header>
            <Failure operation/>
            <Show when=move || state.get() == OperationState::Queued>
                <p class="field-note step-silence">"Waiting for a worker to begin."</p>
            </Show>
            <ol class="steps">
                <For each=positions key=|position| *position let:position>
                    {
                        let first = operation.with_untracked(|it| find(it, position));
                        first
                            .map(|first| {
                                let step = Memo::new(move |_| {
                                    operation
                                        .with(|operation| find(operation, position))
                                        .unwrap_or_else(|| first.clone())
                                });
                                view! { <StepView step feed/> }
                            })
                    }
                </For>
            </ol>
            <Commands operation/>
        </article>
    }
}

/// Why it failed, and the next thing to do.
#[component]
fn Failure(operation: Signal<OperationResource>) -> impl IntoView {
    let error = Memo::new(move |_| operation.with(|operation| operation.error.clone()));
    let (kind, server) =
        operation.with_untracked(|operation| (operation.kind, operation.server_id));
    let next = move || match kind {
        OperationKind::Provision => {
            view! { <ProvisionButton server label="Provision again".to_owned()/> }.into_any()
        }
        OperationKind::Install(resource)
        | OperationKind::Change(resource)
        | OperationKind::Remove(resource) => {
            let (href, label) = match resource {
                ResourceKind::FirewallRule => {
                    (format!("/servers/{server}/firewall"), "Go to the firewall")
                }
            };
            view! { <A href attr:class="button is-primary">{label}</A> }.into_any()
        }
    };
    view! {
        <div role="status">
            {move || {
                error
                    .get()
                    .map(|error| {
                        view! {
                            <div class="callout is-error" data-testid="operation-error">
                                <Icon shape=Shape::Warning/>
                                <div class="callout-text">{error}</div>
                                <div>{next()}</div>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// The scripts that run, to be read and copied.
#[component]
fn Commands(operation: Signal<OperationResource>) -> impl IntoView {
    let scripts = Memo::new(move |_| {
        operation.with(|operation| {
            operation
                .steps
                .iter()
                .filter(|step| !step.script.trim().is_empty())
                .map(|step| (step.position, step.title.clone(), step.script.clone()))
                .collect::<Vec<_>>()
        })
    });
    let all = Memo::new(move |_| {
        scripts.with(|scripts| {
            scripts
                .iter()
                .map(|(_, title, script)| format!("# {title}\n{}\n", script.trim_end()))
                .collect::<Vec<_>>()
                .join("\n")
        })
    });
    view! {
        <Show when=move || !scripts.with(Vec::is_empty)>
            <details class="commands">
                <summary>"Commands"</summary>
                <p class="field-note">
                    "These scripts run on the server, each on the input of a shell."
                    <CopyButton text=all label="Copy all commands"/>
                </p>
                <For each=move || scripts.get() key=|(position, ..)| *position let((_, title, script))>
                    <h3>{title.clone()}</h3>
                    <pre class="script" tabindex="0" aria-label=format!("Script of {title}")>
                        {script}
                    </pre>
                </For>
            </details>
        </Show>
    }
}

fn find(operation: &OperationResource, position: i32) -> Option<wire::operations::StepResource> {
    operation
        .steps
        .iter()
        .find(|step| step.position == position)
        .cloned()
}
