//! What the processes of a program printed last, asked of the server when the page comes, by a button, and every few seconds
//! while somebody follows it.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use wire::programs::{LogInput, LogLine, ProcessResource};
use wire::{ProgramId, ServerId};

use super::log;
use crate::browser;
use crate::operations::Printed;
use crate::ui::{Icon, Shape};

/// How often a log that is followed is asked for: each time is a command on the server.
const PACE: Duration = Duration::from_secs(3);

/// The end of a program's log.
#[component]
pub fn Log(
    server: ServerId,
    program: ProgramId,
    /// As they are known to stand: where one begins or ends, something is printed.
    processes: Memo<Vec<ProcessResource>>,
) -> impl IntoView {
    let lines = RwSignal::new(None::<Vec<LogLine>>);
    let problem = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let is_followed = RwSignal::new(false);
    let fetch = move || {
        if is_busy.try_get_untracked() != Some(false) {
            return;
        }
        is_busy.set(true);
        leptos::task::spawn_local(async move {
            let answer = log(LogInput {
                server_id: server,
                program_id: program,
            })
            .await;
            is_busy.try_set(false);
            match answer {
                Ok(log) => {
                    problem.try_set(None);
                    // What is the same stays as it is, with what somebody has selected in it.
                    if lines.try_with_untracked(|known| known.as_ref() != Some(&log.lines))
                        == Some(true)
                    {
                        lines.try_set(Some(log.lines));
                    }
                }
                Err(error) => {
                    problem.try_set(Some(error.to_string()));
                }
            }
        });
    };
    let timer = StoredValue::new(None::<IntervalHandle>);
    Effect::new(move |_| {
        fetch();
        let tick = move || {
            if is_followed.try_get_untracked() == Some(true) && !browser::is_hidden() {
                fetch();
            }
        };
        timer.set_value(set_interval_with_handle(tick, PACE).ok());
    });
    on_cleanup(move || {
        if let Some(timer) = timer.try_get_value().flatten() {
            timer.clear();
        }
    });
    Effect::new(move |before: Option<()>| {
        processes.track();
        if before.is_some() {
            fetch();
        }
    });
    let node = NodeRef::<html::Pre>::new();
    Effect::new(move |_| {
        lines.track();
        if let Some(shown) = node.get() {
            request_animation_frame(move || shown.set_scroll_top(shown.scroll_height()));
        }
    });
    let follow = move |_| {
        is_followed.update(|is| *is = !*is);
        if is_followed.get_untracked() {
            fetch();
        }
    };
    view! {
        <section aria-labelledby="log">
            <div class="page-head">
                <h3 id="log">"Log"</h3>
                <div class="row-actions">
                    <button
                        type="button"
                        class="button is-small"
                        aria-disabled=move || is_busy.get().then_some("true")
                        on:click=move |_| fetch()
                    >
                        <Icon shape=Shape::Retry/>
                        "Refresh"
                    </button>
                    <button
                        type="button"
                        class="button is-small"
                        aria-pressed=move || is_followed.get().to_string()
                        on:click=follow
                    >
                        "Follow"
                    </button>
                </div>
            </div>
            <p class="field-note">
                "The last 200 lines of all its processes, from the server's journal. Times are UTC, by the server's clock."
            </p>
            <p class="row-error" role="status">{move || problem.get()}</p>
            {move || match lines.with(|lines| lines.as_ref().map(Vec::is_empty)) {
                None if problem.with(Option::is_some) => ().into_any(),
                None => view! { <p class="field-note">"Loading the log..."</p> }.into_any(),
                Some(true) => view! { <p class="field-note">"Nothing was printed yet."</p> }.into_any(),
                Some(false) => {
                    view! {
                        <pre
                            node_ref=node
                            class="output log"
                            tabindex="0"
                            role="log"
                            aria-live="off"
                            aria-labelledby="log"
                        >
                            {move || {
                                lines
                                    .get()
                                    .unwrap_or_default()
                                    .into_iter()
                                    .map(|line| view! { <LineView line/> })
                                    .collect_view()
                            }}
                        </pre>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

#[component]
fn LineView(line: LogLine) -> impl IntoView {
    let LogLine {
        at,
        process,
        is_about_it,
        text,
    } = line;
    let head = match process {
        Some(number) => format!("{} {number} ", time_of(&at.to_rfc3339())),
        None => format!("{} ", time_of(&at.to_rfc3339())),
    };
    view! {
        <span class="log-line" class:is-about=is_about_it>
            <span class="log-head" title=at.to_rfc3339()>{head}</span>
            <Printed text/>
            "\n"
        </span>
    }
}

/// `22:51:16` of `2026-11-27T22:51:16.000Z`
fn time_of(rfc3339: &str) -> String {
    rfc3339
        .split_once('T')
        .map_or("", |(_, time)| time)
        .chars()
        .take(8)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::time_of;

    #[test]
    fn of_a_time_the_clock_is_shown() {
        assert_eq!(time_of("2026-11-27T22:51:16.000Z"), "22:51:16");
        assert_eq!(time_of(""), "");
    }
}
