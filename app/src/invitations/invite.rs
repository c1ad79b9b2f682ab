//! Inviting somebody, and the invitations that are open.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use wire::InvitationId;
use wire::accounts::Email;
use wire::invitations::{InvitationInput, InvitationLink, InvitationResource, InviteInput};

use super::{create, revoke};
use crate::lifecycle::Badge;
use crate::ui::{
    ACTIONS, Ago, Clock, CopyButton, Field, FormMessage, Rows, Shape, Submission, SubmitButton,
    TextField,
};

/// The form, the link it made, and the list.
#[component]
pub fn Invitations(invitations: Signal<Vec<InvitationResource>>) -> impl IntoView {
    let is_empty = Memo::new(move |_| invitations.with(Vec::is_empty));
    view! {
        <section class="panel is-form" aria-labelledby="invite">
            <h2 id="invite">"Invite someone"</h2>
            <p>
                "They get an account of their own, with servers of their own. Neither of you sees the other's servers."
            </p>
            <InviteForm/>
        </section>
        <Show when=move || !is_empty.get()>
            <OpenInvitations invitations/>
        </Show>
    }
}

#[component]
fn InviteForm() -> impl IntoView {
    let made = RwSignal::new(None::<InvitationLink>);
    let email = TextField::new("invite", "email", "", |text| Email::parse(text).map(drop));
    let submission = Submission::of(&[email]);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = InviteInput {
                email: email.peek(),
            };
            submission.run(create(input), move |link| {
                email.set("");
                made.set(Some(link));
            });
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <Field
                field=email
                label="E-mail"
                hint="Inviting the same address again replaces its earlier link."
                kind="email"
            />
            <div class="form-actions">
                <SubmitButton submission label="Create invitation link" busy="Creating link..."/>
            </div>
        </form>
        <div role="status" class="made-link">
            {move || made.get().map(|link| view! { <MadeLink link/> })}
        </div>
    }
}

/// The link, shown this once.
#[component]
fn MadeLink(link: InvitationLink) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let code = NodeRef::<html::Code>::new();
    let InvitationLink {
        email,
        link,
        expires_at,
    } = link;
    let text = Signal::stored(link.clone());
    view! {
        <p>"Send this link to " <strong>{email}</strong> ":"</p>
        <div class="command">
            <pre tabindex="0" aria-label="Invitation link"><code node_ref=code data-testid="invitation-link">{link}</code></pre>
            <CopyButton text label="Copy the link" source=code/>
        </div>
        <p class="field-note">
            "It is shown only now and works once, until " {move || clock.exact(expires_at)}
            ". The panel does not send e-mail."
        </p>
    }
}

#[component]
fn OpenInvitations(invitations: Signal<Vec<InvitationResource>>) -> impl IntoView {
    let ids = move || {
        invitations.with(|invitations| {
            invitations
                .iter()
                .map(|invitation| invitation.id)
                .collect::<Vec<_>>()
        })
    };
    view! {
        <section aria-labelledby="invitations">
            <h2 id="invitations">"Open invitations"</h2>
            <Rows
                caption="Open invitations"
                class="is-invitations"
                columns=&["E-mail", "Invited by", "Invited", "Until", ACTIONS]
            >
                <tbody>
                    <For each=ids key=|id| *id let:id>
                        <InvitationRow id invitations/>
                    </For>
                </tbody>
            </Rows>
        </section>
    }
}

#[component]
fn InvitationRow(id: InvitationId, invitations: Signal<Vec<InvitationResource>>) -> impl IntoView {
    // Who, when and until when never change; only the clock makes an invitation expire.
    let Some(invitation) = invitations
        .with_untracked(|all| all.iter().find(|invitation| invitation.id == id).cloned())
    else {
        return ().into_any();
    };
    let clock = expect_context::<Clock>();
    let InvitationResource {
        email,
        invited_by,
        invited_at,
        expires_at,
        is_expired,
        ..
    } = invitation;
    let has_expired = Memo::new(move |_| is_expired || clock.now() >= expires_at);
    let submission = Submission::bare();
    let withdraw = move |_| {
        submission.run(revoke(InvitationInput { invitation_id: id }), |()| ());
    };
    let label = format!("Withdraw the invitation of {email}");
    view! {
        <tr data-invitation-id=id.0>
            <th scope="row">
                {email}
                <p role="alert" class="row-error">
                    {move || submission.message()}
                </p>
            </th>
            <td data-label="Invited by">{invited_by}</td>
            <td data-label="Invited">
                <Ago at=Signal::stored(invited_at)/>
            </td>
            <td data-label="Until">
                {move || {
                    if has_expired.get() {
                        view! { <Badge tone="failed" shape=Shape::Clock word="Expired"/> }.into_any()
                    } else {
                        view! {
                            <time datetime=expires_at.to_rfc3339()>{move || clock.exact(expires_at)}</time>
                        }
                            .into_any()
                    }
                }}
            </td>
            <td class="row-actions">
                <button
                    type="button"
                    class="button is-small"
                    aria-label=label
                    aria-disabled=move || submission.aria_disabled()
                    on:click=withdraw
                >
                    "Withdraw"
                </button>
            </td>
        </tr>
    }
    .into_any()
}
