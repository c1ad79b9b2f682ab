//! Two people, or two tabs, that change one thing.

use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// Whoever comes second is told what the first one changed: nothing is overwritten unseen. `shown` is what the second one's
/// form was filled with.
///
/// # Errors
/// `Conflict` with the names of the fields that are others by now.
pub fn refuse_unseen_changes<T: Serialize>(
    what: &str,
    present: &T,
    shown: &T,
) -> Result<(), Error> {
    let changed = differing(&fields(present)?, &fields(shown)?);
    if changed.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "This {what} was changed elsewhere meanwhile: {}. Nothing was saved, and what you typed is still here. Close this and \
         open it again to see what it says now.",
        changed.join(", ")
    )))
}

fn fields(of: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(of).map_err(|error| Error::Internal(format!("fields: {error}")))
}

/// The names of the fields that differ, as a form calls them.
fn differing(present: &Value, shown: &Value) -> Vec<String> {
    let fields = present.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| shown.get(name) != Some(value))
        .map(|(name, _)| name.replace('_', " "))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::refuse_unseen_changes;

    #[test]
    fn what_somebody_else_changed_is_named_and_what_they_did_not_is_not() {
        let shown = json!({ "name": "Backup", "run_as": "root", "timeout": "300" });
        assert!(refuse_unseen_changes("task", &shown, &shown).is_ok());
        let present = json!({ "name": "Backup", "run_as": "brokeforge", "timeout": "60" });
        let Err(error) = refuse_unseen_changes("task", &present, &shown) else {
            panic!("it was let through");
        };
        let text = error.to_string();
        assert!(text.contains("meanwhile: run as, timeout. "), "{text}");
    }
}
