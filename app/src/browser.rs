//! What views ask of the browser. Everything here runs only there: in effects and event handlers.

use leptos::prelude::{document, window};
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::{BroadcastChannel, HtmlElement, Response, VisibilityState};
use wire::{OperationId, Timestamp};

/// The browser's clock.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds fit for 280,000 years"
)]
pub fn now() -> Timestamp {
    Timestamp(js_sys::Date::now() as i64)
}

/// A number from 0 up to, not including, 1.
pub fn random() -> f64 {
    js_sys::Math::random()
}

/// A key that no other form has. It need not be secret: it only tells one form from another.
pub fn request_key() -> String {
    let [first, second] = [random(), random()].map(f64::to_bits);
    format!("{first:016x}{second:016x}")
}

/// `14:02`, in the reader's zone and manner.
pub fn time_of_day(at: Timestamp) -> String {
    let options = js_sys::Object::new();
    for part in ["hour", "minute"] {
        let _ = js_sys::Reflect::set(&options, &part.into(), &"2-digit".into());
    }
    String::from(date(at).to_locale_time_string_with_options("default", &options))
}

/// Date and time with seconds, in the reader's zone and manner.
pub fn date_and_time(at: Timestamp) -> String {
    String::from(date(at).to_locale_string("default", &js_sys::Object::new()))
}

/// Loads a page anew, so that it is rendered for whoever is signed in now.
pub fn go_to(path: &str) {
    let _ = window().location().assign(path);
}

/// Loads this page anew.
pub fn reload() {
    let _ = window().location().reload();
}

/// What stands behind the `#` of the page's address. Browsers never send it.
pub fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

pub fn is_hidden() -> bool {
    document().visibility_state() == VisibilityState::Hidden
}

/// Runs `then` each time the tab is looked at again, or the network is back.
pub fn on_visible_again(then: impl Fn() + 'static) {
    let listener = Closure::<dyn Fn()>::new(move || {
        if !is_hidden() {
            then();
        }
    });
    let function = listener.as_ref().unchecked_ref();
    let _ = document().add_event_listener_with_callback("visibilitychange", function);
    let _ = window().add_event_listener_with_callback("online", function);
    // It lives as long as the tab.
    listener.forget();
}

thread_local! {
    /// What the tabs of this browser tell each other: that somebody has signed in. One object for both directions, so that
    /// nobody hears themselves.
    static TABS: Option<BroadcastChannel> = BroadcastChannel::new("brokeforge-session").ok();
}

/// Tells the other tabs of this browser that there is a session.
pub fn tell_other_tabs() {
    TABS.with(|tabs| {
        if let Some(tabs) = tabs {
            let _ = tabs.post_message(&JsValue::NULL);
        }
    });
}

/// Runs `then` each time another tab tells that there is a session.
pub fn on_word_of_another_tab(then: impl Fn() + 'static) {
    let listener = Closure::<dyn Fn()>::new(then);
    TABS.with(|tabs| {
        if let Some(tabs) = tabs {
            tabs.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        }
    });
    // It lives as long as the tab.
    listener.forget();
}

/// The address of a socket on the page's own host and port.
pub fn socket_url(path: &str) -> String {
    let location = window().location();
    let scheme = match location.protocol().as_deref() {
        Ok("https:") => "wss",
        _ => "ws",
    };
    format!("{scheme}://{}{path}", location.host().unwrap_or_default())
}

/// What a plain request gets for an answer; `None` when there is none.
pub async fn status_of(path: &str) -> Option<u16> {
    let answer = wasm_bindgen_futures::JsFuture::from(window().fetch_with_str(path)).await;
    let answer = answer.ok()?.dyn_into::<Response>().ok()?;
    Some(answer.status())
}

/// Moves the focus to the element with this id.
pub fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|found| found.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// Whether the reader is at something within an element: the focus is there, or text of it is selected.
pub fn is_in_use(element: &HtmlElement) -> bool {
    let focused = document().active_element();
    let selection = window().get_selection().ok().flatten();
    let selected = selection.filter(|selection| !selection.is_collapsed());
    focused.is_some_and(|focused| element.contains(Some(&focused)))
        || selected.is_some_and(|selected| element.contains(selected.anchor_node().as_ref()))
}

/// Whether a dialog is open.
pub fn has_open_dialog() -> bool {
    matches!(document().query_selector("dialog[open]"), Ok(Some(_)))
}

/// Whether the steps of an operation are on the page.
pub fn shows_operation(id: OperationId) -> bool {
    let steps = document().query_selector(&format!("article[data-operation-id='{id}']"));
    matches!(steps, Ok(Some(_)))
}

/// Puts text on the clipboard. Browsers refuse that on plain http beyond this machine.
pub async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    if leptos::wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined() {
        return false;
    }
    let written = wasm_bindgen_futures::JsFuture::from(clipboard.write_text(text)).await;
    written.is_ok()
}

/// Selects all text of an element, so that it can be copied by hand.
pub fn select_text(element: &HtmlElement) {
    if let (Ok(Some(selection)), Ok(range)) = (window().get_selection(), document().create_range())
        && range.select_node_contents(element).is_ok()
    {
        let _ = selection.remove_all_ranges();
        let _ = selection.add_range(&range);
    }
}

/// Writes on the document's root what tests and bug reports ask of a page.
pub fn mark(attribute: &str, value: impl ToString) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(attribute, &value.to_string());
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ms")]
fn date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&leptos::wasm_bindgen::JsValue::from_f64(at.0 as f64))
}
