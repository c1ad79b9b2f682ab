//! One's own account: name, e-mail, password, and where one is signed in.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_meta::Title;
use wire::accounts::{
    AccountResource, ChangePasswordInput, Email, NoInput, Password, Role, UpdateAccountInput,
    present_password,
};
use wire::event::Channel;
use wire::text::one_line;

use super::tabs::AccountTabs;
use super::{change_password, update};
use crate::broadcasting::{self, ConnectClient};
use crate::browser;
use crate::layout::OwnAccount;
use crate::live::live;
use crate::sessions::{self, Sessions};
use crate::ui::{Field, FormMessage, Submission, SubmitButton, TextField, Toasts, live_page};

/// The caller's account.
#[component]
pub fn AccountPage() -> impl IntoView {
    let OwnAccount(account) = expect_context();
    let sessions = live(Channel::Account, || sessions::list(NoInput {}));
    let access = live(Channel::Account, || broadcasting::show(NoInput {}));
    view! {
        <Title text="Account"/>
        {live_page(
            account,
            move |account| {
                let is_administrator = Memo::new(move |_| {
                    account.with(|account| account.role == Role::Administrator)
                });
                view! {
                    <div class="page-head">
                        <h1>"Account"</h1>
                    </div>
                    <Show when=move || is_administrator.get()>
                        <AccountTabs/>
                    </Show>
                    <div class="columns">
                        <NameAndEmail account/>
                        <NewPassword account/>
                    </div>
                }
                    .into_any()
            },
        )}
        {live_page(sessions, |sessions| view! { <Sessions sessions/> }.into_any())}
        {live_page(access, |access| view! { <ConnectClient access/> }.into_any())}
    }
}

#[component]
fn NameAndEmail(account: Signal<AccountResource>) -> impl IntoView {
    let first = account.get_untracked();
    let name = TextField::new("account", "name", first.name, |text| {
        one_line(text, 100).map(drop)
    });
    let email = TextField::new("account", "email", first.email, |text| {
        Email::parse(text).map(drop)
    });
    // Asked for only beside another e-mail, so an empty one is checked where that is known.
    let present = TextField::new("account", "present_password", "", |_| Ok(()));
    follow(account, name, email);
    let is_other_email = Memo::new(move |_| {
        account.with(|account| email.get().trim().to_lowercase() != account.email)
    });
    let submission = Submission::of(&[name, email, present]);
    let toasts = expect_context::<Toasts>();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !submission.check() {
            return;
        }
        if is_other_email.get_untracked()
            && let Err(sentence) = present_password(&present.peek())
        {
            present.complain(&sentence);
            browser::focus(&present.id());
            return;
        }
        let input = UpdateAccountInput {
            name: name.peek(),
            email: email.peek(),
            present_password: present.peek(),
        };
        submission.run(update(input), move |()| {
            present.set("");
            toasts.say("Name and e-mail saved.");
        });
    };
    view! {
        <section class="panel is-form" aria-labelledby="name-and-email">
            <h2 id="name-and-email">"Name and e-mail"</h2>
            <form on:submit=submit novalidate method="post">
                <FormMessage submission/>
                <Field field=name label="Name" autocomplete="name"/>
                <Field
                    field=email
                    label="E-mail"
                    hint="You use it to sign in."
                    kind="email"
                    autocomplete="username"
                />
                <Show when=move || is_other_email.get()>
                    <Field
                        field=present
                        label="Current password"
                        hint="Required to change your e-mail."
                        kind="password"
                        autocomplete="current-password"
                    />
                </Show>
                <div class="form-actions">
                    <SubmitButton submission label="Save" busy="Saving..."/>
                </div>
            </form>
        </section>
    }
}

/// A change made elsewhere shows in the fields that nobody has touched here.
fn follow(account: Signal<AccountResource>, name: TextField, email: TextField) {
    Effect::new(move |before: Option<AccountResource>| {
        let now = account.get();
        if let Some(before) = before {
            if now.name != before.name && name.peek() == before.name {
                name.set(now.name.clone());
            }
            if now.email != before.email && email.peek() == before.email {
                email.set(now.email.clone());
            }
        }
        now
    });
}

#[component]
fn NewPassword(account: Signal<AccountResource>) -> impl IntoView {
    let present = TextField::new("password", "present_password", "", present_password);
    let new = TextField::new("password", "new_password", "", |text| {
        Password::parse(text).map(drop)
    });
    let submission = Submission::of(&[present, new]);
    let toasts = expect_context::<Toasts>();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = ChangePasswordInput {
                present_password: present.peek(),
                new_password: new.peek(),
            };
            submission.run(change_password(input), move |()| {
                present.set("");
                new.set("");
                toasts.say("Password changed. You are signed out everywhere else.");
            });
        }
    };
    view! {
        <section class="panel is-form" aria-labelledby="new-password">
            <h2 id="new-password">"Password"</h2>
            <form on:submit=submit novalidate method="post">
                <FormMessage submission/>
                // For password managers: whose password this is.
                <input
                    type="text"
                    name="username"
                    autocomplete="username"
                    hidden
                    readonly
                    prop:value=move || account.with(|account| account.email.clone())
                />
                <Field
                    field=present
                    label="Current password"
                    kind="password"
                    autocomplete="current-password"
                />
                <Field
                    field=new
                    label="New password"
                    hint="At least 10 characters. Changing it signs you out everywhere else."
                    kind="password"
                    autocomplete="new-password"
                />
                <div class="form-actions">
                    <SubmitButton submission label="Change password" busy="Changing password..."/>
                </div>
            </form>
        </section>
    }
}
