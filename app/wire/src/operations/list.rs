//! Operations in lists: those of one server, or of all servers of an account.

use serde::{Deserialize, Serialize};

use super::{OperationKind, OperationState};
use crate::{OperationId, ServerId, Timestamp};

/// Rows of one page.
pub const PAGE: u64 = 50;

/// Which operations a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationFilter {
    #[default]
    All,
    /// Queued or running.
    UnderWay,
    Failed,
}

impl OperationFilter {
    pub const ALL: [Self; 3] = [Self::All, Self::UnderWay, Self::Failed];

    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::UnderWay => "running",
            Self::Failed => "failed",
        }
    }

    /// The filter of a word; anything else is all.
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|filter| filter.as_str() == word)
            .unwrap_or_default()
    }

    /// The states that it lets through; none of them named is all of them.
    pub fn states(self) -> &'static [OperationState] {
        match self {
            Self::All => &[],
            Self::UnderWay => &[OperationState::Queued, OperationState::Running],
            Self::Failed => &[OperationState::Failed],
        }
    }
}

/// Asks for one page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationListInput {
    /// Of this server alone; of all servers of the caller without it.
    pub server_id: Option<ServerId>,
    pub filter: OperationFilter,
    /// From 1; a page past the end is the last one.
    pub page: u64,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationList {
    pub filter: OperationFilter,
    pub page: u64,
    /// How many there are on all pages.
    pub count: u64,
    pub operations: Vec<ListedOperation>,
}

impl OperationList {
    /// How many pages there are, at least one.
    pub fn pages(&self) -> u64 {
        pages(self.count)
    }
}

/// How many pages so many rows take, at least one.
pub fn pages(count: u64) -> u64 {
    count.div_ceil(PAGE).max(1)
}

/// An operation as one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOperation {
    pub id: OperationId,
    pub server_id: ServerId,
    pub server_name: String,
    pub kind: OperationKind,
    /// `Provision web-1`
    pub title: String,
    pub state: OperationState,
    /// The name of who asked for it.
    pub requested_by: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The step that runs, or that failed.
    pub step: Option<String>,
    /// Why it failed and what to do next, or who cancelled it.
    pub error: Option<String>,
    /// Whether somebody has asked for its end.
    pub is_being_cancelled: bool,
    /// It failed, nothing newer was done about the same, and the panel can begin it again by itself.
    pub can_retry: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_addresses_read_back_and_others_ask_for_all() {
        for filter in OperationFilter::ALL {
            assert_eq!(OperationFilter::parse(filter.as_str()), filter);
        }
        assert_eq!(OperationFilter::parse("'; --"), OperationFilter::All);
    }

    #[test]
    fn no_rows_are_one_page_and_a_full_page_is_not_two() {
        assert_eq!((pages(0), pages(PAGE), pages(PAGE + 1)), (1, 1, 2));
    }
}
