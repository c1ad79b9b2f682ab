//! A short message when an operation ends, wherever in the panel one is.

use leptos::prelude::*;
use wire::UserId;
use wire::event::Ending;
use wire::operations::OperationState;

use crate::lifecycle::operation_path;
use crate::ui::{Toast, Toasts};
use crate::{browser, live};

/// Tells of the operations of an account that end, until the surrounding component goes. A tab that shows
/// the operation, as its own page does, says more than a message could.
pub fn tell_of_endings(user: UserId) {
    let toasts = expect_context::<Toasts>();
    live::on_ending(user, move |ending| {
        if !browser::shows_operation(ending.operation_id) {
            toasts.show(toast_of(&ending));
        }
    });
}

fn toast_of(ending: &Ending) -> Toast {
    let (word, is_error) = match ending.state {
        OperationState::Succeeded => ("done", false),
        OperationState::Failed => ("failed", true),
        OperationState::Cancelled => ("cancelled", false),
        // Nothing ends with these.
        OperationState::Queued | OperationState::Running => ("under way", false),
    };
    let path = operation_path(ending.server_id, ending.operation_id);
    Toast {
        message: format!("{}: {word}.", ending.title),
        is_error,
        link: Some((path, "Show")),
    }
}
