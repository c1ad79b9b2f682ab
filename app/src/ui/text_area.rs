//! Text of several lines.

use leptos::html;
use leptos::prelude::*;

use super::TextField;

/// A field of several lines. Its text is only ever set as a property: the server would render a child of the
/// element as markup.
#[component]
pub fn TextArea(
    field: TextField,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = 6)] rows: u16,
    /// A machine reads this: it is shown in monospace and never corrected.
    #[prop(optional)]
    is_code: bool,
) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    let adopted = RwSignal::new(false);
    // Until the program takes over, the field is empty; what was typed into it by then is kept.
    Effect::new(move || {
        if let Some(element) = area.get()
            && !adopted.get_untracked()
        {
            if !element.value().is_empty() {
                field.set(element.value());
            }
            adopted.set(true);
        }
    });
    let (id, note) = (field.id(), format!("{}-note", field.id()));
    view! {
        <div class="field" class:is-code=is_code>
            <label for=id.clone()>{label}</label>
            <textarea
                node_ref=area
                id=id
                name=field.name
                rows=rows
                autocomplete="off"
                autocapitalize=is_code.then_some("off")
                spellcheck=is_code.then_some("false")
                prop:value=move || adopted.get().then(|| field.get())
                aria-describedby=note.clone()
                aria-invalid=move || field.error().is_some().to_string()
                on:input:target=move |event| field.take(event.target().value())
                on:blur=move |_| field.check_soon()
            />
            <p id=note class="field-note" class:is-error=move || field.error().is_some()>
                {move || field.error().unwrap_or_else(|| hint.to_owned())}
            </p>
        </div>
    }
}
