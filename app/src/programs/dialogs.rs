//! Changing a program, starting, stopping and removing it. One dialog each for the whole page: a refetch of the rows leaves it
//! and what is typed in it alone.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wire::lifecycle::ManagedInput;
use wire::plan::PreviewWork;
use wire::programs::{ControlInput, ProgramAct, ProgramResource, UpdateProgramInput};
use wire::{ResourceKind, ServerId};

use super::form::{ProgramForm, ProgramInputs, wanted};
use super::{control, update};
use crate::lifecycle::{operation_path, remove};
use crate::operations::Steps;
use crate::ui::{Cancel, Dialog, FormMessage, Submission, SubmitButton, Toast, Toasts};

/// What somebody is about to do to a program.
#[derive(Clone, Copy)]
pub struct Asked {
    pub edited: RwSignal<Option<ProgramResource>>,
    pub removed: RwSignal<Option<ProgramResource>>,
    pub controlled: RwSignal<Option<(ProgramAct, ProgramResource)>>,
}

impl Asked {
    pub fn nothing() -> Self {
        Self {
            edited: RwSignal::new(None),
            removed: RwSignal::new(None),
            controlled: RwSignal::new(None),
        }
    }
}

/// The dialogs of a page.
#[component]
pub fn Dialogs(server: ServerId, asked: Asked) -> impl IntoView {
    let Asked {
        edited,
        removed,
        controlled,
    } = asked;
    let (edits, removes, controls) = (opened_by(edited), opened_by(removed), opened_by(controlled));
    let question = Signal::derive(move || {
        controlled.with(|controlled| {
            let act = controlled.as_ref().map(|(act, _)| act.label());
            act.map_or_else(String::new, |act| format!("{act} this program?"))
        })
    });
    view! {
        <Dialog open=edits title="Edit program" id="edit-program-title">
            {move || edited.get().map(|program| view! { <EditForm server program open=edits/> })}
        </Dialog>
        <Dialog open=removes title="Remove this program?" id="remove-program-title">
            {move || removed.get().map(|program| view! { <RemoveForm server program open=removes/> })}
        </Dialog>
        <Dialog open=controls title=question id="control-program-title">
            {move || {
                controlled
                    .get()
                    .map(|(act, program)| view! { <ControlForm server act program open=controls/> })
            }}
        </Dialog>
    }
}

#[component]
fn EditForm(server: ServerId, program: ProgramResource, open: RwSignal<bool>) -> impl IntoView {
    let form = ProgramForm::of("edit-program", &program);
    let shown = StoredValue::new(form.fields());
    let program_id = program.id;
    let submission = form.submission();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = UpdateProgramInput {
                server_id: server,
                program_id,
                program: form.fields(),
                shown: shown.get_value(),
            };
            submission.run(update(input), move |()| open.set(false));
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <FormMessage submission/>
            <ProgramInputs form/>
            <p class="field-note">
                "Its processes are restarted if command, directory, user or environment have changed, and left alone otherwise."
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::derive(move || {
                    form.usable()
                        .map(|program| {
                            wanted(server, PreviewWork::ChangeProgram { program_id, program })
                        })
                })
            />
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Save program" busy="Saving program..."/>
            </div>
        </form>
    }
}

#[component]
fn RemoveForm(server: ServerId, program: ProgramResource, open: RwSignal<bool>) -> impl IntoView {
    let submission = Submission::bare();
    let resource = ManagedInput {
        server_id: server,
        kind: ResourceKind::Program,
        id: program.id.0,
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        submission.run(remove(resource), move |_| open.set(false));
    };
    view! {
        <form on:submit=submit method="post">
            <p>
                <strong>{program.settings.name}</strong>
                " is stopped and removed from the server. What it has printed goes with the age of the server's journal."
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(
                    Some(wanted(server, PreviewWork::RemoveProgram { program_id: program.id })),
                )
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove program" busy="Removing program..." is_danger=true/>
            </div>
        </form>
    }
}

#[component]
fn ControlForm(
    server: ServerId,
    act: ProgramAct,
    program: ProgramResource,
    open: RwSignal<bool>,
) -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    let submission = Submission::bare();
    let (program_id, name) = (program.id, program.settings.name);
    let (consequence, busy) = match act {
        ProgramAct::Start => (
            " is started, now and whenever the server boots. Processes that run are left alone.",
            "Starting program...",
        ),
        ProgramAct::Stop => (
            " is stopped with everything that it has started, and does not start when the server boots. Other programs run on.",
            "Stopping program...",
        ),
        ProgramAct::Restart => (
            " is stopped with everything that it has started, and started again. Other programs run on.",
            "Restarting program...",
        ),
    };
    let shown = name.clone();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let input = ControlInput {
            server_id: server,
            program_id,
            act,
        };
        let name = name.clone();
        submission.run(control(input), move |operation| {
            open.set(false);
            if let Some(operation) = operation {
                toasts.show(Toast {
                    message: format!("{} {name} is under way.", act.label()),
                    is_error: false,
                    about: None,
                    link: Some((operation_path(server, operation), "Follow it")),
                });
            }
        });
    };
    view! {
        <form on:submit=submit method="post">
            <p>
                <strong>{shown}</strong>
                {consequence}
            </p>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(
                    Some(wanted(server, PreviewWork::ControlProgram { program_id, act })),
                )
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton
                    submission
                    label=format!("{} program", act.label())
                    busy
                    is_danger=act == ProgramAct::Stop
                />
            </div>
        </form>
    }
}

/// Open while there is a subject; closing forgets it.
fn opened_by<T: Send + Sync + 'static>(subject: RwSignal<Option<T>>) -> RwSignal<bool> {
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
