//! The browser's entry point: takes over the page that the server rendered.

use app::{App, Hydrated};
use leptos::mount::hydrate_from_async;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    let hydrated = Hydrated::not_yet();
    let Some(body) = document().body() else {
        return;
    };
    spawn_local(async move {
        hydrate_from_async(body, move || view! { <App hydrated/> })
            .await
            .forget();
        hydrated.done();
    });
}
