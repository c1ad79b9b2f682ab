//! A button that shows what is typed into a password field.

use leptos::prelude::*;

/// Stands beside the field; pressed, the field shows its text.
#[component]
pub fn ShowSecret(
    shown: RwSignal<bool>,
    /// The ids of the field and of its label.
    field: String,
    label: String,
) -> impl IntoView {
    let hydrated = expect_context::<crate::Hydrated>();
    // Its name stays the same: whether it is pressed says the rest.
    view! {
        <button
            type="button"
            class="button"
            aria-pressed=move || shown.get().to_string()
            aria-controls=field
            aria-describedby=label
            disabled=move || !hydrated.get()
            on:click=move |_| shown.update(|shown| *shown = !*shown)
        >
            "Show"
        </button>
    }
}
