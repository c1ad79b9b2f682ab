//! Ids are types, so that a rule's id cannot be taken for a server's.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// An invitation to have an account.
    InvitationId,
    /// One piece of remote work.
    OperationId,
    /// A background program.
    ProgramId,
    /// A firewall rule.
    RuleId,
    /// One run of a scheduled task.
    RunId,
    /// What the scheduled tasks of one server need.
    SchedulerId,
    /// A managed server.
    ServerId,
    /// One browser that is signed in.
    SessionId,
    /// A scheduled task.
    TaskId,
    /// An account of the panel.
    UserId,
}
