//! A session that ends does not end the page: a dialog asks to sign in again, and everything typed is
//! still there.

use leptos::prelude::*;
use wire::accounts::{NoInput, Visitor};

use super::pages::SignInForm;
use super::{PageVisitor, visitor};
use crate::ui::Dialog;
use crate::{browser, live};

/// Asks for a new session.
#[derive(Clone, Copy)]
pub struct SessionGate {
    asking: RwSignal<bool>,
    reload: RwSignal<bool>,
}

impl SessionGate {
    pub fn provide() {
        provide_context(Self {
            asking: RwSignal::new(false),
            reload: RwSignal::new(false),
        });
    }

    /// Opens the dialog.
    pub fn ask(self) {
        live::session_is_over();
        self.asking.set(true);
    }

    /// A page that never got its data has nothing to lose: it is loaded anew after signing in.
    pub fn reload_afterwards(self) {
        self.reload.set(true);
    }
}

/// Signs in over whatever page is open.
#[component]
pub fn SignInDialog() -> impl IntoView {
    let gate = expect_context::<SessionGate>();
    let PageVisitor(page_visitor) = expect_context();
    let go_on = move |()| {
        leptos::task::spawn_local(async move {
            let id_of = |visitor| match visitor {
                Visitor::SignedIn(account) => Some(account.id),
                Visitor::SetupNeeded | Visitor::SignedOut => None,
            };
            let before = page_visitor.await.ok().and_then(id_of);
            // Not to be reached just now is no reason to throw away what was typed.
            let is_another = match visitor(NoInput {}).await {
                Ok(now) => id_of(now) != before,
                Err(_) => false,
            };
            if is_another || gate.reload.get_untracked() {
                browser::reload();
                return;
            }
            gate.asking.set(false);
            live::resume();
        });
    };
    view! {
        <Dialog open=gate.asking title="Sign in to go on" id="sign-in-dialog-title">
            <p>"Your session has ended. What you typed stays; send it again after signing in."</p>
            // Only while it is open: a closed dialog holds no password.
            <Show when=move || gate.asking.get()>
                <SignInForm form="dialog" done=Callback::new(go_on)/>
            </Show>
        </Dialog>
    }
}
