//! The pages before there is a session.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_location;
use wire::accounts::{Email, Password, SetupInput, SignInInput, Visitor};
use wire::text::one_line;

use super::{PageVisitor, WayBack, setup, sign_in};
use crate::browser;
use crate::ui::{ErrorView, Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField};

/// Makes the first account.
#[component]
pub fn SetupPage() -> impl IntoView {
    let PageVisitor(visitor) = expect_context();
    view! {
        <Title text="Set up"/>
        <main class="bare">
            <Suspense>
                {Suspend::new(async move {
                    match visitor.await {
                        Ok(Visitor::SetupNeeded) => view! { <SetupForm/> }.into_any(),
                        Ok(Visitor::SignedOut) => view! { <Redirect path="/sign-in"/> }.into_any(),
                        Ok(Visitor::SignedIn(_)) => view! { <Redirect path="/servers"/> }.into_any(),
                        Err(error) => view! { <ErrorView error/> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

/// Signs in.
#[component]
pub fn SignInPage() -> impl IntoView {
    let PageVisitor(visitor) = expect_context();
    let back = use_location()
        .search
        .with_untracked(|query| WayBack::of_query(query).to_string());
    view! {
        <Title text="Sign in"/>
        <main class="bare">
            <Suspense>
                {Suspend::new(async move {
                    match visitor.await {
                        Ok(Visitor::SetupNeeded) => view! { <Redirect path="/setup"/> }.into_any(),
                        Ok(Visitor::SignedOut) => {
                            let go_on = move |()| browser::go_to(&back);
                            view! {
                                <section class="door">
                                    <Brand/>
                                    <h1>"Sign in"</h1>
                                    <SignInForm form="sign-in" done=Callback::new(go_on)/>
                                    <p class="field-note">
                                        "Forgot your password? Whoever runs this panel can reset it with "
                                        <code>"brokeforge user reset-password"</code> "."
                                    </p>
                                </section>
                            }
                                .into_any()
                        }
                        Ok(Visitor::SignedIn(_)) => view! { <Redirect path=back/> }.into_any(),
                        Err(error) => view! { <ErrorView error/> }.into_any(),
                    }
                })}
            </Suspense>
        </main>
    }
}

/// E-mail and password, on a page of its own or in the dialog.
#[component]
pub fn SignInForm(form: &'static str, done: Callback<()>) -> impl IntoView {
    let email = TextField::new(form, "email", "", |text| Email::parse(text).map(drop));
    let password = TextField::new(form, "password", "", |text| {
        if text.is_empty() {
            Err("Enter your password.".to_owned())
        } else {
            Ok(())
        }
    });
    let submission = Submission::of(&[email, password]);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = SignInInput {
                email: email.peek(),
                password: password.peek(),
            };
            submission.run(sign_in(input), move |()| done.run(()));
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <Field field=email label="E-mail" kind="email" autocomplete="username"/>
            <Field field=password label="Password" kind="password" autocomplete="current-password"/>
            <div class="form-actions">
                <SubmitButton submission label="Sign in" busy="Signing in..."/>
            </div>
        </form>
    }
}

#[component]
fn SetupForm() -> impl IntoView {
    let token = TextField::new("setup", "token", "", |text| one_line(text, 200).map(drop));
    let name = TextField::new("setup", "name", "", |text| one_line(text, 100).map(drop));
    let email = TextField::new("setup", "email", "", |text| Email::parse(text).map(drop));
    let password = TextField::new("setup", "password", "", |text| {
        Password::parse(text).map(drop)
    });
    let submission = Submission::of(&[token, name, email, password]);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = SetupInput {
                token: token.peek(),
                name: name.peek(),
                email: email.peek(),
                password: password.peek(),
            };
            submission.run(setup(input), |()| browser::go_to("/servers"));
        }
    };
    view! {
        <section class="door">
            <Brand/>
            <h1>"Set up this panel"</h1>
            <p>"Paste the setup token printed by the server, and create the first account."</p>
            <form on:submit=submit novalidate method="post">
                <FormMessage submission/>
                <Field
                    field=token
                    label="Setup token"
                    hint="Printed in the panel's output, after \"Setup token:\"."
                    is_code=true
                />
                <Field field=name label="Your name" autocomplete="name"/>
                <Field field=email label="E-mail" kind="email" autocomplete="username"/>
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
        </section>
    }
}

/// The panel's name over a form that stands alone.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <p class="brand">
            <Icon shape=Shape::Hammer/>
            "BrokeForge"
        </p>
    }
}
