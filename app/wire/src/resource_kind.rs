//! The index of managed resources: adding a variant makes the compiler print what is left to write.

use serde::{Deserialize, Serialize};

/// A kind of record that the panel keeps on servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    FirewallRule,
    ScheduledTask,
    Program,
    /// What a server's scheduled tasks need: at most one for each server.
    Scheduler,
}

impl ResourceKind {
    pub const ALL: [Self; 4] = [
        Self::FirewallRule,
        Self::ScheduledTask,
        Self::Program,
        Self::Scheduler,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirewallRule => "firewall_rule",
            Self::ScheduledTask => "scheduled_task",
            Self::Program => "program",
            Self::Scheduler => "scheduler",
        }
    }

    /// The words a user reads.
    pub fn label(self) -> &'static str {
        match self {
            Self::FirewallRule => "firewall rule",
            Self::ScheduledTask => "scheduled task",
            Self::Program => "background program",
            Self::Scheduler => "scheduler",
        }
    }

    /// How the title of an operation that installs one begins.
    pub fn verb(self) -> &'static str {
        match self {
            Self::FirewallRule | Self::ScheduledTask | Self::Program => "Add",
            Self::Scheduler => "Install",
        }
    }

    /// The kind of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
