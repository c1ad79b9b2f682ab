//! After a navigation within the app the heading of the new page gets the focus, so that screen readers say where one
//! is. A browser does that by itself for pages that it loads; there nothing is touched.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{FocusOptions, HtmlElement};
use leptos_router::hooks::use_location;

use crate::browser;

/// A page is waited for, as its heading comes with its data: 15 s in all.
const LOOK_EVERY_MS: u32 = 50;
const LOOKS: u32 = 300;

/// On a heading: the path that it was on when one landed there.
const LANDED: &str = "data-landed";
/// On a heading that stays from page to page: the path that it speaks of.
const PATH_ATTRIBUTE: &str = "data-path";

/// Moves the focus with each change of the path.
pub fn follow_the_path() {
    let path = use_location().pathname;
    let landings = StoredValue::new(0_u32);
    let is_under_way = StoredValue::new(false);
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        let is_first = before.is_none();
        if before.as_ref() == Some(&path) {
            return path;
        }
        // A page that was left before its heading came may show it still.
        if (is_first || is_under_way.get_value())
            && let Some(heading) = heading()
        {
            let _ = heading.set_attribute(LANDED, before.as_ref().unwrap_or(&path));
        }
        landings.update_value(|landings| *landings += 1);
        if is_first {
            return path;
        }
        let (landing, to) = (landings.get_value(), path.clone());
        is_under_way.set_value(true);
        leptos::task::spawn_local(async move {
            for _ in 0..LOOKS {
                TimeoutFuture::new(LOOK_EVERY_MS).await;
                if landings.try_get_value() != Some(landing) {
                    return;
                }
                if let Some(heading) = heading()
                    && is_of(&heading, &to)
                    && !browser::has_open_dialog()
                {
                    land_on(&heading, &to);
                    break;
                }
            }
            is_under_way.try_update_value(|is_under_way| *is_under_way = false);
        });
        path
    });
}

fn heading() -> Option<HtmlElement> {
    let found = document().query_selector("#content h1").ok().flatten()?;
    found.dyn_into().ok()
}

/// Whether a heading is the new page's: a new one, or one that speaks of the new path by now.
fn is_of(heading: &HtmlElement, path: &str) -> bool {
    !heading.has_attribute(LANDED) || heading.get_attribute(PATH_ATTRIBUTE).as_deref() == Some(path)
}

fn land_on(heading: &HtmlElement, path: &str) {
    let _ = heading.set_attribute(LANDED, path);
    if is_typing() {
        return;
    }
    let _ = heading.set_attribute("tabindex", "-1");
    let options = FocusOptions::new();
    // Where the page is scrolled to is the router's business.
    options.set_prevent_scroll(true);
    let _ = heading.focus_with_options(&options);
}

/// Whoever types in the new page already is left alone.
fn is_typing() -> bool {
    document().active_element().is_some_and(|active| {
        ["INPUT", "TEXTAREA", "SELECT"]
            .iter()
            .any(|name| active.tag_name().eq_ignore_ascii_case(name))
    })
}
