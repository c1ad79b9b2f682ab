//! Sessions: where one is signed in, and how to end that.

use leptos::prelude::*;
use wire::accounts::NoInput;
use wire::json::Json;
use wire::sessions::{SessionInput, SessionResource};
use wire::{ApiError, SessionId};

use crate::accounts::sign_out;
use crate::browser;
use crate::lifecycle::Badge;
use crate::ui::{ACTIONS, Ago, Icon, Rows, Shape, Submission, Toasts, row_of};

/// The caller's sessions.
#[server(prefix = "/api", endpoint = "sessions/list", input = Json, output = Json)]
pub async fn list(input: NoInput) -> Result<Vec<SessionResource>, ApiError> {
    let NoInput {} = input;
    let (panel, who) = crate::session::signed_in()?;
    Ok(domain::sessions::list(&panel.db, &who).await?)
}

/// Ends one of the caller's sessions.
#[server(prefix = "/api", endpoint = "sessions/revoke", input = Json, output = Json)]
pub async fn revoke(input: SessionInput) -> Result<(), ApiError> {
    let (panel, who) = crate::session::signed_in()?;
    Ok(domain::sessions::revoke(&panel.db, &who, input.session_id).await?)
}

/// Ends the caller's sessions but this one; tells how many.
#[server(prefix = "/api", endpoint = "sessions/end_others", input = Json, output = Json)]
pub async fn end_others(input: NoInput) -> Result<u64, ApiError> {
    let NoInput {} = input;
    let (panel, who) = crate::session::signed_in()?;
    Ok(domain::sessions::end_others(&panel.db, &who).await?)
}

/// Ends all of the caller's sessions.
#[server(prefix = "/api", endpoint = "sessions/end_everywhere", input = Json, output = Json)]
pub async fn end_everywhere(input: NoInput) -> Result<(), ApiError> {
    let NoInput {} = input;
    let (panel, who) = crate::session::signed_in()?;
    domain::sessions::end_everywhere(&panel.db, &who).await?;
    crate::session::end(&panel);
    Ok(())
}

/// The table of sessions.
#[component]
pub fn Sessions(sessions: Signal<Vec<SessionResource>>) -> impl IntoView {
    let ids = move || {
        sessions.with(|sessions| {
            sessions
                .iter()
                .map(|session| session.id)
                .collect::<Vec<_>>()
        })
    };
    let is_alone = Memo::new(move |_| sessions.with(|sessions| sessions.len() < 2));
    let (others, everywhere) = (Submission::bare(), Submission::bare());
    let toasts = expect_context::<Toasts>();
    let leave_others = move |_| {
        others.run(end_others(NoInput {}), move |ended| {
            toasts.say(match ended {
                1 => "1 other session was ended.".to_owned(),
                _ => format!("{ended} other sessions were ended."),
            });
        });
    };
    let leave = move |_| {
        everywhere.run(end_everywhere(NoInput {}), |()| browser::go_to("/sign-in"));
    };
    view! {
        <section aria-labelledby="sessions">
            <h2 id="sessions">"Active sessions"</h2>
            <Rows
                caption="Your sessions"
                class="is-sessions"
                columns=&["Browser", "Address", "Signed in", "Last seen", ACTIONS]
            >
                <tbody>
                    <For each=ids key=|id| *id let:id>
                        <SessionRow id sessions/>
                    </For>
                </tbody>
            </Rows>
            <p class="field-note">
                "The address is where the sign-in came from. A session ends after 14 days "
                "without use, and after 30 days in any case."
            </p>
            <p role="alert" class="field-note is-error">
                {move || others.message().or_else(|| everywhere.message())}
            </p>
            <div class="after">
                <button
                    type="button"
                    class="button"
                    disabled=move || is_alone.get()
                    aria-disabled=move || others.aria_disabled()
                    on:click=leave_others
                >
                    "Sign out everywhere else"
                </button>
                <button
                    type="button"
                    class="button is-danger"
                    aria-disabled=move || everywhere.aria_disabled()
                    on:click=leave
                >
                    <Icon shape=Shape::SignOut/>
                    "Sign out everywhere"
                </button>
            </div>
        </section>
    }
}

#[component]
fn SessionRow(id: SessionId, sessions: Signal<Vec<SessionResource>>) -> impl IntoView {
    let Some(session) = row_of(sessions, move |session| session.id == id) else {
        return ().into_any();
    };
    let is_current = session.with_untracked(|session| session.is_current);
    let submission = Submission::bare();
    let end = move |_| {
        if is_current {
            submission.run(sign_out(NoInput {}), |()| browser::go_to("/sign-in"));
        } else {
            submission.run(revoke(SessionInput { session_id: id }), |()| ());
        }
    };
    let label =
        move || session.with(|session| format!("Sign out {} at {}", session.browser, session.peer));
    view! {
        <tr data-session-id=id.0>
            <th scope="row">
                <span class="row-name">
                    {move || session.with(|session| session.browser.clone())}
                    {is_current.then(|| view! { <Badge tone="active" shape=Shape::Check word="This browser"/> })}
                </span>
                <p role="alert" class="row-error">
                    {move || submission.message()}
                </p>
            </th>
            <td class="is-code" data-label="Address">
                {move || session.with(|session| session.peer.clone())}
            </td>
            <td data-label="Signed in">
                <Ago at=Signal::derive(move || session.with(|session| session.signed_in_at))/>
            </td>
            <td data-label="Last seen">
                <Ago at=Signal::derive(move || session.with(|session| session.seen_at))/>
            </td>
            <td class="row-actions">
                <button
                    type="button"
                    class="button is-small"
                    aria-label=label
                    aria-disabled=move || submission.aria_disabled()
                    on:click=end
                >
                    "Sign out"
                </button>
            </td>
        </tr>
    }
    .into_any()
}
