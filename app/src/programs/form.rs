//! The fields of a program, to add one or to change one.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::ServerId;
use wire::plan::{PreviewInput, PreviewWork};
use wire::programs::{
    CreateProgramInput, ENVIRONMENT, NewProgram, ProcessCount, ProgramFields, ProgramResource,
    StopSignal, StopWait, directory,
};
use wire::scheduler::{RunAs, command};
use wire::text::one_line;

use super::create;
use super::variables::{Variables, VariablesInput};
use crate::browser;
use crate::operations::{Steps, Wanted};
use crate::ui::{
    ChoiceField, Field, FormMessage, Select, Submission, SubmitButton, TextArea, TextField,
};

const USERS: &[(&str, &str)] = &[("brokeforge", "brokeforge"), ("root", "root")];
const RESTARTS: &[(&str, &str)] = &[("yes", "Start it again"), ("no", "Leave it")];
const SIGNALS: &[(&str, &str)] = &[
    ("TERM", "TERM"),
    ("INT", "INT"),
    ("QUIT", "QUIT"),
    ("HUP", "HUP"),
    ("USR1", "USR1"),
    ("USR2", "USR2"),
    ("KILL", "KILL"),
];

/// What a program says, while it is typed.
#[derive(Clone, Copy)]
pub struct ProgramForm {
    name: TextField,
    command: TextField,
    directory: TextField,
    run_as: ChoiceField,
    processes: TextField,
    auto_restart: ChoiceField,
    stop_signal: ChoiceField,
    stop_wait: TextField,
    variables: Variables,
}

impl ProgramForm {
    /// An empty form; name and command are all that has to be typed.
    pub fn new(form: &'static str) -> Self {
        Self {
            name: name(form, ""),
            command: command_field(form, ""),
            directory: directory_field(form, ""),
            run_as: ChoiceField::new(form, "run_as", RunAs::App.as_str()),
            processes: processes(form, ProcessCount::ONE),
            auto_restart: ChoiceField::new(form, "auto_restart", "yes"),
            stop_signal: ChoiceField::new(form, "stop_signal", StopSignal::Term.as_str()),
            stop_wait: stop_wait(form, StopWait::DEFAULT),
            variables: Variables::new(form, &[]),
        }
    }

    /// The form of a program that is there.
    pub fn of(form: &'static str, program: &ProgramResource) -> Self {
        let settings = &program.settings;
        let restarts = if settings.auto_restart { "yes" } else { "no" };
        Self {
            name: name(form, &settings.name),
            command: command_field(form, &settings.command),
            directory: directory_field(form, &settings.directory),
            run_as: ChoiceField::new(form, "run_as", settings.run_as.as_str()),
            processes: processes(form, settings.processes),
            auto_restart: ChoiceField::new(form, "auto_restart", restarts),
            stop_signal: ChoiceField::new(form, "stop_signal", settings.stop_signal.as_str()),
            stop_wait: stop_wait(form, settings.stop_wait),
            variables: Variables::new(form, &program.variables),
        }
    }

    pub fn submission(self) -> Submission {
        Submission::of(&[
            self.name,
            self.command,
            self.directory,
            self.processes,
            self.stop_wait,
            self.variables.field,
        ])
    }

    pub fn fields(self) -> ProgramFields {
        ProgramFields {
            name: self.name.peek(),
            command: self.command.peek(),
            directory: self.directory.peek(),
            run_as: RunAs::parse(self.run_as.peek()).unwrap_or(RunAs::App),
            processes: self.processes.peek(),
            auto_restart: self.auto_restart.peek() == "yes",
            stop_signal: StopSignal::parse(self.stop_signal.peek()).unwrap_or(StopSignal::Term),
            stop_wait: self.stop_wait.peek(),
            environment: self.variables.fields(),
        }
    }

    /// The fields as they change, while they can be used.
    pub fn usable(self) -> Option<ProgramFields> {
        for choice in [self.run_as, self.auto_restart, self.stop_signal] {
            choice.get();
        }
        for text in [
            self.name,
            self.command,
            self.directory,
            self.processes,
            self.stop_wait,
        ] {
            text.get();
        }
        self.variables.follow();
        let fields = self.fields();
        NewProgram::parse(&fields).is_ok().then_some(fields)
    }

    fn clear(self) {
        self.name.set("");
        self.command.set("");
        self.directory.set("");
        self.processes.set(ProcessCount::ONE.get().to_string());
        self.stop_wait.set(StopWait::DEFAULT.seconds().to_string());
        self.variables.clear();
    }
}

fn name(form: &'static str, first: &str) -> TextField {
    TextField::new(form, "name", first, |text| one_line(text, 100).map(drop))
}

fn command_field(form: &'static str, first: &str) -> TextField {
    TextField::new(form, "command", first, |text| command(text).map(drop))
}

fn directory_field(form: &'static str, first: &str) -> TextField {
    TextField::new(form, "directory", first, |text| directory(text).map(drop))
}

fn processes(form: &'static str, first: ProcessCount) -> TextField {
    TextField::new(form, "processes", first.get().to_string(), |text| {
        ProcessCount::parse(text).map(drop)
    })
}

fn stop_wait(form: &'static str, first: StopWait) -> TextField {
    TextField::new(form, "stop_wait", first.seconds().to_string(), |text| {
        StopWait::parse(text).map(drop)
    })
}

/// The inputs of a program.
#[allow(
    clippy::large_types_passed_by_value,
    reason = "a few signals; debug builds note where each was made"
)]
#[component]
pub fn ProgramInputs(form: ProgramForm) -> impl IntoView {
    view! {
        <div class="field-row">
            <Field field=form.name label="Name" hint="What the program is for."/>
            <Select field=form.run_as label="Runs as" choices=USERS/>
        </div>
        <TextArea
            field=form.command
            label="Command"
            hint="It has to stay in the foreground: what goes into the background by itself is stopped and counts as ended."
            rows=3
            is_code=true
        />
        <BuiltIn/>
        <Field
            field=form.directory
            label="Directory"
            hint="Where it starts. Empty: the home of the user."
            placeholder="/home/brokeforge/shop"
            is_code=true
        />
        <div class="field-row is-rule">
            <Field
                field=form.processes
                label="Processes"
                hint="How many run at once. At most 20."
                inputmode="numeric"
            />
            <Select field=form.auto_restart label="When it ends" choices=RESTARTS/>
            <Select field=form.stop_signal label="Stop signal" choices=SIGNALS/>
            <Field
                field=form.stop_wait
                label="Seconds to stop in"
                hint="Then it is killed. At most 300."
                inputmode="numeric"
            />
        </div>
        <VariablesInput variables=form.variables/>
    }
}

/// What a command finds around it.
#[component]
fn BuiltIn() -> impl IntoView {
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

/// The steps of work on a program.
pub fn wanted(server: ServerId, work: PreviewWork) -> Wanted {
    Wanted::Preview(PreviewInput {
        server_id: server,
        work,
    })
}

/// Adds a program.
#[component]
pub fn AddProgram(server: ServerId) -> impl IntoView {
    let form = ProgramForm::new("add-program");
    let submission = form.submission();
    // One key for one form: however often it is sent, it makes one program.
    let request_key = StoredValue::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            request_key.update_value(|key| {
                key.get_or_insert_with(browser::request_key);
            });
            let input = CreateProgramInput {
                server_id: server,
                program: form.fields(),
                request_key: request_key.get_value().unwrap_or_default(),
            };
            submission.run(create(input), move |_| {
                request_key.set_value(None);
                form.clear();
                browser::focus("add-program-name");
            });
        }
    };
    view! {
        <form class="panel" on:submit=submit novalidate method="post" aria-labelledby="add-program">
            <h3 id="add-program">"Add a program"</h3>
            <FormMessage submission/>
            <ProgramInputs form/>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable().map(|program| wanted(server, PreviewWork::AddProgram { program }))
                })
            />
            <div class="form-actions">
                <SubmitButton submission label="Add program" busy="Adding program..."/>
            </div>
        </form>
    }
}
