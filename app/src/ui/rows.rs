//! A row that changed is tinted for a second.

use std::time::Duration;

use leptos::prelude::*;

const TINTED_FOR: Duration = Duration::from_secs(1);

/// True for a second after each change of `row`.
pub fn row_tint<T: PartialEq + Send + Sync + 'static>(row: Memo<T>) -> Signal<bool> {
    let is_changed = RwSignal::new(false);
    Effect::new(move |ran_before: Option<()>| {
        row.track();
        if ran_before.is_some() {
            is_changed.set(true);
            set_timeout(
                move || {
                    is_changed.try_set(false);
                },
                TINTED_FOR,
            );
        }
    });
    is_changed.into()
}
