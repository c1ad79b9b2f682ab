//! The environment of a program while it is typed. What a variable holds is never shown again: it is kept, or replaced.

use leptos::prelude::*;
use wire::programs::{SecretText, VariableFields};

use crate::ui::{Icon, Shape, TextField};

/// Variables while they are typed.
#[derive(Clone, Copy)]
pub struct Variables {
    rows: RwSignal<Vec<Row>>,
    next_key: StoredValue<u32>,
    /// Holds no text: where the panel's sentence about them is put.
    pub field: TextField,
}

#[derive(Clone, PartialEq, Eq)]
struct Row {
    key: u32,
    name: String,
    value: String,
    /// Nothing was typed over the value that the program has.
    is_kept: bool,
}

impl Variables {
    /// Those of a program that is there, by their names.
    pub fn new(form: &'static str, names: &[String]) -> Self {
        let rows = names.iter().zip(0..).map(|(name, key)| Row {
            key,
            name: name.clone(),
            value: String::new(),
            is_kept: true,
        });
        let rows: Vec<_> = rows.collect();
        Self {
            next_key: StoredValue::new(rows.last().map_or(0, |row| row.key + 1)),
            rows: RwSignal::new(rows),
            field: TextField::new(form, "environment", "", |_| Ok(())),
        }
    }

    /// As they are sent; empty once the form is gone.
    pub fn fields(self) -> Vec<VariableFields> {
        fields_of(&self.rows.try_get_untracked().unwrap_or_default())
    }

    /// As they are sent, while they change.
    pub fn follow(self) -> Vec<VariableFields> {
        fields_of(&self.rows.try_get().unwrap_or_default())
    }

    pub fn clear(self) {
        self.rows.set(Vec::new());
    }

    fn add(self) {
        let key = self.next_key.get_value();
        self.next_key.set_value(key + 1);
        self.rows.update(|rows| {
            rows.push(Row {
                key,
                name: String::new(),
                value: String::new(),
                is_kept: false,
            });
        });
    }

    fn remove(self, key: u32) {
        self.rows.update(|rows| rows.retain(|row| row.key != key));
    }

    fn change(self, key: u32, change: impl FnOnce(&mut Row)) {
        self.rows.update(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| row.key == key) {
                change(row);
            }
        });
    }

    fn text_of(self, key: u32, text: fn(&Row) -> &String) -> String {
        self.rows.with(|rows| {
            let row = rows.iter().find(|row| row.key == key);
            row.map(text).cloned().unwrap_or_default()
        })
    }
}

fn fields_of(rows: &[Row]) -> Vec<VariableFields> {
    let fields = rows.iter().map(|row| VariableFields {
        name: row.name.clone(),
        value: (!row.is_kept).then(|| SecretText::new(row.value.clone())),
    });
    fields.collect()
}

/// The inputs of an environment.
#[component]
pub fn VariablesInput(variables: Variables) -> impl IntoView {
    let keys = move || {
        variables
            .rows
            .with(|rows| rows.iter().map(|row| row.key).collect::<Vec<_>>())
    };
    let field = variables.field;
    let note = format!("{}-note", field.id());
    let described_by = note.clone();
    view! {
        <fieldset class="variables" aria-describedby=described_by>
            <legend>"Environment"</legend>
            <For each=keys key=|key| *key let:key>
                <VariableInputs variables key/>
            </For>
            <div>
                <button type="button" class="button is-small" on:click=move |_| variables.add()>
                    <Icon shape=Shape::Plus/>
                    "Add a variable"
                </button>
            </div>
            <p id=note class="field-note" class:is-error=move || field.error().is_some()>
                {move || {
                    field
                        .error()
                        .unwrap_or_else(|| {
                            "Values are stored encrypted and never shown again; they can be replaced.".to_owned()
                        })
                }}
            </p>
        </fieldset>
    }
}

#[component]
fn VariableInputs(variables: Variables, key: u32) -> impl IntoView {
    let name = Signal::derive(move || variables.text_of(key, |row| &row.name));
    let value = Signal::derive(move || variables.text_of(key, |row| &row.value));
    let is_kept = variables.rows.with_untracked(|rows| {
        let row = rows.iter().find(|row| row.key == key);
        row.is_some_and(|row| row.is_kept)
    });
    let of_it = move |what: &str| match name.get() {
        name if name.is_empty() => format!("{what} a new variable"),
        name => format!("{what} {name}"),
    };
    view! {
        <div class="variable">
            <input
                type="text"
                aria-label="Name of the variable"
                placeholder="NAME"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=move || name.get()
                on:input:target=move |event| {
                    let text = event.target().value();
                    variables.change(key, |row| row.name = text);
                }
            />
            <textarea
                aria-label=move || of_it("Value of")
                placeholder=if is_kept { "kept as it is" } else { "value" }
                rows=1
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=move || value.get()
                on:input:target=move |event| {
                    let text = event.target().value();
                    variables
                        .change(
                            key,
                            |row| {
                                row.value = text;
                                row.is_kept = false;
                            },
                        );
                }
            />
            <button
                type="button"
                class="icon-button"
                aria-label=move || of_it("Leave out")
                title="Leave it out"
                on:click=move |_| variables.remove(key)
            >
                <Icon shape=Shape::Cross/>
            </button>
        </div>
    }
}
