//! The browser's own dialog: it traps focus, closes on Escape and stays on top by itself.

use leptos::html;
use leptos::prelude::*;

/// A modal dialog that is open while `open` says so.
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// Tells this dialog's heading from others'.
    id: &'static str,
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog node_ref=node class="dialog" aria-labelledby=id on:close=move |_| note_closed(node, open)>
            <h2 id=id>{title}</h2>
            {children()}
        </dialog>
    }
}

/// A browser tells that it closed a dialog a while after it did; by then it may be open again.
pub fn note_closed(dialog: NodeRef<html::Dialog>, open: RwSignal<bool>) {
    if dialog.get_untracked().is_none_or(|dialog| !dialog.open()) {
        open.set(false);
    }
}

/// Leaves a dialog without doing what it asks about.
#[component]
pub fn Cancel(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <button type="button" class="button" on:click=move |_| open.set(false)>
            "Cancel"
        </button>
    }
}
