//! A button that copies text.

use leptos::html;
use leptos::prelude::*;

use super::{Icon, Shape, Toasts};
use crate::browser;

/// Copies `text`; where the browser does not allow that, it selects the text of `source` instead.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// What is copied, for those who cannot see what the button stands beside.
    label: &'static str,
    #[prop(optional)] source: Option<NodeRef<html::Code>>,
    /// Only the icon, for places where a word would weigh too much.
    #[prop(optional)]
    is_small: bool,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let copy = move |_| {
        leptos::task::spawn_local(async move {
            if browser::copy(&text.get_untracked()).await {
                toasts.say("Copied.");
                return;
            }
            if let Some(element) = source.and_then(|source| source.get_untracked()) {
                browser::select_text(&element);
            }
            toasts.say("This browser does not let pages copy here. Press Ctrl+C.");
        });
    };
    view! {
        <button
            type="button"
            class=if is_small { "icon-button" } else { "button is-small" }
            on:click=copy
            aria-label=label
            title=label
        >
            <Icon shape=Shape::Copy/>
            {(!is_small).then_some("Copy")}
        </button>
    }
}
