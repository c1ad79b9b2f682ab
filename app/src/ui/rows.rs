//! Lists as tables: one frame for all of them, and rows that keep their place and show that they changed.

use std::time::Duration;

use leptos::prelude::*;

const TINTED_FOR: Duration = Duration::from_secs(1);

/// A table around rows. On a narrow screen each row stands by itself, so every cell says with `data-label` what it is.
#[component]
pub fn Rows(
    /// What the table holds, for those who cannot see it.
    caption: &'static str,
    columns: &'static [&'static str],
    /// The family of lists that it looks like, beside `rows`.
    #[prop(optional)]
    class: &'static str,
    /// The bodies of the table.
    children: Children,
) -> impl IntoView {
    let heads = columns.iter().map(|column| match *column {
        ACTIONS => view! {
            <th scope="col">
                <span class="visually-hidden">{ACTIONS}</span>
            </th>
        }
        .into_any(),
        column => view! { <th scope="col">{column}</th> }.into_any(),
    });
    view! {
        <table class=format!("rows {class}")>
            <caption class="visually-hidden">{caption}</caption>
            <thead>
                <tr>{heads.collect_view()}</tr>
            </thead>
            {children()}
        </table>
    }
}

/// The column of buttons: its head needs no word to be seen.
pub const ACTIONS: &str = "Actions";

/// One row of a list as a value of its own, by whatever tells it apart. It stays as it was last while its row is being
/// taken away. `None` when there is no such row.
pub fn row_of<T, F>(rows: Signal<Vec<T>>, is_it: F) -> Option<Memo<T>>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    F: Fn(&T) -> bool + Send + Sync + 'static,
{
    let first = rows.with_untracked(|rows| rows.iter().find(|row| is_it(row)).cloned())?;
    Some(Memo::new(move |before: Option<&T>| {
        rows.with(|rows| rows.iter().find(|row| is_it(row)).cloned())
            .or_else(|| before.cloned())
            .unwrap_or_else(|| first.clone())
    }))
}

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
