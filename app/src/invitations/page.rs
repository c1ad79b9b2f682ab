//! Where an invitation's link leads. Its token stands behind the `#`, which no browser sends: it is in
//! no log of the panel or of a proxy, and in no Referer. So the page learns it only in the browser.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_meta::Title;
use wire::ApiError;
use wire::accounts::{AccountResource, Password, Visitor};
use wire::invitations::{AcceptInvitationInput, InvitationState, InvitationTokenInput};
use wire::text::one_line;

use super::{accept, show};
use crate::accounts::{Brand, PageVisitor};
use crate::browser;
use crate::ui::{ErrorView, Field, FormMessage, Submission, SubmitButton, TextField};

/// Makes the invited account.
#[component]
pub fn InvitationPage() -> impl IntoView {
    let PageVisitor(visitor) = expect_context();
    let answer = RwSignal::new(None::<Result<InvitationState, ApiError>>);
    let token = RwSignal::new(String::new());
    // A second link pasted into the same tab changes the fragment only. The router does not hear of that.
    let pasted = RwSignal::new(());
    Effect::new(move || {
        let listener = window_event_listener(leptos::ev::hashchange, move |_| pasted.notify());
        on_cleanup(move || listener.remove());
    });
    Effect::new(move || {
        pasted.track();
        let fragment = browser::fragment();
        token.set(fragment.clone());
        leptos::task::spawn_local(async move {
            let state = show(InvitationTokenInput { token: fragment }).await;
            answer.try_set(Some(state));
        });
    });
    view! {
        <Title text="Invitation"/>
        <main class="bare">
            <section class="door" aria-live="polite">
                <Brand/>
                <h1>"Your invitation"</h1>
                <Suspense>
                    {Suspend::new(async move {
                        match visitor.await {
                            Ok(Visitor::SignedIn(account)) => view! { <SignedInAs account/> }.into_any(),
                            Ok(Visitor::SignedOut | Visitor::SetupNeeded) | Err(_) => ().into_any(),
                        }
                    })}
                </Suspense>
                {move || match answer.get() {
                    None => {
                        view! {
                            <p class="loading">"Loading invitation..."</p>
                            <noscript>
                                <p>"This page needs JavaScript: the invitation is opened in your browser."</p>
                            </noscript>
                        }
                            .into_any()
                    }
                    Some(Ok(InvitationState::Open { email, invited_by, .. })) => {
                        view! { <AcceptForm token email invited_by/> }.into_any()
                    }
                    Some(Ok(refused)) => view! { <Refused state=refused/> }.into_any(),
                    Some(Err(error)) => view! { <ErrorView error/> }.into_any(),
                }}
            </section>
        </main>
    }
}

#[component]
fn AcceptForm(token: RwSignal<String>, email: String, invited_by: String) -> impl IntoView {
    let name = TextField::new("invitation", "name", "", |text| {
        one_line(text, 100).map(drop)
    });
    let password = TextField::new("invitation", "password", "", |text| {
        Password::parse(text).map(drop)
    });
    let submission = Submission::of(&[name, password]);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = AcceptInvitationInput {
                token: token.get_untracked(),
                name: name.peek(),
                password: password.peek(),
            };
            submission.run(accept(input), |()| browser::go_to("/servers"));
        }
    };
    view! {
        <p>
            <strong>{invited_by}</strong>
            " invites you to this panel. You get an account of your own, for servers of your own."
        </p>
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <div class="field">
                <label for="invitation-email">"E-mail"</label>
                <input
                    id="invitation-email"
                    type="email"
                    name="email"
                    autocomplete="username"
                    value=email
                    readonly
                    aria-describedby="invitation-email-note"
                />
                <p id="invitation-email-note" class="field-note">
                    "You use it to sign in. You can change it later."
                </p>
            </div>
            <Field field=name label="Your name" autocomplete="name"/>
            <Field
                field=password
                label="Password"
                hint="At least 10 characters."
                kind="password"
                autocomplete="new-password"
            />
            <div class="form-actions">
                <SubmitButton submission label="Create account" busy="Creating account..."/>
            </div>
        </form>
    }
}

#[component]
fn Refused(state: InvitationState) -> impl IntoView {
    view! {
        <p role="alert">{state.refusal()}</p>
        <p>
            <a href="/sign-in" class="button">
                "Go to sign-in"
            </a>
        </p>
    }
}

/// Accepting takes the place of the session that this browser has.
#[component]
fn SignedInAs(account: AccountResource) -> impl IntoView {
    view! {
        <p class="field-note">
            "You are signed in as " <strong>{account.name}</strong>
            ". Creating the account signs this browser in to the new one."
        </p>
    }
}
