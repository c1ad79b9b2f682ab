//! Changing a rule and removing one. One dialog each for the whole page: a refetch of the rows
//! leaves it and what is typed in it alone.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::firewall::{RuleResource, UpdateRuleInput};
use wire::lifecycle::ManagedInput;
use wire::plan::PreviewWork;
use wire::{ResourceKind, ServerId};

use super::form::{RuleForm, RuleInputs, wanted};
use super::update;
use crate::lifecycle::remove;
use crate::operations::Steps;
use crate::ui::{Cancel, Dialog, FormMessage, Submission, SubmitButton};

/// Changes the rule in `edited`.
#[component]
pub fn EditDialog(server: ServerId, edited: RwSignal<Option<RuleResource>>) -> impl IntoView {
    let open = opened_by(edited);
    view! {
        <Dialog open title="Edit rule" id="edit-rule-title">
            {move || edited.get().map(|rule| view! { <EditForm server rule open/> })}
        </Dialog>
    }
}

#[component]
fn EditForm(server: ServerId, rule: RuleResource, open: RwSignal<bool>) -> impl IntoView {
    let form = RuleForm::of("edit-rule", &rule);
    let shown = StoredValue::new(form.fields());
    let rule_id = rule.id;
    let submission = form.submission();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = UpdateRuleInput {
                server_id: server,
                rule_id,
                rule: form.fields(),
                shown: shown.get_value(),
            };
            submission.run(update(input), move |()| open.set(false));
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <RuleInputs form/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable().map(|rule| wanted(server, PreviewWork::ChangeRule { rule_id, rule }))
                })
            />
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Save rule" busy="Saving rule..."/>
            </div>
        </form>
    }
}

/// Removes the rule in `removed`.
#[component]
pub fn RemoveDialog(server: ServerId, removed: RwSignal<Option<RuleResource>>) -> impl IntoView {
    let open = opened_by(removed);
    view! {
        <Dialog open title="Remove this rule?" id="remove-rule-title">
            {move || removed.get().map(|rule| view! { <RemoveForm server rule open/> })}
        </Dialog>
    }
}

#[component]
fn RemoveForm(server: ServerId, rule: RuleResource, open: RwSignal<bool>) -> impl IntoView {
    let submission = Submission::bare();
    let resource = ManagedInput {
        server_id: server,
        kind: ResourceKind::FirewallRule,
        id: rule.id.0,
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.run(remove(resource), move |_| open.set(false));
    };
    view! {
        <form on:submit=submit method="post">
            <p>
                <strong>{rule.name}</strong>
                " (" {rule.action.as_str()} " " {rule.port} "/" {rule.protocol.as_str()} ") is removed from the server."
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(Some(wanted(server, PreviewWork::RemoveRule { rule_id: rule.id })))
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove rule" busy="Removing rule..." is_danger=true/>
            </div>
        </form>
    }
}

/// Open while there is a subject; closing forgets it.
fn opened_by(subject: RwSignal<Option<RuleResource>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    Effect::new(move || {
        if subject.with(Option::is_some) {
            open.set(true);
        }
    });
    Effect::new(move || {
        if !open.get() && subject.with_untracked(Option::is_some) {
            subject.set(None);
        }
    });
    open
}
