//! A session that ends does not end the page: a dialog asks to sign in again, and everything typed is
//! still there. Whoever closes the dialog is still told.

use leptos::prelude::*;
use wire::accounts::{NoInput, Visitor};

use super::{PageVisitor, visitor};
use crate::pages::{NotThere, sign_in_again};
use crate::ui::{Dialog, Icon, Shape};
use crate::{browser, live};

/// Asks for a new session.
#[derive(Clone, Copy)]
pub struct SessionGate {
    asking: RwSignal<bool>,
    signed_out: RwSignal<bool>,
    reload: RwSignal<bool>,
    /// How often a call was answered since the session ended.
    answers: RwSignal<u32>,
}

impl SessionGate {
    pub fn provide() {
        provide_context(Self {
            asking: RwSignal::new(false),
            signed_out: RwSignal::new(false),
            reload: RwSignal::new(false),
            answers: RwSignal::new(0),
        });
    }

    /// Something that was asked for needs a session: opens the dialog.
    pub fn ask(self) {
        live::session_is_over();
        self.signed_out.set(true);
        self.asking.set(true);
    }

    /// The page has noticed by itself: opens the dialog, once. Who closed it is not asked at every turn.
    pub fn session_ended(self) {
        if self.signed_out.get_untracked() {
            live::session_is_over();
        } else {
            self.ask();
        }
    }

    /// A call was answered: where the session had ended, somebody has signed in since, in another tab.
    pub fn answered(self) {
        if self.signed_out.try_get_untracked() == Some(true) {
            self.answers.update(|answers| *answers += 1);
        }
    }

    /// A page that never got its data has nothing to lose: it is loaded anew after signing in.
    pub fn reload_afterwards(self) {
        self.reload.set(true);
    }

    fn session_is_back(self) {
        self.signed_out.set(false);
        self.asking.set(false);
        live::resume();
        browser::tell_other_tabs();
    }
}

/// Signs in over whatever page is open.
#[component]
pub fn SignInDialog() -> impl IntoView {
    let gate = expect_context::<SessionGate>();
    let PageVisitor(page_visitor) = expect_context();
    let go_on = move |has_signed_in_here: bool| {
        leptos::task::spawn_local(async move {
            let id_of = |visitor| match visitor {
                Visitor::SignedIn(account) => Some(account.id),
                Visitor::SetupNeeded | Visitor::SignedOut => None,
            };
            let before = page_visitor.await.ok().and_then(id_of);
            let now = visitor(NoInput {}).await.map(id_of);
            // An answer that was on its way when the session ended says nothing of another one.
            if !has_signed_in_here && !matches!(now, Ok(Some(_))) {
                return;
            }
            // Not to be reached just now is no reason to throw away what was typed.
            let is_another = now.is_ok_and(|now| now != before);
            if is_another || gate.reload.get_untracked() {
                browser::reload();
                return;
            }
            gate.session_is_back();
        });
    };
    // Whoever has signed in, in whatever way, has got a page by it.
    Effect::new(move || {
        browser::tell_other_tabs();
        browser::on_word_of_another_tab(move || gate.answered());
    });
    Effect::new(move || {
        if gate.answers.get() > 0 && gate.signed_out.get_untracked() {
            go_on(false);
        }
    });
    view! {
        <Dialog open=gate.asking title="Sign in to continue" id="sign-in-dialog-title">
            <p>"Your session has ended. What you typed is kept; send it again after signing in."</p>
            // Only while it is open: a closed dialog holds no password.
            <Show when=move || gate.asking.get()>
                <Suspense>{Suspend::new(form_in_the_dialog(Callback::new(move |()| go_on(true))))}</Suspense>
            </Show>
        </Dialog>
    }
}

/// Its code came with the page only if that is the sign-in itself.
async fn form_in_the_dialog(done: Callback<()>) -> AnyView {
    sign_in_again(done).await.unwrap_or_else(|NotThere| {
        view! {
            <p role="alert">
                "The form could not be loaded: the panel cannot be reached. Close this, and try again in a moment."
            </p>
        }
        .into_any()
    })
}

/// Over a page whose session has ended.
#[component]
pub fn SignedOutNote() -> impl IntoView {
    let gate = expect_context::<SessionGate>();
    view! {
        <div role="status" class="signed-out">
            <Show when=move || gate.signed_out.get()>
                <div class="callout is-warning" data-testid="signed-out">
                    <Icon shape=Shape::Warning/>
                    <div class="callout-text">
                        <p>"You are signed out. What you see may be out of date, and nothing can be saved."</p>
                    </div>
                    <button type="button" class="button is-primary" on:click=move |_| gate.ask()>
                        "Sign in"
                    </button>
                </div>
            </Show>
        </div>
    }
}
