//! The box over the page: what is typed, what it finds, what is chosen.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Element;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wire::servers::ServerSummary;

use super::Early;
use super::hits::{Hit, find};
use crate::ui::{Icon, Shape, note_closed};

#[component]
pub fn SearchDialog(
    servers: Signal<Vec<ServerSummary>>,
    open: RwSignal<bool>,
    early: StoredValue<Early>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let input = NodeRef::<html::Input>::new();
    let words = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let hits = Memo::new(move |_| {
        if !open.get() {
            return Vec::new();
        }
        servers.with(|servers| words.with(|words| find(servers, words)))
    });
    // What is chosen belongs to the hits: other hits begin at the first.
    Effect::new(move || {
        hits.track();
        chosen.set(0);
    });
    let navigate = use_navigate();
    let go = Callback::new(move |hit: Hit| {
        open.set(false);
        navigate(&hit.href, NavigateOptions::default());
    });
    let choose = move || {
        let hit = hits.with_untracked(|hits| hits.get(chosen.get_untracked()).cloned());
        if let Some(hit) = hit {
            go.run(hit);
        }
    };
    Effect::new(move || {
        let (Some(dialog), Some(input)) = (dialog.get(), input.get()) else {
            return;
        };
        let typed = early.try_update_value(|early| {
            early.is_over = true;
            std::mem::take(&mut early.typed)
        });
        if open.get() && !dialog.open() {
            let typed = typed.unwrap_or_default();
            let (line, enter) = typed.split_once('\n').unzip();
            let line = line.unwrap_or(&typed);
            input.set_value(line);
            words.set(line.to_owned());
            let _ = dialog.show_modal();
            if enter.is_some() {
                choose();
            }
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let press = move |event: KeyboardEvent| {
        let count = hits.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => chosen.update(|chosen| *chosen = (*chosen + 1) % count),
            "ArrowUp" if count > 0 => {
                chosen.update(|chosen| *chosen = (*chosen + count - 1) % count);
            }
            "Enter" => choose(),
            _ => return,
        }
        event.prevent_default();
    };
    // A click beside the box falls on the dialog itself.
    let click = move |event: MouseEvent| {
        let on = event.target().and_then(|on| on.dyn_into::<Element>().ok());
        if on.is_some_and(|on| on.tag_name().eq_ignore_ascii_case("dialog")) {
            open.set(false);
        }
    };
    let is_nothing =
        move || hits.with(Vec::is_empty) && words.with(|words| !words.trim().is_empty());
    view! {
        <dialog
            node_ref=dialog
            class="search"
            aria-label="Search Ctrl K"
            on:close=move |_| note_closed(dialog, open)
            on:click=click
        >
            <div class="search-box">
                <div class="search-line">
                    <Icon shape=Shape::Search/>
                    <input
                        node_ref=input
                        id="search"
                        type="text"
                        role="combobox"
                        aria-label="Find a server or a page of it"
                        aria-expanded="true"
                        aria-controls="search-hits"
                        aria-autocomplete="list"
                        aria-activedescendant=move || {
                            hits.with(|hits| !hits.is_empty()).then(|| id_of(chosen.get()))
                        }
                        placeholder="Name, address, provider, page"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        on:input:target=move |event| words.set(event.target().value())
                        on:keydown=press
                    />
                    <button type="button" class="button is-small is-quiet" on:click=move |_| open.set(false)>
                        "Close"
                    </button>
                </div>
                <ul id="search-hits" role="listbox" aria-label="Found">
                    {move || {
                        hits.get()
                            .into_iter()
                            .enumerate()
                            .map(|(place, hit)| view! { <HitView place hit chosen go/> })
                            .collect_view()
                    }}
                </ul>
                <p class="search-note" role="status">
                    {move || is_nothing().then_some("No results.")}
                </p>
            </div>
        </dialog>
    }
}

#[component]
fn HitView(place: usize, hit: Hit, chosen: RwSignal<usize>, go: Callback<Hit>) -> impl IntoView {
    let Hit { title, note, .. } = hit.clone();
    view! {
        <li
            id=id_of(place)
            role="option"
            aria-selected=move || (chosen.get() == place).to_string()
            on:click=move |_| go.run(hit.clone())
            on:mousemove=move |_| {
                if chosen.get_untracked() != place {
                    chosen.set(place);
                }
            }
        >
            <span class="search-title">{title}</span>
            <span class="search-hint">{note}</span>
        </li>
    }
}

fn id_of(place: usize) -> String {
    format!("search-hit-{place}")
}
