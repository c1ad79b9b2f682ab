//! The life of a managed resource: one table of legal transitions, and nothing writes past it.

use serde::{Deserialize, Serialize};

use crate::{ResourceKind, ServerId};

/// Names a managed resource of any kind in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedInput {
    pub server_id: ServerId,
    pub kind: ResourceKind,
    pub id: i64,
}

/// Where a managed resource stands on its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Recorded; the work has not begun.
    Pending,
    /// The work is running on the server.
    Installing,
    /// The server matches the record.
    Active,
    /// Kept on record, switched off on the server.
    Paused,
    /// The work ended with an error, which stands beside it.
    Failed,
    /// Being taken off the server.
    Removing,
}

impl Status {
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Installing,
        Self::Active,
        Self::Paused,
        Self::Failed,
        Self::Removing,
    ];

    /// Whether a resource may go from here to `next`. Being deleted is not a status.
    pub fn may_become(self, next: Self) -> bool {
        use Status::{Active, Failed, Installing, Paused, Pending, Removing};
        match self {
            // A pending resource whose operation is cancelled or cannot start ends failed.
            Pending => matches!(next, Installing | Failed),
            // Back to what it was, when an edit of something that works has failed.
            Installing => matches!(next, Active | Paused | Failed),
            Active | Paused => matches!(next, Installing | Removing),
            Failed => matches!(next, Pending | Installing | Removing),
            // A removal that failed restores the status from before it.
            Removing => matches!(next, Active | Paused | Failed),
        }
    }

    /// Whether an operation must be under way for this status to be true.
    pub fn is_transitional(self) -> bool {
        match self {
            Self::Pending | Self::Installing | Self::Removing => true,
            Self::Active | Self::Paused | Self::Failed => false,
        }
    }

    /// The word in the database and in the page's markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Installing => "installing",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Removing => "removing",
        }
    }

    /// The status of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn a_transitional_status_always_has_a_way_to_a_settled_one() {
        for status in Status::ALL
            .into_iter()
            .filter(|status| status.is_transitional())
        {
            assert!(
                Status::ALL
                    .into_iter()
                    .any(|next| !next.is_transitional() && status.may_become(next)),
                "{status:?} has no way out"
            );
        }
    }

    #[test]
    fn removal_starts_only_from_settled_statuses() {
        for status in Status::ALL {
            assert_eq!(
                status.may_become(Status::Removing),
                !status.is_transitional()
            );
        }
    }

    #[test]
    fn no_status_becomes_itself() {
        for status in Status::ALL {
            assert!(!status.may_become(status));
        }
    }

    #[test]
    fn every_word_reads_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("done"), None);
    }
}
