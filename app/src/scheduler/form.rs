//! The fields of a task, to add one or to change one.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::ServerId;
use wire::plan::{PreviewInput, PreviewWork};
use wire::scheduler::{
    CreateTaskInput, CronExpression, ENVIRONMENT, Frequency, Overlap, RunAs, TaskFields,
    TaskResource, TaskTimeout, command,
};
use wire::text::one_line;

use super::create;
use super::next::NextRunsNote;
use crate::browser;
use crate::operations::{Steps, Wanted};
use crate::ui::{
    ChoiceField, Field, FormMessage, Select, Submission, SubmitButton, TextArea, TextField,
};

const USERS: &[(&str, &str)] = &[("brokeforge", "brokeforge"), ("root", "root")];
const FREQUENCIES: &[(&str, &str)] = &[
    ("minutely", "Every minute"),
    ("hourly", "Every hour"),
    ("daily", "Every day"),
    ("weekly", "Every week"),
    ("monthly", "Every month"),
    ("custom", "As written"),
];
const OVERLAPS: &[(&str, &str)] = &[("skip", "Skip it"), ("queue", "Run it afterwards")];
const NOTICES: &[(&str, &str)] = &[("yes", "Tell me"), ("no", "Show it only")];

/// What a task says, while it is typed.
#[derive(Clone, Copy)]
pub struct TaskForm {
    name: TextField,
    command: TextField,
    run_as: ChoiceField,
    frequency: ChoiceField,
    expression: TextField,
    timeout: TextField,
    overlap: ChoiceField,
    notify: ChoiceField,
}

impl TaskForm {
    /// An empty form; name and command are all that has to be typed.
    pub fn new(form: &'static str) -> Self {
        Self::filled(
            form,
            TaskFields {
                name: String::new(),
                command: String::new(),
                run_as: RunAs::App,
                frequency: Frequency::Daily,
                expression: written(Frequency::Daily),
                timeout: TaskTimeout::DEFAULT.seconds().to_string(),
                overlap: Overlap::Skip,
                notify: true,
            },
        )
    }

    /// The form of a task that is there.
    pub fn of(form: &'static str, task: &TaskResource) -> Self {
        Self::filled(
            form,
            TaskFields {
                name: task.name.clone(),
                command: task.command.clone(),
                run_as: task.run_as,
                frequency: task.frequency,
                expression: task.expression.clone(),
                timeout: task.timeout.to_string(),
                overlap: task.overlap,
                notify: task.notify,
            },
        )
    }

    fn filled(form: &'static str, task: TaskFields) -> Self {
        let this = Self {
            name: TextField::new(form, "name", task.name, |text| {
                one_line(text, 100).map(drop)
            }),
            command: TextField::new(form, "command", task.command, |text| {
                command(text).map(drop)
            }),
            run_as: ChoiceField::new(form, "run_as", task.run_as.as_str()),
            frequency: ChoiceField::new(form, "frequency", task.frequency.as_str()),
            expression: TextField::new(form, "expression", task.expression, |text| {
                CronExpression::parse(text).map(drop)
            }),
            timeout: TextField::new(form, "timeout", task.timeout, |text| {
                TaskTimeout::parse(text).map(drop)
            }),
            overlap: ChoiceField::new(form, "overlap", task.overlap.as_str()),
            notify: ChoiceField::new(form, "notify", if task.notify { "yes" } else { "no" }),
        };
        this.keep_together();
        this
    }

    /// A frequency writes its expression, and an expression that is another one makes it `custom`.
    fn keep_together(self) {
        Effect::new(move || {
            let chosen = Frequency::parse(self.frequency.get());
            if let Some(expression) = chosen.and_then(Frequency::expression)
                && self.expression.peek() != expression
            {
                self.expression.set(expression);
            }
        });
        Effect::new(move || {
            let expression = self.expression.get();
            let chosen = Frequency::parse(self.frequency.peek());
            if chosen
                .and_then(Frequency::expression)
                .is_some_and(|written| written != expression)
            {
                self.frequency.set(Frequency::Custom.as_str());
            }
        });
    }

    pub fn submission(self) -> Submission {
        Submission::of(&[self.name, self.command, self.expression, self.timeout])
    }

    pub fn fields(self) -> TaskFields {
        TaskFields {
            name: self.name.peek(),
            command: self.command.peek(),
            run_as: RunAs::parse(self.run_as.peek()).unwrap_or(RunAs::App),
            frequency: Frequency::parse(self.frequency.peek()).unwrap_or(Frequency::Custom),
            expression: self.expression.peek(),
            timeout: self.timeout.peek(),
            overlap: Overlap::parse(self.overlap.peek()).unwrap_or(Overlap::Skip),
            notify: self.notify.peek() == "yes",
        }
    }

    /// The fields as they change, while they can be used.
    pub fn usable(self) -> Option<TaskFields> {
        for choice in [self.run_as, self.frequency, self.overlap, self.notify] {
            choice.get();
        }
        let fits = one_line(&self.name.get(), 100).is_ok()
            && command(&self.command.get()).is_ok()
            && CronExpression::parse(&self.expression.get()).is_ok()
            && TaskTimeout::parse(&self.timeout.get()).is_ok();
        fits.then(|| self.fields())
    }

    fn clear(self) {
        self.name.set("");
        self.command.set("");
        self.frequency.set(Frequency::Daily.as_str());
        self.expression.set(written(Frequency::Daily));
        self.timeout.set(TaskTimeout::DEFAULT.seconds().to_string());
    }
}

fn written(frequency: Frequency) -> String {
    frequency.expression().unwrap_or_default().to_owned()
}

/// The inputs of a task.
#[allow(
    clippy::large_types_passed_by_value,
    reason = "a few signals; debug builds note where each was made"
)]
#[component]
pub fn TaskInputs(server: ServerId, form: TaskForm) -> impl IntoView {
    let expression = Memo::new(move |_| {
        let text = form.expression.get();
        CronExpression::parse(&text).is_ok().then_some(text)
    });
    view! {
        <div class="field-row">
            <Field field=form.name label="Name" hint="What the task is for."/>
            <Select field=form.run_as label="Runs as" choices=USERS/>
        </div>
        <TextArea
            field=form.command
            label="Command"
            hint="Anything a shell understands, also over several lines. It is handed over as it is written here."
            rows=4
            is_code=true
        />
        <Environment/>
        <div class="field-row is-rule">
            <Select field=form.frequency label="How often" choices=FREQUENCIES/>
            <Field
                field=form.expression
                label="Cron expression"
                hint="Minute, hour, day of month, month, day of week."
                is_code=true
            />
            <Field
                field=form.timeout
                label="Timeout in seconds"
                hint="Then it is stopped. At most 3600."
                inputmode="numeric"
            />
            <Select field=form.overlap label="If the last run goes on" choices=OVERLAPS/>
            <Select field=form.notify label="If one fails or is missed" choices=NOTICES/>
        </div>
        <NextRunsNote server expression/>
    }
}

/// What a command finds around it.
#[component]
fn Environment() -> impl IntoView {
    view! {
        <details class="commands">
            <summary>"What the command finds around it"</summary>
            <dl class="facts">
                {ENVIRONMENT
                    .iter()
                    .map(|(name, value)| {
                        view! {
                            <dt>{*name}</dt>
                            <dd class="is-code">{*value}</dd>
                        }
                    })
                    .collect_view()}
            </dl>
        </details>
    }
}

/// The steps of work on a task.
pub fn wanted(server: ServerId, work: PreviewWork) -> Wanted {
    Wanted::Preview(PreviewInput {
        server_id: server,
        work,
    })
}

/// Adds a task.
#[component]
pub fn AddTask(server: ServerId) -> impl IntoView {
    let form = TaskForm::new("add-task");
    let submission = form.submission();
    // One key for one form: however often it is sent, it makes one task.
    let request_key = StoredValue::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            request_key.update_value(|key| {
                key.get_or_insert_with(browser::request_key);
            });
            let input = CreateTaskInput {
                server_id: server,
                task: form.fields(),
                request_key: request_key.get_value().unwrap_or_default(),
            };
            submission.run(create(input), move |_| {
                request_key.set_value(None);
                form.clear();
                browser::focus("add-task-name");
            });
        }
    };
    view! {
        <form class="panel" on:submit=submit novalidate method="post" aria-labelledby="add-task">
            <h3 id="add-task">"Add a task"</h3>
            <FormMessage submission/>
            <TaskInputs server form/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable().map(|task| wanted(server, PreviewWork::AddTask { task }))
                })
            />
            <div class="form-actions">
                <SubmitButton submission label="Add task" busy="Adding task..."/>
            </div>
        </form>
    }
}
