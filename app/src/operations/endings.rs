//! A short message when an operation ends or something goes wrong on a server, wherever in the panel one is.

use leptos::prelude::*;
use wire::UserId;
use wire::event::{Alert, Ending, News};
use wire::operations::OperationState;

use crate::lifecycle::operation_path;
use crate::ui::{Toast, Toasts};
use crate::{browser, live};

/// Tells an account what has happened to what is its own, until the surrounding component goes. A tab that shows the
/// operation, as its own page does, says more than a message could.
pub fn tell_of_endings(user: UserId) {
    let toasts = expect_context::<Toasts>();
    live::on_news(user, move |news| match news {
        News::Ended(ending) if browser::shows_operation(ending.operation_id) => {}
        News::Ended(ending) => toasts.show(toast_of(&ending)),
        News::Alerted(alert) => toasts.show(warning_of(&alert)),
    });
}

fn warning_of(alert: &Alert) -> Toast {
    let path = format!("/servers/{}{}", alert.server_id, alert.page.path());
    Toast {
        message: format!("{}.", alert.sentence),
        is_error: true,
        about: None,
        link: Some((path, "Show")),
    }
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
        about: Some((ending.server_id, ending.title.clone())),
        link: Some((path, "Show")),
    }
}
