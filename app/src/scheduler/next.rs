//! When a task comes next, in words, while its expression is being written and afterwards.

use std::time::Duration;

use leptos::prelude::*;
use wire::ServerId;
use wire::scheduler::{NextRuns, NextRunsInput};

use super::next;

/// How long typing must rest before the times are worked out anew.
const REST: Duration = Duration::from_millis(300);

/// The next five runs of an expression that is being written; `None` while it is none.
#[component]
pub fn NextRunsNote(server: ServerId, expression: Memo<Option<String>>) -> impl IntoView {
    let shown = RwSignal::new(None::<NextRuns>);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    Effect::new(move || {
        stop();
        let Some(asked) = expression.get() else {
            shown.set(None);
            return;
        };
        let fetch = move || {
            leptos::task::spawn_local(async move {
                let input = NextRunsInput {
                    server_id: server,
                    expression: asked.clone(),
                };
                let answer = next(input).await;
                // The answer to an expression that is another one by now is no answer.
                if expression.try_get_untracked().flatten() == Some(asked) {
                    shown.try_set(answer.ok());
                }
            });
        };
        timer.set_value(set_timeout_with_handle(fetch, REST).ok());
    });
    view! {
        <div class="next-runs" aria-live="polite">
            {move || shown.get().map(|next| view! { <NextRunsList next/> })}
        </div>
    }
}

/// Times to come, by the clock of the server.
#[component]
pub fn NextRunsList(next: NextRuns) -> impl IntoView {
    let NextRuns {
        time_zone,
        at_boot,
        runs,
    } = next;
    let zone = match time_zone {
        Some(zone) => format!("By the server's clock, {zone}."),
        None => "In UTC; the server has not told its time zone yet.".to_owned(),
    };
    if at_boot {
        return view! { <p class="field-note">"Runs whenever the server starts."</p> }.into_any();
    }
    if runs.is_empty() {
        return view! { <p class="field-note is-error">"This never comes: there is no such day."</p> }
            .into_any();
    }
    view! {
        <p class="field-note">"Next runs. " {zone}</p>
        <ol class="next-runs-list">
            {runs
                .into_iter()
                .map(|run| view! { <li><time datetime=run.at.to_rfc3339()>{run.words}</time></li> })
                .collect_view()}
        </ol>
    }
    .into_any()
}
