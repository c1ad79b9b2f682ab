//! Times as people say them, with the exact one on hover.

use leptos::prelude::*;
use wire::Timestamp;

use crate::browser;

/// The panel's clock as the page sees it. The server's time travels with the page, so that the first
/// render in the browser says what the server said; afterwards it ticks every second.
#[derive(Clone, Copy)]
pub struct Clock {
    now: RwSignal<Timestamp>,
    /// Whether the browser has taken over: only then the reader's zone is known.
    ticking: RwSignal<bool>,
}

impl Clock {
    pub fn provide() -> Self {
        let page_time = SharedValue::new(server_time).into_inner();
        let clock = Self {
            now: RwSignal::new(page_time),
            ticking: RwSignal::new(false),
        };
        Effect::new(move || {
            let ahead = page_time.0 - browser::now().0;
            clock.ticking.set(true);
            let tick = move || {
                clock.now.try_set(Timestamp(browser::now().0 + ahead));
            };
            // It ends with the tab.
            let _ = set_interval_with_handle(tick, std::time::Duration::from_secs(1));
        });
        provide_context(clock);
        clock
    }

    pub fn now(self) -> Timestamp {
        self.now.get()
    }

    /// The exact moment, in the reader's zone once that is known.
    pub fn exact(self, at: Timestamp) -> String {
        if self.ticking.get() {
            browser::date_and_time(at)
        } else {
            at.to_rfc3339()
        }
    }
}

/// `3 min ago`, with the exact moment on hover.
#[component]
pub fn Ago(#[prop(into)] at: Signal<Timestamp>) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let words: Signal<String> = Memo::new(move |_| ago(clock.now().millis_since(at.get()))).into();
    let datetime = Signal::derive(move || at.get().to_rfc3339());
    let exact = Signal::derive(move || clock.exact(at.get()));
    view! {
        <time datetime=datetime title=exact>
            {words}
        </time>
    }
}

/// `0.4 s`, `38 s`, `1 m 12 s`, `2 h 5 m`.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=9 => format!("{seconds}.{} s", millis % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} m {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} m", seconds / 3600, seconds / 60 % 60),
    }
}

fn ago(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=9 => "just now".to_owned(),
        10..=59 => format!("{} s ago", seconds / 10 * 10),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        86_400..=172_799 => "1 day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(feature = "ssr")]
fn server_time() -> Timestamp {
    domain::db::now()
}

#[cfg(not(feature = "ssr"))]
fn server_time() -> Timestamp {
    browser::now()
}

#[cfg(test)]
mod tests {
    use super::{ago, duration};

    #[test]
    fn durations_read_like_a_stopwatch() {
        for (millis, words) in [
            (430, "0.4 s"),
            (9_999, "9.9 s"),
            (38_000, "38 s"),
            (72_000, "1 m 12 s"),
            (7_500_000, "2 h 5 m"),
        ] {
            assert_eq!(duration(millis), words);
        }
    }

    #[test]
    fn the_past_reads_like_speech() {
        for (millis, words) in [
            (0, "just now"),
            (31_000, "30 s ago"),
            (60_000, "1 min ago"),
            (86_400_000, "1 day ago"),
            (200_000_000, "2 days ago"),
        ] {
            assert_eq!(ago(millis), words);
        }
    }
}
