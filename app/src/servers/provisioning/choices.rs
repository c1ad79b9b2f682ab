//! What can be chosen before a provisioning, and what will be done with it.

use leptos::html;
use leptos::prelude::*;
use wire::ServerId;
use wire::plan::{PreviewInput, PreviewWork};
use wire::provisioning::{Part, Php, ProvisionChoices, ProvisionFields, SoftwareResource};

use crate::operations::{Steps, Wanted};

/// The choices of one form. One click suffices: what stands there first is a sound choice.
#[derive(Clone, Copy)]
pub struct ChoiceForm {
    name: &'static str,
    php: RwSignal<String>,
    parts: [(Part, RwSignal<bool>); Part::ALL.len()],
}

impl ChoiceForm {
    /// A form with these choices; `name` tells forms on one page apart.
    pub fn of(name: &'static str, chosen: &ProvisionFields) -> Self {
        Self {
            name,
            php: RwSignal::new(chosen.php.clone()),
            parts: Part::ALL.map(|part| (part, RwSignal::new(chosen.parts.contains(&part)))),
        }
    }

    /// As it is sent.
    pub fn fields(self) -> ProvisionFields {
        let parts = self.parts.into_iter();
        ProvisionFields {
            php: self.php.get_untracked(),
            parts: parts
                .filter(|(_, chosen)| chosen.get_untracked())
                .map(|(part, _)| part)
                .collect(),
        }
    }

    /// What would be done with them, as they change.
    pub fn wanted(self, server: ServerId) -> Signal<Option<Wanted>> {
        Signal::derive(move || {
            let choices = Some(self.choices().fields());
            Some(Wanted::Preview(PreviewInput {
                server_id: server,
                work: PreviewWork::Provision { choices },
            }))
        })
    }

    fn choices(self) -> ProvisionChoices {
        let parts = self.parts.into_iter();
        ProvisionChoices {
            php: Php::parse(&self.php.get()).unwrap_or_default(),
            parts: parts
                .filter(|(_, chosen)| chosen.get())
                .map(|(part, _)| part)
                .collect(),
        }
    }
}

/// PHP as a list, the other parts as boxes.
#[component]
pub fn ChoiceInputs(form: ChoiceForm, software: Signal<SoftwareResource>) -> impl IntoView {
    view! {
        <div class="choices">
            <PhpSelect form software/>
            <fieldset class="parts">
                <legend>"Other software"</legend>
                {form
                    .parts
                    .into_iter()
                    .map(|(part, chosen)| view! { <PartBox form part chosen/> })
                    .collect_view()}
            </fieldset>
        </div>
    }
}

#[component]
fn PhpSelect(form: ChoiceForm, software: Signal<SoftwareResource>) -> impl IntoView {
    let php = form.php;
    let node = NodeRef::<html::Select>::new();
    let adopted = RwSignal::new(false);
    let offers = Memo::new(move |_| {
        software.with(|software| offers(&software.php_offered, &software.chosen.php))
    });
    // What was chosen before the program took over the page is kept.
    Effect::new(move || {
        if let Some(select) = node.get()
            && !adopted.get_untracked()
        {
            php.set(select.value());
            adopted.set(true);
        }
    });
    let id = format!("{}-php", form.name);
    let note = format!("{id}-note");
    view! {
        <div class="field">
            <label for=id.clone()>"PHP"</label>
            <select
                node_ref=node
                id=id
                name="php"
                aria-describedby=note.clone()
                on:change:target=move |event| php.set(event.target().value())
            >
                {move || {
                    offers
                        .get()
                        .into_iter()
                        .map(|(word, shown)| {
                            let selected = word == php.get_untracked();
                            view! {
                                <option value=word selected=selected>
                                    {shown}
                                </option>
                            }
                        })
                        .collect_view()
                }}
            </select>
            <p id=note class="field-note">"Versions from the server's package sources."</p>
        </div>
    }
}

/// Pairs of the word that is sent and the words that are shown. What was chosen stays among them,
/// also when it is offered no longer.
fn offers(offered: &[String], chosen: &str) -> Vec<(String, String)> {
    let mut offers = vec![match offered.first() {
        Some(own) => ("own".to_owned(), format!("{own} (distribution default)")),
        None => ("own".to_owned(), "Distribution default".to_owned()),
    }];
    let others = offered.iter().skip(1);
    offers.extend(others.map(|version| (version.clone(), version.clone())));
    if !offers.iter().any(|(word, _)| word == chosen) && chosen != "none" {
        let shown = if offered.first().is_some_and(|own| own == chosen) {
            format!("{chosen}, fixed version")
        } else {
            format!("{chosen}, not available now")
        };
        offers.push((chosen.to_owned(), shown));
    }
    offers.push(("none".to_owned(), "None".to_owned()));
    offers
}

#[component]
fn PartBox(form: ChoiceForm, part: Part, chosen: RwSignal<bool>) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let first = chosen.get_untracked();
    let adopted = StoredValue::new(false);
    Effect::new(move || {
        if let Some(input) = node.get()
            && !adopted.get_value()
        {
            chosen.set(input.checked());
            adopted.set_value(true);
        }
    });
    let id = format!("{}-{}", form.name, part.as_str());
    let note = format!("{id}-note");
    view! {
        <div class="part">
            <input
                node_ref=node
                type="checkbox"
                id=id.clone()
                name=part.as_str()
                checked=first
                aria-describedby=note.clone()
                on:change:target=move |event| chosen.set(event.target().checked())
            />
            <label for=id>{part.title()}</label>
            <span id=note class="field-note">
                {part.what()}
            </span>
        </div>
    }
}

/// The steps that these choices lead to.
#[component]
pub fn Preview(
    server: ServerId,
    form: ChoiceForm,
    software: Signal<SoftwareResource>,
) -> impl IntoView {
    let lines = Memo::new(move |_| {
        let choices = form.choices();
        let own = software.with(|software| software.php_offered.first().cloned());
        let steps = choices.steps().into_iter();
        steps
            .map(|step| (step.title(), step.what(&choices.php, own.as_deref())))
            .collect::<Vec<_>>()
    });
    view! {
        <h3 class="preview-title">"What it will do"</h3>
        <ol class="preview" aria-live="polite">
            <For each=move || lines.get() key=|(title, what)| format!("{title} {what}") let((title, what))>
                <li>
                    <span class="preview-step">{title}</span>
                    <span>{what}</span>
                </li>
            </For>
        </ol>
        <Steps summary="Exact steps and commands" wanted=form.wanted(server)/>
    }
}

#[cfg(test)]
mod tests {
    use super::offers;

    fn words(offered: &[&str], chosen: &str) -> Vec<String> {
        let offered: Vec<_> = offered.iter().map(|it| (*it).to_owned()).collect();
        offers(&offered, chosen)
            .into_iter()
            .map(|(word, _)| word)
            .collect()
    }

    #[test]
    fn the_distributions_own_version_comes_first_and_none_last() {
        assert_eq!(words(&["8.2"], "own"), ["own", "none"]);
        assert_eq!(
            words(&["8.2", "8.4", "8.1"], "own"),
            ["own", "8.4", "8.1", "none"]
        );
        assert_eq!(words(&[], "own"), ["own", "none"]);
    }

    #[test]
    fn what_was_chosen_stays_to_be_chosen() {
        assert_eq!(words(&["8.2"], "none"), ["own", "none"]);
        assert_eq!(words(&["8.2"], "8.1"), ["own", "8.1", "none"]);
        assert_eq!(words(&["8.2"], "8.2"), ["own", "8.2", "none"]);
    }
}
