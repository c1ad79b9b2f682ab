//! Sending a form, or pressing a button that calls the panel: once at a time, and nothing typed is
//! ever lost.

use std::future::Future;

use leptos::prelude::*;
use wire::ApiError;

use super::TextField;
use crate::accounts::SessionGate;
use crate::{browser, live};

/// One form's conversation with the panel.
#[derive(Clone, Copy)]
pub struct Submission {
    busy: RwSignal<bool>,
    message: RwSignal<Option<String>>,
    fields: StoredValue<Vec<TextField>>,
    gate: SessionGate,
}

impl Submission {
    /// For a form with these fields: errors that name one of them appear there.
    pub fn of(fields: &[TextField]) -> Self {
        Self {
            busy: RwSignal::new(false),
            message: RwSignal::new(None),
            fields: StoredValue::new(fields.to_vec()),
            gate: expect_context::<SessionGate>(),
        }
    }

    /// For a button without a form.
    pub fn bare() -> Self {
        Self::of(&[])
    }

    pub fn is_busy(self) -> bool {
        self.busy.try_get().unwrap_or_default()
    }

    /// For a button's `aria-disabled`: while its call is under way. Disabling it in earnest would take the focus from it;
    /// another click does nothing anyway.
    pub fn aria_disabled(self) -> Option<&'static str> {
        self.is_busy().then_some("true")
    }

    pub fn message(self) -> Option<String> {
        self.message.try_get().flatten()
    }

    /// Checks every field as the server will; false puts the focus on the first that is wrong.
    pub fn check(self) -> bool {
        let wrong = self.fields.with_value(|fields| {
            let wrong: Vec<_> = fields.iter().filter(|field| !field.check()).collect();
            wrong.first().map(|field| field.id())
        });
        if let Some(id) = &wrong {
            browser::focus(id);
        }
        wrong.is_none()
    }

    /// Makes the call unless one is under way already.
    pub fn run<T, Call, Done>(self, call: Call, done: Done)
    where
        T: 'static,
        Call: Future<Output = Result<T, ApiError>> + 'static,
        Done: FnOnce(T) + 'static,
    {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.message.set(None);
        leptos::task::spawn_local(async move {
            let answer = call.await;
            self.busy.try_set(false);
            match answer {
                Ok(value) => {
                    done(value);
                    live::changed_here();
                }
                Err(error) => self.show(&error),
            }
        });
    }

    /// Puts an error where it belongs: to its fields, over the form, or into the sign-in dialog.
    pub fn show(self, error: &ApiError) {
        match error {
            ApiError::SignedOut => self.gate.ask(),
            ApiError::Invalid { fields } => {
                let mut elsewhere = Vec::new();
                self.fields.try_with_value(|known| {
                    for wrong in fields {
                        match known.iter().find(|field| field.name == wrong.field) {
                            Some(field) => field.complain(&wrong.message),
                            None => elsewhere.push(wrong.message.clone()),
                        }
                    }
                });
                if !elsewhere.is_empty() {
                    self.message.try_set(Some(elsewhere.join(" ")));
                }
            }
            ApiError::NotFound
            | ApiError::Conflict { .. }
            | ApiError::TooMany { .. }
            | ApiError::Remote { .. }
            | ApiError::Refused { .. }
            | ApiError::Internal => {
                self.message.try_set(Some(error.to_string()));
            }
        }
    }
}

/// What is wrong with a form as a whole.
#[component]
pub fn FormMessage(submission: Submission) -> impl IntoView {
    view! {
        <div role="alert" class="form-message" class:is-shown=move || submission.message().is_some()>
            {move || submission.message()}
        </div>
    }
}

/// What went wrong with a button that stands by itself, beside it.
#[component]
pub fn ButtonMessage(submission: Submission) -> impl IntoView {
    view! {
        <span role="alert" class="button-message">
            {move || submission.message()}
        </span>
    }
}

/// Sends the form it stands in, once at a time. Before the program has taken over the page a click could only send
/// the form the old way, so it waits for that.
#[component]
pub fn SubmitButton(
    submission: Submission,
    /// `Add rule`
    #[prop(into)]
    label: Signal<String>,
    /// `Adding rule...`
    busy: &'static str,
    #[prop(optional)] is_danger: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let hydrated = expect_context::<crate::Hydrated>();
    let is_held = move || submission.is_busy() || disabled.get();
    view! {
        <button
            type="submit"
            class="button"
            class:is-primary=!is_danger
            class:is-danger=is_danger
            disabled=move || !hydrated.get()
            aria-disabled=move || is_held().then_some("true")
            aria-busy=move || submission.is_busy().to_string()
            // Enter in a field is a click on this button, too.
            on:click=move |event| {
                if is_held() {
                    event.prevent_default();
                }
            }
        >
            {move || if submission.is_busy() { busy.to_owned() } else { label.get() }}
        </button>
    }
}
