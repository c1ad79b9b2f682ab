//! Finds a server, or a page of one, from anywhere: Ctrl or Cmd and K, or the button in the top line.

#![allow(
    clippy::unnecessary_wraps,
    reason = "the dialog cannot fail, fetching its code can, and the macro puts that into the same result"
)]

mod dialog;
mod hits;

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use wire::servers::ServerSummary;

use self::dialog::SearchDialog;
use crate::browser;
use crate::pages::NotThere;
use crate::ui::{Icon, Shape, Toasts};

/// The button and its dialog.
#[component]
pub fn Search(servers: Signal<Vec<ServerSummary>>) -> impl IntoView {
    let open = RwSignal::new(false);
    let early = StoredValue::new(Early::default());
    let hydrated = expect_context::<crate::Hydrated>();
    Effect::new(move || {
        let handle = window_event_listener(ev::keydown, move |event| {
            let is_chord = (event.ctrl_key() || event.meta_key())
                && !event.alt_key()
                && !event.shift_key()
                && event.key().eq_ignore_ascii_case("k");
            // Another dialog keeps what is typed in it.
            if is_chord && (open.get_untracked() || !browser::has_open_dialog()) {
                event.prevent_default();
                // Closed by Escape, and the browser has not told yet: then it opens again.
                let is_loading = early.try_with_value(|early| !early.is_over) == Some(true);
                open.update(|open| *open = !*open || !is_loading && !browser::has_open_dialog());
            } else if open.get_untracked()
                && early.try_update_value(|early| early.take(&event)) == Some(true)
            {
                event.prevent_default();
                open.set(event.key() != "Escape");
            }
        });
        on_cleanup(move || handle.remove());
    });
    // The dialog's code comes when it is first wanted; only then is the dialog made. One that was made by waiting for its
    // code stayed closed.
    let is_there = RwSignal::new(false);
    let toasts = expect_context::<Toasts>();
    let fetch_early = move |()| {
        leptos::task::spawn_local(async move {
            let fetched: Result<(), SplitLoaderError> = fetch_search().await;
            match fetched {
                Ok(()) => drop(is_there.try_set(true)),
                Err(_) if open.try_get_untracked() == Some(true) => {
                    toasts.complain(NOT_THERE);
                    open.set(false);
                }
                // Tried again when it is wanted.
                Err(_) => {}
            }
        });
    };
    Effect::new(move || {
        if open.get() {
            fetch_early(());
        }
    });
    view! {
        <button
            type="button"
            class="search-button"
            aria-keyshortcuts="Control+K Meta+K"
            disabled=move || !hydrated.get()
            on:click=move |_| open.set(true)
            on:pointerenter=move |_| fetch_early(())
            on:focus=move |_| fetch_early(())
        >
            <Icon shape=Shape::Search/>
            <span class="search-word">"Search"</span>
            <kbd aria-hidden="true">"Ctrl K"</kbd>
        </button>
        <Show when=move || is_there.get()>
            <Suspense>
                {Suspend::new(async move { search(servers, open, early).await.ok() })}
            </Suspense>
        </Show>
    }
}

/// What is typed before the dialog is there: a hand that knows the way does not wait for it.
#[derive(Default)]
struct Early {
    typed: String,
    is_over: bool,
}

impl Early {
    /// Keeps a key; false for one that is none of the dialog's. Enter is kept as the end of a line.
    fn take(&mut self, event: &KeyboardEvent) -> bool {
        let key = event.key();
        if self.is_over || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return false;
        }
        match key.as_str() {
            "Enter" => self.typed.push('\n'),
            "Backspace" => drop(self.typed.pop()),
            "Escape" => self.typed.clear(),
            _ if key.chars().nth(1).is_none() => self.typed.push_str(&key),
            _ => return false,
        }
        true
    }
}

const NOT_THERE: &str =
    "The search could not be loaded: the panel cannot be reached. Try again in a moment.";

#[wasm_split(search, wasm_split_path = ::leptos::wasm_split, preload(fetch_search), fallible)]
fn search(
    servers: Signal<Vec<ServerSummary>>,
    open: RwSignal<bool>,
    early: StoredValue<Early>,
) -> Result<AnyView, NotThere> {
    Ok(view! { <SearchDialog servers open early/> }.into_any())
}
