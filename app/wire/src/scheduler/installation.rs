//! What the tasks of a server need there: cron, and the user that they run as. A record of its own, one for a server.

use serde::{Deserialize, Serialize};

use crate::{OperationId, SchedulerId, Status, Timestamp};

/// Where the scheduler of a server stands, whatever cron itself does right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallationResource {
    pub id: SchedulerId,
    pub status: Status,
    /// Why the last operation on it failed.
    pub error_log: Option<String>,
    /// The operation that is queued or running for it, or else the last one; provisioning installs it by the way and is
    /// none of its own.
    pub operation_id: Option<OperationId>,
    pub updated_at: Timestamp,
}
