//! Everything that crosses the wire between server and browser: ids, resources, validated input,
//! events, errors. Runs everywhere, so it knows neither a database nor a browser.

pub mod accounts;
pub mod authorize;
pub mod broadcasting;
pub mod colours;
pub mod diagnosis;
pub mod error;
pub mod event;
pub mod firewall;
pub mod ids;
pub mod invitations;
#[cfg(feature = "server-fn")]
pub mod json;
pub mod lifecycle;
pub mod operations;
pub mod plan;
pub mod programs;
pub mod provisioning;
pub mod resource_kind;
pub mod scheduler;
pub mod servers;
pub mod sessions;
pub mod text;
pub mod time;

pub use error::ApiError;
pub use ids::{
    InvitationId, OperationId, ProgramId, RuleId, RunId, SchedulerId, ServerId, SessionId, TaskId,
    UserId,
};
pub use lifecycle::Status;
pub use resource_kind::ResourceKind;
pub use time::Timestamp;
