//! All accounts, and who is invited; for the administrator.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_meta::Title;
use wire::UserId;
use wire::accounts::{AccountSummary, NoInput, RemoveAccountInput, Role};
use wire::event::Channel;

use super::tabs::AccountTabs;
use super::{list, remove};
use crate::invitations::{self, Invitations};
use crate::live::live;
use crate::ui::{
    ACTIONS, Ago, Cancel, Dialog, Field, FormMessage, Icon, Rows, Shape, Submission, SubmitButton,
    TextField, Toasts, live_page, row_of, row_tint,
};

/// Everybody who can sign in.
#[component]
pub fn AccountsPage() -> impl IntoView {
    let accounts = live(Channel::Account, || list(NoInput {}));
    let open = live(Channel::Account, || invitations::list(NoInput {}));
    live_page(accounts, move |accounts| {
        view! {
            <Title text="Accounts"/>
            <div class="page-head">
                <h1>"Accounts"</h1>
            </div>
            <AccountTabs/>
            <Accounts accounts/>
            {live_page(open, |invitations| view! { <Invitations invitations/> }.into_any())}
        }
        .into_any()
    })
}

#[component]
fn Accounts(accounts: Signal<Vec<AccountSummary>>) -> impl IntoView {
    let ids = move || {
        accounts.with(|accounts| {
            accounts
                .iter()
                .map(|account| account.id)
                .collect::<Vec<_>>()
        })
    };
    let removed = RwSignal::new(None::<AccountSummary>);
    view! {
        <section aria-labelledby="accounts">
            <h2 id="accounts">"People with an account"</h2>
            <Rows
                caption="All accounts"
                class="is-accounts"
                columns=&["Name", "E-mail", "Role", "Since", ACTIONS]
            >
                <tbody>
                    <For each=ids key=|id| *id let:id>
                        <AccountRow id accounts removed/>
                    </For>
                </tbody>
            </Rows>
            <RemoveDialog removed/>
        </section>
    }
}

#[component]
fn AccountRow(
    id: UserId,
    accounts: Signal<Vec<AccountSummary>>,
    removed: RwSignal<Option<AccountSummary>>,
) -> impl IntoView {
    let Some(account) = row_of(accounts, move |account| account.id == id) else {
        return ().into_any();
    };
    let is_changed = row_tint(account);
    let role = Memo::new(move |_| account.with(|account| account.role));
    let label = move || account.with(|account| format!("Remove the account of {}", account.name));
    view! {
        <tr data-user-id=id.0 class:is-changed=is_changed>
            <th scope="row">{move || account.with(|account| account.name.clone())}</th>
            <td data-label="E-mail" class="is-long">
                {move || account.with(|account| account.email.clone())}
            </td>
            <td data-label="Role">{move || in_words(role.get())}</td>
            <td data-label="Since">
                <Ago at=Signal::derive(move || account.with(|account| account.created_at))/>
            </td>
            <td class="row-actions">
                <Show when=move || role.get() == Role::Member>
                    <button
                        type="button"
                        class="icon-button is-danger"
                        aria-label=label
                        title=label
                        on:click=move |_| removed.set(Some(account.get_untracked()))
                    >
                        <Icon shape=Shape::Trash/>
                    </button>
                </Show>
            </td>
        </tr>
    }
    .into_any()
}

#[component]
fn RemoveDialog(removed: RwSignal<Option<AccountSummary>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move || {
        if removed.with(Option::is_some) {
            open.set(true);
        }
    });
    Effect::new(move || {
        if !open.get() && removed.with_untracked(Option::is_some) {
            removed.set(None);
        }
    });
    view! {
        <Dialog open title="Remove this account?" id="remove-account-title">
            {move || removed.get().map(|account| view! { <RemoveForm account open/> })}
        </Dialog>
    }
}

#[component]
fn RemoveForm(account: AccountSummary, open: RwSignal<bool>) -> impl IntoView {
    let confirm_email = TextField::new("remove-account", "confirm_email", "", |text| {
        if text.trim().is_empty() {
            Err("Enter the account's e-mail.".to_owned())
        } else {
            Ok(())
        }
    });
    let submission = Submission::of(&[confirm_email]);
    let toasts = expect_context::<Toasts>();
    let AccountSummary {
        id, name, email, ..
    } = account;
    let gone = StoredValue::new(name.clone());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = RemoveAccountInput {
                user_id: id,
                confirm_email: confirm_email.peek(),
            };
            let name = gone.get_value();
            submission.run(remove(input), move |()| {
                open.set(false);
                toasts.say(format!("The account of {name} was removed."));
            });
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <p>
                <strong>{name}</strong>
                " is signed out everywhere and cannot sign in again. An account that still owns servers cannot be removed. "
                "To confirm, type " <strong>{email}</strong> "."
            </p>
            <FormMessage submission/>
            <Field field=confirm_email label="E-mail of the account"/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove account" busy="Removing account..." is_danger=true/>
            </div>
        </form>
    }
}

fn in_words(role: Role) -> &'static str {
    match role {
        Role::Administrator => "Administrator",
        Role::Member => "Member",
    }
}
