//! The rows, one file a table, and what the world hears when one changes.

pub mod audit_entry;
pub mod firewall_rule;
pub mod invitation;
pub mod operation;
pub mod operation_output;
pub mod operation_secret;
pub mod operation_step;
pub mod program;
pub mod program_process;
pub mod scheduled_task;
pub mod scheduler;
pub mod server;
pub mod session;
pub mod setting;
pub mod task_run;
pub mod user;

use wire::{OperationId, ServerId, UserId};

use crate::db::{Announcement, Record};

impl Record for server::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.id))
    }

    /// A check that found the same again moves two clocks and nothing else.
    fn without_silent_fields(mut self) -> Self {
        self.updated_at = 0;
        self.connection_checked_at = None;
        self
    }
}

impl Record for firewall_rule::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }

    fn without_silent_fields(mut self) -> Self {
        self.updated_at = 0;
        self
    }
}

impl Record for scheduled_task::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }

    /// A run that succeeded is told by its own row.
    fn without_silent_fields(mut self) -> Self {
        self.updated_at = 0;
        self.active_since = None;
        self.last_success_at = None;
        self.token_hash = None;
        self
    }
}

impl Record for task_run::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }
}

impl Record for program::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }

    fn without_silent_fields(mut self) -> Self {
        self.updated_at = 0;
        self.installed = false;
        self
    }
}

impl Record for program_process::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }
}

impl Record for scheduler::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }

    fn without_silent_fields(mut self) -> Self {
        self.updated_at = 0;
        self
    }
}

impl Record for operation::Model {
    const IS_WORK: bool = true;

    fn announcement(&self) -> Announcement {
        Announcement::Server(ServerId(self.server_id))
    }

    /// A heartbeat is not news.
    fn without_silent_fields(mut self) -> Self {
        self.lease_until = None;
        self.lease_owner = None;
        self.fence = 0;
        self.attempts = 0;
        self
    }
}

impl Record for operation_step::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Operation(OperationId(self.operation_id))
    }

    /// How far its output is read is told with the output.
    fn without_silent_fields(mut self) -> Self {
        self.progress = None;
        self.run = None;
        self
    }
}

impl Record for operation_output::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Output(OperationId(self.operation_id))
    }
}

impl Record for operation_secret::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Silent
    }
}

impl Record for user::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Account(UserId(self.id))
    }

    fn without_silent_fields(mut self) -> Self {
        self.password_hash.clear();
        self
    }
}

impl Record for invitation::Model {
    fn announcement(&self) -> Announcement {
        Announcement::OwnAccount(UserId(self.invited_by))
    }
}

impl Record for setting::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Silent
    }
}

impl Record for session::Model {
    fn announcement(&self) -> Announcement {
        Announcement::OwnAccount(UserId(self.user_id))
    }

    /// That a session goes on is no news, nor is its new token.
    fn without_silent_fields(mut self) -> Self {
        self.seen_at = 0;
        self.token_hash.clear();
        self
    }
}

impl Record for audit_entry::Model {
    fn announcement(&self) -> Announcement {
        Announcement::Silent
    }
}
