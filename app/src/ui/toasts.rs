//! Short messages that float and go: about things that have no place of their own on the page.

use std::time::Duration;

use leptos::prelude::*;
use wire::ServerId;

use super::{Icon, Shape};

const SHOWN_FOR: Duration = Duration::from_secs(6);
/// Of what went wrong more is told on its page, also when this is gone.
const ERROR_SHOWN_FOR: Duration = Duration::from_mins(2);
/// More would cover the page.
const MOST_SHOWN: usize = 4;

/// Shows toasts.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<(u32, Toast)>>,
    next_id: StoredValue<u32>,
}

/// A short message.
#[derive(Clone, Debug)]
pub struct Toast {
    pub message: String,
    /// An error stays for minutes, unless it is dismissed or something newer is said of the same.
    pub is_error: bool,
    /// What it is about: the next one about the same takes its place.
    pub about: Option<(ServerId, String)>,
    /// A path of the panel's own, and the word to click.
    pub link: Option<(String, &'static str)>,
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
        self.show(Toast {
            message: message.into(),
            is_error: false,
            about: None,
            link: None,
        });
    }

    pub fn complain(self, message: impl Into<String>) {
        self.show(Toast {
            message: message.into(),
            is_error: true,
            about: None,
            link: None,
        });
    }

    /// Shows one more; when there are many, the oldest goes.
    pub fn show(self, toast: Toast) {
        let id = self.next_id.get_value();
        self.next_id.set_value(id + 1);
        let is_error = toast.is_error;
        self.shown.update(|shown| {
            shown.retain(|(_, former)| match &toast.about {
                Some(_) => former.about != toast.about,
                None => former.message != toast.message,
            });
            shown.push((id, toast));
            let surplus = shown.len().saturating_sub(MOST_SHOWN);
            shown.drain(..surplus);
        });
        let time = if is_error { ERROR_SHOWN_FOR } else { SHOWN_FOR };
        set_timeout(move || self.dismiss(id), time);
    }

    fn dismiss(self, id: u32) {
        self.shown
            .update(|shown| shown.retain(|(shown, _)| *shown != id));
    }
}

/// Where toasts appear; read out politely.
#[component]
pub fn ToastRegion() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
            <For
                each=move || toasts.shown.get()
                key=|(id, _)| *id
                children=move |(id, toast)| view! { <ToastView id toast/> }
            />
        </div>
    }
}

#[component]
fn ToastView(id: u32, toast: Toast) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let dismiss = move |_| toasts.dismiss(id);
    view! {
        <div class="toast" class:is-error=toast.is_error>
            <span>{toast.message}</span>
            {toast
                .link
                .map(|(href, word)| {
                    view! {
                        <a href=href on:click=dismiss>
                            {word}
                        </a>
                    }
                })}
            <button type="button" class="icon-button" aria-label="Dismiss" on:click=dismiss>
                <Icon shape=Shape::Cross/>
            </button>
        </div>
    }
}
