//! A button that copies text.

use leptos::html;
use leptos::prelude::*;

use super::{Icon, Shape, Toasts};
use crate::browser;

/// Copies `text`. Browsers refuse that on plain http beyond this machine; there the text is selected, so that a key
/// copies it: that of `source`, or in a field that appears for it.
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
    let by_hand = RwSignal::new(false);
    let copy = move |_| {
        leptos::task::spawn_local(async move {
            if browser::copy(&text.get_untracked()).await {
                toasts.say("Copied.");
                return;
            }
            match source.and_then(|source| source.get_untracked()) {
                Some(element) => browser::select_text(&element),
                None => {
                    by_hand.try_set(true);
                }
            }
            toasts.say("Selected. Press Ctrl+C to copy (Cmd+C on a Mac): on plain http, browsers do not let a page do it.");
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
        <Show when=move || by_hand.get()>
            <ByHand text label by_hand/>
        </Show>
    }
}

/// The text, selected, until it is left.
#[component]
fn ByHand(text: Signal<String>, label: &'static str, by_hand: RwSignal<bool>) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    Effect::new(move || {
        if let Some(area) = area.get() {
            let _ = area.focus();
            // A value that comes after the selection would take it away; the same one again does not.
            area.set_value(&text.get_untracked());
            area.select();
        }
    });
    view! {
        <textarea
            node_ref=area
            class="copy-by-hand"
            rows="1"
            readonly
            prop:value=move || text.get()
            aria-label=label
            on:blur=move |_| {
                by_hand.try_set(false);
            }
        />
    }
}
