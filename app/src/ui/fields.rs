//! Fields: label above, hint below, error in place of the hint. Checked on leaving by the same code
//! that the server runs.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;

use super::show_secret::ShowSecret;

/// What is wrong with a field may move what stands below, and so take a button from under the pointer that leaves the
/// field by pressing it: the click would be lost. Longer than people press.
const CLICK: Duration = Duration::from_millis(200);

/// A field of text and what is wrong with it.
#[derive(Clone, Copy)]
pub struct TextField {
    /// The field's name in the input type.
    pub name: &'static str,
    form: &'static str,
    first: StoredValue<String>,
    value: RwSignal<String>,
    error: RwSignal<Option<String>>,
    parse: fn(&str) -> Result<(), String>,
}

impl TextField {
    /// `form` tells fields of the same name on one page apart.
    pub fn new(
        form: &'static str,
        name: &'static str,
        first: impl Into<String>,
        parse: fn(&str) -> Result<(), String>,
    ) -> Self {
        let first = first.into();
        Self {
            name,
            form,
            first: StoredValue::new(first.clone()),
            value: RwSignal::new(first),
            error: RwSignal::new(None),
            parse,
        }
    }

    // Leaving a field can be the last thing that happens to its form: what it notified still runs once
    // after the form's signals are gone. Therefore nothing here takes them for granted.

    pub fn get(self) -> String {
        self.value.try_get().unwrap_or_default()
    }

    /// The text without following it; empty once the form is gone.
    pub fn peek(self) -> String {
        self.value.try_get_untracked().unwrap_or_default()
    }

    pub fn set(self, text: impl Into<String>) {
        self.value.set(text.into());
        self.error.set(None);
    }

    /// What is wrong with it, for fields that are no input.
    pub fn error(self) -> Option<String> {
        self.error.try_get().flatten()
    }

    pub fn id(self) -> String {
        format!("{}-{}", self.form, self.name)
    }

    /// Whether the text can be used; if not, says why.
    pub fn check(self) -> bool {
        let problem = (self.parse)(&self.peek()).err();
        let fits = problem.is_none();
        self.error.try_set(problem);
        fits
    }

    /// The field was left: says what is wrong, unless the text has changed by then.
    pub(super) fn check_soon(self) {
        let text = self.peek();
        let check = move || {
            if let Err(problem) = (self.parse)(&text)
                && self.peek() == text
            {
                self.error.try_set(Some(problem));
            }
        };
        set_timeout(check, CLICK);
    }

    pub fn complain(self, sentence: &str) {
        self.error.try_set(Some(sentence.to_owned()));
    }

    pub(super) fn take(self, text: String) {
        self.value.try_set(text);
        // A complaint goes as soon as it is mended; a new one waits until the field is left.
        if self.error.try_with_untracked(Option::is_some) == Some(true) {
            self.error.try_set((self.parse)(&self.peek()).err());
        }
    }
}

/// A line of text; one of the kind `password` can be shown.
#[component]
pub fn Field(
    field: TextField,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] inputmode: Option<&'static str>,
    #[prop(optional)] placeholder: Option<&'static str>,
    /// A machine reads this: it is shown in monospace and never corrected.
    #[prop(optional)]
    is_code: bool,
    /// Words that are offered; any other one can be typed.
    #[prop(optional)]
    suggestions: &'static [&'static str],
    /// What to do, beside checking, when the field is left.
    #[prop(optional, into)]
    on_leave: Option<Callback<()>>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let adopted = RwSignal::new(false);
    // Whatever was typed or filled in before the program took over the page is kept.
    Effect::new(move || {
        if let Some(input) = input.get()
            && !adopted.get_untracked()
        {
            if input.value() != field.peek() {
                field.value.set(input.value());
            }
            adopted.set(true);
        }
    });
    // A field that has the focus when its page goes is left after its form has gone.
    let leave = move |_| {
        if field.value.is_disposed() {
            return;
        }
        if !field.peek().is_empty() {
            field.check_soon();
        }
        if let Some(on_leave) = on_leave {
            on_leave.run(());
        }
    };
    let (id, note, name) = (
        field.id(),
        format!("{}-note", field.id()),
        format!("{}-label", field.id()),
    );
    let is_secret = kind == "password";
    let is_shown = RwSignal::new(false);
    let list = (!suggestions.is_empty()).then(|| format!("{}-list", field.id()));
    view! {
        <div class="field" class:is-code=is_code>
            <label id=name.clone() for=id.clone()>
                {label}
            </label>
            <div class="field-line">
                <input
                    node_ref=input
                    id=id.clone()
                    name=field.name
                    type=move || if is_shown.get() { "text" } else { kind }
                    value=field.first.get_value()
                    prop:value=move || adopted.get().then(|| field.get())
                    autocomplete=autocomplete
                    autocapitalize=(is_code || is_secret).then_some("off")
                    spellcheck=(is_code || is_secret).then_some("false")
                    inputmode=inputmode
                    placeholder=placeholder
                    list=list.clone()
                    aria-describedby=note.clone()
                    aria-invalid=move || field.error().is_some().to_string()
                    on:input:target=move |event| field.take(event.target().value())
                    on:blur=leave
                />
                {is_secret.then(|| view! { <ShowSecret shown=is_shown field=id label=name/> })}
            </div>
            {list
                .map(|list| {
                    view! {
                        <datalist id=list>
                            {suggestions
                                .iter()
                                .map(|word| view! { <option value=*word></option> })
                                .collect_view()}
                        </datalist>
                    }
                })}
            <p id=note class="field-note" class:is-error=move || field.error().is_some()>
                {move || field.error().unwrap_or_else(|| hint.to_owned())}
            </p>
        </div>
    }
}

/// One of a few words.
#[derive(Clone, Copy)]
pub struct ChoiceField {
    name: &'static str,
    form: &'static str,
    first: &'static str,
    value: RwSignal<&'static str>,
}

impl ChoiceField {
    pub fn new(form: &'static str, name: &'static str, first: &'static str) -> Self {
        Self {
            name,
            form,
            first,
            value: RwSignal::new(first),
        }
    }

    pub fn get(self) -> &'static str {
        self.value.get()
    }

    /// The choice without following it.
    pub fn peek(self) -> &'static str {
        self.value.get_untracked()
    }

    pub fn set(self, word: &'static str) {
        self.value.set(word);
    }
}

/// A list to choose from: pairs of the word that is sent and the word that is shown.
#[component]
pub fn Select(
    field: ChoiceField,
    label: &'static str,
    choices: &'static [(&'static str, &'static str)],
) -> impl IntoView {
    let node = NodeRef::<html::Select>::new();
    let adopted = RwSignal::new(false);
    let adopt = move |word: &str| {
        if let Some((known, _)) = choices.iter().find(|(known, _)| *known == word) {
            field.value.set(known);
        }
    };
    Effect::new(move || {
        if let Some(select) = node.get()
            && !adopted.get_untracked()
        {
            adopt(&select.value());
            adopted.set(true);
        }
    });
    let id = format!("{}-{}", field.form, field.name);
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select
                node_ref=node
                id=id
                name=field.name
                prop:value=move || adopted.get().then(|| field.get().to_owned())
                on:change:target=move |event| adopt(&event.target().value())
            >
                {choices
                    .iter()
                    .map(|(word, shown)| {
                        view! {
                            <option value=*word selected=*word == field.first>
                                {*shown}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <p class="field-note"></p>
        </div>
    }
}
