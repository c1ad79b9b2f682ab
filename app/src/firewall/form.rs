//! The fields of a rule, to add one or to change one.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::ServerId;
use wire::firewall::{
    Action, CreateRuleInput, PortRange, Protocol, RuleFields, RuleResource, Source,
};
use wire::plan::{PreviewInput, PreviewWork};
use wire::text::one_line;

use super::create;
use crate::browser;
use crate::operations::{Steps, Wanted};
use crate::ui::{ChoiceField, Field, FormMessage, Select, Submission, SubmitButton, TextField};

const PROTOCOLS: &[(&str, &str)] = &[("tcp", "TCP"), ("udp", "UDP"), ("any", "Any")];
const ACTIONS: &[(&str, &str)] = &[("allow", "Allow"), ("deny", "Deny")];

/// What a rule says, while it is typed.
#[derive(Clone, Copy)]
pub struct RuleForm {
    name: TextField,
    port: TextField,
    protocol: ChoiceField,
    source: TextField,
    action: ChoiceField,
}

impl RuleForm {
    /// An empty form; name and port are all that has to be typed.
    pub fn new(form: &'static str) -> Self {
        Self {
            name: TextField::new(form, "name", "", |text| one_line(text, 100).map(drop)),
            port: TextField::new(form, "port", "", |text| PortRange::parse(text).map(drop)),
            protocol: ChoiceField::new(form, "protocol", Protocol::Tcp.as_str()),
            source: TextField::new(form, "source", "", |text| Source::parse(text).map(drop)),
            action: ChoiceField::new(form, "action", Action::Allow.as_str()),
        }
    }

    /// The form of a rule that is there.
    pub fn of(form: &'static str, rule: &RuleResource) -> Self {
        let source = rule.source.clone().unwrap_or_default();
        Self {
            name: TextField::new(form, "name", rule.name.clone(), |text| {
                one_line(text, 100).map(drop)
            }),
            port: TextField::new(form, "port", rule.port.clone(), |text| {
                PortRange::parse(text).map(drop)
            }),
            protocol: ChoiceField::new(form, "protocol", rule.protocol.as_str()),
            source: TextField::new(form, "source", source, |text| Source::parse(text).map(drop)),
            action: ChoiceField::new(form, "action", rule.action.as_str()),
        }
    }

    pub fn submission(self) -> Submission {
        Submission::of(&[self.name, self.port, self.source])
    }

    pub fn fields(self) -> RuleFields {
        RuleFields {
            name: self.name.peek(),
            port: self.port.peek(),
            protocol: Protocol::parse(self.protocol.peek()).unwrap_or(Protocol::Tcp),
            source: self.source.peek(),
            action: Action::parse(self.action.peek()).unwrap_or(Action::Allow),
        }
    }

    /// The fields as they change, while they can be used.
    pub fn usable(self) -> Option<RuleFields> {
        let fields = RuleFields {
            name: self.name.get(),
            port: self.port.get(),
            protocol: Protocol::parse(self.protocol.get()).unwrap_or(Protocol::Tcp),
            source: self.source.get(),
            action: Action::parse(self.action.get()).unwrap_or(Action::Allow),
        };
        let fits = one_line(&fields.name, 100).is_ok()
            && PortRange::parse(&fields.port).is_ok()
            && Source::parse(&fields.source).is_ok();
        fits.then_some(fields)
    }

    fn clear(self) {
        self.name.set("");
        self.port.set("");
        self.source.set("");
        self.protocol.set(Protocol::Tcp.as_str());
        self.action.set(Action::Allow.as_str());
    }
}

/// The inputs of a rule.
#[allow(
    clippy::large_types_passed_by_value,
    reason = "a few signals; debug builds note where each was made"
)]
#[component]
pub fn RuleInputs(form: RuleForm) -> impl IntoView {
    view! {
        <div class="field-row is-rule">
            <Field field=form.name label="Name" hint="What the rule is for."/>
            <Field field=form.port label="Port" hint="80, or a range like 3000:3005." is_code=true/>
            <Select field=form.protocol label="Protocol" choices=PROTOCOLS/>
            <Field
                field=form.source
                label="Source"
                hint="IP address or network. Leave empty for anywhere."
                is_code=true
            />
            <Select field=form.action label="Action" choices=ACTIONS/>
        </div>
    }
}

/// The steps of work on a rule.
pub fn wanted(server: ServerId, work: PreviewWork) -> Wanted {
    Wanted::Preview(PreviewInput {
        server_id: server,
        work,
    })
}

/// Adds a rule.
#[component]
pub fn AddRule(server: ServerId) -> impl IntoView {
    let form = RuleForm::new("add-rule");
    let submission = form.submission();
    // One key for one form: however often it is sent, it makes one rule.
    let request_key = StoredValue::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            request_key.update_value(|key| {
                key.get_or_insert_with(browser::request_key);
            });
            let input = CreateRuleInput {
                server_id: server,
                rule: form.fields(),
                request_key: request_key.get_value().unwrap_or_default(),
            };
            submission.run(create(input), move |_| {
                request_key.set_value(None);
                form.clear();
                browser::focus("add-rule-name");
            });
        }
    };
    view! {
        <form class="panel" on:submit=submit novalidate method="post" aria-labelledby="add-rule">
            <h3 id="add-rule">"Add a rule"</h3>
            <FormMessage submission/>
            <RuleInputs form/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable().map(|rule| wanted(server, PreviewWork::AddRule { rule }))
                })
            />
            <div class="form-actions">
                <SubmitButton submission label="Add rule" busy="Adding rule..."/>
            </div>
        </form>
    }
}
