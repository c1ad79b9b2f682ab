//! Short messages that float and go: about things that have no place of their own on the page.

use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, Shape};

const SHOWN_FOR: Duration = Duration::from_secs(6);

/// Shows toasts.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next_id: StoredValue<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Toast {
    id: u32,
    message: String,
    is_error: bool,
}

impl Toasts {
    pub fn provide() -> Self {
        let toasts = Self {
            shown: RwSignal::new(Vec::new()),
            next_id: StoredValue::new(0),
        };
        provide_context(toasts);
        toasts
    }

    pub fn say(self, message: impl Into<String>) {
        self.show(message.into(), false);
    }

    /// An error stays until it is dismissed.
    pub fn complain(self, message: impl Into<String>) {
        self.show(message.into(), true);
    }

    fn show(self, message: String, is_error: bool) {
        let id = self.next_id.get_value();
        self.next_id.set_value(id + 1);
        self.shown.update(|shown| {
            // The same again takes the place of the former one.
            shown.retain(|toast| toast.message != message);
            shown.push(Toast {
                id,
                message,
                is_error,
            });
        });
        if !is_error {
            set_timeout(move || self.dismiss(id), SHOWN_FOR);
        }
    }

    fn dismiss(self, id: u32) {
        self.shown
            .update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// Where toasts appear; read out politely.
#[component]
pub fn ToastRegion() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <div class="toast" class:is-error=toast.is_error>
                    <span>{toast.message}</span>
                    <button
                        type="button"
                        class="icon-button"
                        aria-label="Dismiss"
                        on:click=move |_| toasts.dismiss(toast.id)
                    >
                        <Icon shape=Shape::Cross/>
                    </button>
                </div>
            </For>
        </div>
    }
}
