//! What pages are made of: forms, dialogs, toasts, icons, times.

mod copy;
mod dialog;
mod fields;
mod icons;
mod page;
mod rows;
mod show_secret;
mod submission;
mod text_area;
mod time;
mod toasts;

pub use self::copy::CopyButton;
pub use self::dialog::{Cancel, Dialog, note_closed};
pub use self::fields::{ChoiceField, Field, Select, TextField};
pub use self::icons::{Icon, Shape};
pub use self::page::{ErrorView, NotFound, live_page};
pub use self::rows::{ACTIONS, Rows, row_of, row_tint};
pub use self::submission::{ButtonMessage, FormMessage, Submission, SubmitButton};
pub use self::text_area::TextArea;
pub use self::time::{Ago, Clock, duration};
pub use self::toasts::{Toast, ToastRegion, Toasts};
