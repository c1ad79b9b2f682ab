//! A server's own page. It leads from the pasted key over the first provisioning to everyday use
//! without being asked to.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::event::Channel;
use wire::operations::{OperationResource, OutputInput, OutputPage};
use wire::servers::{Connection, ServerInput, ServerResource};
use wire::{ApiError, ServerId};

use super::remove::RemoveServer;
use super::{ServerHeader, check, provision, show, use_server_id};
use crate::lifecycle::operation_path;
use crate::live::live;
use crate::operations::{self, OperationBadge, OperationView};
use crate::ui::{
    Ago, CopyButton, FormMessage, Icon, NotFound, Shape, Submission, live_page,
};
use crate::{browser, live as liveness};

/// How often a page that waits for the key knocks on the server's door.
const KNOCK_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// What provisioning does, in the words of its steps.
const PROVISIONING: &[&str] = &[
    "Checks the system: Debian, architecture, disk, memory.",
    "Refreshes the package lists and installs the base packages.",
    "Makes the app user brokeforge: no password, no sudo.",
    "Sets up the firewall (ufw): closed by default; SSH, 80 and 443 stay open.",
    "Installs PHP-FPM, nginx, cron and supervisor, and probes each of them.",
];

/// A server's overview.
#[component]
pub fn ServerPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Overview id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Overview(id: ServerId) -> impl IntoView {
    let server = live(Channel::Server(id), move || show(ServerInput { server_id: id }));
    // What an operation printed before the page was asked for arrives with the page.
    let printed = OnceResource::new(async move {
        match show(ServerInput { server_id: id }).await?.provisioning {
            Some(operation) => {
                operations::output(OutputInput { operation_id: operation.id, after: 0 }).await
            }
            None => Ok::<OutputPage, ApiError>(OutputPage::default()),
        }
    });
    live_page(server, move |server| {
        view! { <OverviewBody id server printed/> }.into_any()
    })
}

#[component]
fn OverviewBody(
    id: ServerId,
    server: Signal<ServerResource>,
    printed: OnceResource<Result<OutputPage, ApiError>>,
) -> impl IntoView {
    let summary = Memo::new(move |_| server.with(|server| server.summary.clone()));
    let connection = Memo::new(move |_| summary.with(|summary| summary.connection));
    let provisioning = Memo::new(move |_| server.with(|server| server.provisioning.clone()));
    let stage = Memo::new(move |_| match (provisioning.with(Option::is_some), connection.get()) {
        (true, _) => Stage::Provisioning,
        (false, Connection::AwaitingKey) => Stage::AwaitingKey,
        (false, Connection::Connected | Connection::Failed) => Stage::Plain,
    });
    view! {
        <Title text=move || summary.with(|summary| summary.name.clone())/>
        <ServerHeader server=summary/>
        {move || match connection.get() {
            Connection::AwaitingKey => view! { <LetThePanelIn server/> }.into_any(),
            Connection::Failed => view! { <CannotConnect id server/> }.into_any(),
            Connection::Connected => ().into_any(),
        }}
        {move || match stage.get() {
            Stage::Provisioning => {
                view! {
                    <Suspense>
                        {Suspend::new(async move {
                            let printed = printed.await.unwrap_or_default();
                            view! { <Provisioning id provisioning printed/> }
                        })}
                    </Suspense>
                }
                    .into_any()
            }
            Stage::Plain => view! { <FirstProvisioning id/> }.into_any(),
            Stage::AwaitingKey => ().into_any(),
        }}
        <RecentOperations server/>
        <Facts server/>
        <RemoveServer server=summary/>
    }
}

/// How far a server has come; the page changes its main part with it and with nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    AwaitingKey,
    Plain,
    Provisioning,
}

/// The command that authorizes the panel's key, and a page that notices when it was run.
#[component]
fn LetThePanelIn(server: Signal<ServerResource>) -> impl IntoView {
    let id = server.with_untracked(|server| server.summary.id);
    let command = Memo::new(move |_| server.with(|server| server.authorize_command.clone()));
    let user = Memo::new(move |_| server.with(|server| server.summary.user.clone()));
    let trouble = Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    knock_on(id);
    let code = NodeRef::new();
    view! {
        <section class="panel" aria-labelledby="let-in">
            <h2 id="let-in">"Let the panel in"</h2>
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
                "It adds the panel's own key to the keys that may log in. The keys that are there stay; running it "
                "twice changes nothing."
            </p>
            <p class="asking" role="status">
                <Icon shape=Shape::Loader/>
                "Waiting for the key to be accepted. This page goes on by itself."
            </p>
            {move || trouble.get().map(|sentence| view! { <p class="field-note is-error">{sentence}</p> })}
        </section>
    }
}

/// Tries the key every 3 s while the page is looked at. News comes back over the socket.
fn knock_on(id: ServerId) {
    let busy = StoredValue::new(false);
    Effect::new(move || {
        let knock = move || {
            if browser::is_hidden() || busy.try_get_value().unwrap_or(true) {
                return;
            }
            busy.set_value(true);
            leptos::task::spawn_local(async move {
                // What went wrong is recorded with the server and shown from there.
                let _ = check(ServerInput { server_id: id }).await;
                busy.try_update_value(|busy| *busy = false);
                liveness::changed_here();
            });
        };
        if let Ok(timer) = set_interval_with_handle(knock, KNOCK_EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
}

#[component]
fn CannotConnect(id: ServerId, server: Signal<ServerResource>) -> impl IntoView {
    let submission = Submission::bare();
    let sentence = Memo::new(move |_| server.with(|server| server.summary.connection_error.clone()));
    let checked_at =
        Memo::new(move |_| server.with(|server| server.summary.connection_checked_at));
    view! {
        <section class="callout is-error" aria-label="Connection">
            <Icon shape=Shape::Warning/>
            <div>
                <p>{sentence}</p>
                <p class="field-note">
                    "Last tried "
                    {move || checked_at.get().map(|at| view! { <Ago at=Signal::stored(at)/> })}
                </p>
                <FormMessage submission/>
            </div>
            <button
                type="button"
                class="button"
                disabled=move || submission.is_busy()
                on:click=move |_| submission.run(check(ServerInput { server_id: id }), |()| ())
            >
                {move || if submission.is_busy() { "Connecting..." } else { "Try again" }}
            </button>
        </section>
    }
}

#[component]
fn FirstProvisioning(id: ServerId) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby="provision">
            <h2 id="provision">"Provision this server"</h2>
            <p>"The panel can log in. Provisioning makes the server ready for use:"</p>
            <ul class="plain-list">
                {PROVISIONING.iter().map(|line| view! { <li>{*line}</li> }).collect_view()}
            </ul>
            <ProvisionButton server=id label="Provision"/>
        </section>
    }
}

/// Starts a provisioning.
#[component]
pub fn ProvisionButton(
    server: ServerId,
    label: &'static str,
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
            {move || if submission.is_busy() { "Starting..." } else { label }}
        </button>
    }
}

/// The latest provisioning, live; another one takes its place.
#[component]
fn Provisioning(
    id: ServerId,
    provisioning: Memo<Option<OperationResource>>,
    printed: OutputPage,
) -> impl IntoView {
    let operation_id =
        Memo::new(move |_| provisioning.with(|operation| operation.as_ref().map(|it| it.id)));
    let is_over = Memo::new(move |_| {
        provisioning.with(|operation| operation.as_ref().is_some_and(|it| it.state.is_over()))
    });
    let printed = StoredValue::new(printed);
    view! {
        <section aria-label="Provisioning">
            {move || {
                operation_id
                    .get()
                    .and_then(|_| provisioning.get_untracked())
                    .map(|first| {
                        // Output that came with the page belongs to the operation of then.
                        let printed = printed.try_update_value(std::mem::take).unwrap_or_default();
                        let operation = Memo::new(move |_| {
                            provisioning.get().unwrap_or_else(|| first.clone())
                        });
                        view! { <OperationView operation printed/> }
                    })
            }}
            <Show when=move || is_over.get()>
                <p class="after">
                    <ProvisionButton server=id label="Provision again" is_quiet=true/>
                    <span class="field-note">"Changes nothing that is as it should be; mends what is not."</span>
                </p>
            </Show>
        </section>
    }
}

#[component]
fn RecentOperations(server: Signal<ServerResource>) -> impl IntoView {
    let operations = Memo::new(move |_| server.with(|server| server.recent_operations.clone()));
    let ids = move || operations.with(|all| all.iter().map(|operation| operation.id).collect::<Vec<_>>());
    view! {
        <Show when=move || !operations.with(Vec::is_empty)>
            <section aria-labelledby="recent">
                <h2 id="recent">"Recent operations"</h2>
                <ul class="lines">
                    <For each=ids key=|id| *id let:id>
                        <RecentOperation
                            operation=Memo::new(move |_| {
                                operations.with(|all| all.iter().find(|it| it.id == id).cloned())
                            })
                        />
                    </For>
                </ul>
            </section>
        </Show>
    }
}

#[component]
fn RecentOperation(operation: Memo<Option<OperationResource>>) -> impl IntoView {
    move || {
        operation.get().map(|operation| {
            view! {
                <li>
                    <OperationBadge state=operation.state/>
                    <A href=operation_path(operation.server_id, operation.id)>{operation.title}</A>
                    <span class="line-end">
                        {operation.requested_by} ", " <Ago at=Signal::stored(operation.created_at)/>
                    </span>
                </li>
            }
        })
    }
}

#[component]
fn Facts(server: Signal<ServerResource>) -> impl IntoView {
    let key = Memo::new(move |_| server.with(|server| server.host_key.clone()));
    let added = server.with_untracked(|server| server.created_at);
    view! {
        <section aria-labelledby="facts">
            <h2 id="facts">"Connection"</h2>
            <dl class="facts">
                <dt>"Host key"</dt>
                <dd class="is-code">
                    {move || key.with(|key| format!("{} {}", key.algorithm, key.fingerprint))}
                </dd>
                <dt>"Logs in as"</dt>
                <dd class="is-code">{move || server.with(|server| server.summary.user.clone())}</dd>
                <dt>"Added"</dt>
                <dd>
                    <Ago at=Signal::stored(added)/>
                </dd>
            </dl>
        </section>
    }
}
