//! The steps of work with their scripts, before it is asked for and as it was done, to be read and copied.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use wire::operations::OperationInput;
use wire::plan::{PlanResource, PreviewInput};
use wire::{ApiError, OperationId};

use super::{plan, preview};
use crate::accounts::SessionGate;
use crate::ui::CopyButton;

/// How long typing must rest before the steps are worked out anew.
const REST: Duration = Duration::from_millis(300);

/// What the steps are wanted of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Work as the form beside it has it.
    Preview(PreviewInput),
    /// An operation with so many steps.
    Of(OperationId, usize),
}

/// A line that opens to the exact steps. They are asked for when it does, and again when what is wanted changes.
#[component]
pub fn Steps(
    summary: &'static str,
    /// `None` as long as the form cannot be used.
    #[prop(into)]
    wanted: Signal<Option<Wanted>>,
) -> impl IntoView {
    let node = NodeRef::<html::Details>::new();
    let is_open = RwSignal::new(false);
    let look = move || {
        if let Some(details) = node.get_untracked() {
            is_open.set(details.open());
        }
    };
    // It may have been opened before the program took over.
    Effect::new(move || {
        node.track();
        look();
    });
    let shown = RwSignal::new(None::<Result<PlanResource, String>>);
    fetch_when_open(is_open, wanted, shown);
    view! {
        <details node_ref=node class="commands" on:toggle=move |_| look()>
            <summary>{summary}</summary>
            {move || match shown.get() {
                Some(Ok(plan)) => view! { <PlanView plan/> }.into_any(),
                Some(Err(message)) => note(message),
                None if wanted.with(Option::is_some) => note("Working the steps out...".to_owned()),
                None => note("Fill in the form to see them.".to_owned()),
            }}
        </details>
    }
}

fn fetch_when_open(
    is_open: RwSignal<bool>,
    wanted: Signal<Option<Wanted>>,
    shown: RwSignal<Option<Result<PlanResource, String>>>,
) {
    let gate = expect_context::<SessionGate>();
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    Effect::new(move |fetched: Option<Option<Wanted>>| {
        let fetched = fetched.flatten();
        if !is_open.get() {
            // What went wrong is tried again when it is opened again.
            let went_well = !matches!(shown.get_untracked(), Some(Err(_)));
            return fetched.filter(|_| went_well);
        }
        let wanted_now = wanted.get();
        if wanted_now == fetched {
            return fetched;
        }
        stop();
        let Some(ask) = wanted_now.clone() else {
            shown.set(None);
            return None;
        };
        let fetch = move || {
            leptos::task::spawn_local(async move {
                let answer = match ask.clone() {
                    Wanted::Preview(input) => preview(input).await,
                    Wanted::Of(operation_id, _) => plan(OperationInput { operation_id }).await,
                };
                // The answer to a form that says something else by now is no answer.
                if wanted.try_get_untracked().flatten().as_ref() != Some(&ask) {
                    return;
                }
                if answer == Err(ApiError::SignedOut) {
                    gate.ask();
                }
                shown.try_set(Some(answer.map_err(|error| error.to_string())));
            });
        };
        let rest = if fetched.is_none() {
            Duration::ZERO
        } else {
            REST
        };
        timer.set_value(set_timeout_with_handle(fetch, rest).ok());
        wanted_now
    });
}

/// The script in its pieces: what the steps share is folded, each step stands by itself.
#[component]
fn PlanView(plan: PlanResource) -> impl IntoView {
    if plan.steps.is_empty() {
        return note("The steps are worked out when a worker begins.".to_owned());
    }
    let script = Signal::stored(plan.script());
    let shared = (!plan.shared.is_empty()).then(|| {
        view! {
            <details class="commands-shared">
                <summary>"Functions that the steps share"</summary>
                {script_block("Functions that the steps share".to_owned(), plan.shared)}
            </details>
        }
    });
    let steps = plan.steps.into_iter().enumerate().map(|(place, step)| {
        let title = format!("{}. {}", place + 1, step.title);
        view! {
            <h3>{title.clone()}</h3>
            {script_block(format!("Script of {title}"), step.script)}
        }
    });
    view! {
        <div class="commands-head">
            <span>"One shell script for the server; each step reads its values from the lines below it."</span>
            <CopyButton text=script label="Copy as a shell script"/>
        </div>
        {shared}
        {steps.collect_view()}
    }
    .into_any()
}

fn script_block(label: String, text: String) -> AnyView {
    view! {
        <pre class="script" tabindex="0" role="region" aria-label=label>
            {text}
        </pre>
    }
    .into_any()
}

fn note(text: String) -> AnyView {
    view! { <p class="field-note commands-note">{text}</p> }.into_any()
}
