//! The other way in: a password, given once.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::components::A;
use wire::authorize::{LoginPassword, PasswordInput, SudoersDropIn};
use wire::json::Json;
use wire::operations::{OperationResource, OperationState, StepStatus};
use wire::servers::ServerResource;
use wire::{ApiError, OperationId};

use crate::browser;
use crate::lifecycle::operation_path;
use crate::ui::{Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField};

/// Queues the operation that lets the panel in with a password.
#[server(prefix = "/api", endpoint = "servers/authorize", input = Json, output = Json)]
pub async fn authorize(input: PasswordInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let password = input.parse()?;
    Ok(domain::authorize::request(&panel, &who, &server, password).await?)
}

/// What the page follows of the latest attempt.
#[derive(Clone, PartialEq, Eq)]
struct Attempt {
    path: String,
    state: OperationState,
    /// The step that runs.
    doing: Option<String>,
    error: Option<String>,
}

impl Attempt {
    fn of(operation: &OperationResource) -> Self {
        let running = operation
            .steps
            .iter()
            .find(|step| step.status == StepStatus::Running);
        Self {
            path: operation_path(operation.server_id, operation.id),
            state: operation.state,
            doing: running.map(|step| step.title.clone()),
            error: operation.error.clone(),
        }
    }
}

/// Whether a password is being tried.
pub fn is_trying(server: &ServerResource) -> bool {
    server
        .authorization
        .as_ref()
        .is_some_and(|operation| !operation.state.is_over())
}

/// The password field, with what will be done, shown before anything is sent.
#[component]
pub fn PasswordRoute(server: Signal<ServerResource>) -> impl IntoView {
    let id = server.with_untracked(|server| server.summary.id);
    let user = Memo::new(move |_| server.with(|server| server.summary.user.clone()));
    let attempt =
        Memo::new(move |_| server.with(|server| server.authorization.as_ref().map(Attempt::of)));
    let was_tried = Memo::new(move |_| attempt.with(Option::is_some));
    let trying = Memo::new(move |_| server.with(is_trying));
    let password = TextField::new("let-in", "password", "", |text| {
        LoginPassword::parse(text).map(drop)
    });
    let submission = Submission::of(&[password]);
    let is_ours = StoredValue::new(false);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = PasswordInput {
                server_id: id,
                password: password.peek(),
            };
            submission.run(authorize(input), move |_| {
                password.set("");
                is_ours.set_value(true);
            });
        }
    };
    // After a refusal the field asks again, where it was given.
    Effect::new(move |was_trying: Option<bool>| {
        let trying = trying.get();
        if was_trying == Some(true) && !trying && is_ours.get_value() {
            browser::focus(&password.id());
        }
        trying
    });
    view! {
        <details class="password-route" open=was_tried>
            <summary>"Or use the password of " {user} " once"</summary>
            <form on:submit=submit novalidate method="post">
                <ul class="plain-list">
                    <li>
                        "The panel compares the host key, logs in with the password, adds its own key, and logs in with "
                        "that from then on."
                    </li>
                    <li>
                        "The password is encrypted while it waits, deleted when the login begins, and never logged."
                    </li>
                    {move || SudoersDropIn::of(&user.get()).map(|file| view! { <DropIn file/> })}
                </ul>
                <FormMessage submission/>
                <Refusal attempt/>
                <Field
                    field=password
                    label="Password"
                    kind="password"
                    hint="This user's password on the server, not your password for this panel."
                    // A browser would fill in the panel's own password otherwise.
                    autocomplete="new-password"
                />
                <div class="form-actions">
                    <SubmitButton
                        submission
                        label="Connect with password"
                        busy="Connecting..."
                        disabled=trying
                    />
                </div>
                <Progress attempt/>
            </form>
        </details>
    }
}

/// What lets a user other than root work as root later, word for word.
#[component]
fn DropIn(file: SudoersDropIn) -> impl IntoView {
    view! {
        <li>
            "If sudo asks for a password, this user is exempted by the file "
            <code data-testid="sudoers-path">{file.path}</code>
            " with this line, checked with visudo:"
            <pre class="file" tabindex="0" aria-label="Content of the file">
                <code data-testid="sudoers-content">{file.content}</code>
            </pre>
        </li>
    }
}

/// Why the last password did not let the panel in.
#[component]
fn Refusal(attempt: Memo<Option<Attempt>>) -> impl IntoView {
    let refusal = Memo::new(move |_| {
        attempt.with(|attempt| {
            let attempt = attempt.as_ref()?;
            Some((attempt.error.clone()?, attempt.path.clone()))
        })
    });
    view! {
        <div role="alert">
            {move || {
                refusal
                    .get()
                    .map(|(sentence, path)| {
                        view! {
                            <div class="callout is-error" data-testid="password-error">
                                <Icon shape=Shape::Warning/>
                                <div class="callout-text">{sentence}</div>
                                <A href=path>"Steps"</A>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// That it is under way, and how far.
#[component]
fn Progress(attempt: Memo<Option<Attempt>>) -> impl IntoView {
    let progress = Memo::new(move |_| {
        attempt.with(|attempt| {
            let attempt = attempt.as_ref().filter(|it| !it.state.is_over())?;
            let doing = attempt
                .doing
                .clone()
                .unwrap_or_else(|| "Waiting to start".to_owned());
            Some((doing, attempt.path.clone()))
        })
    });
    view! {
        <div role="status">
            {move || {
                progress
                    .get()
                    .map(|(doing, path)| {
                        view! {
                            <p class="asking">
                                <Icon shape=Shape::Loader/>
                                {doing}
                                "..."
                                <A href=path>"Steps"</A>
                            </p>
                        }
                    })
            }}
        </div>
    }
}
