//! Every channel and every event there is. An event carries ids and a time, never data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{OperationId, ServerId, Timestamp, UserId};

/// A channel of the Pusher protocol, by its name without `private-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// `account`: the subscriber's own account and its sessions; for an administrator, all accounts.
    Account,
    /// `servers.{id}`: one server and everything on it.
    Server(ServerId),
    /// `servers`: all servers of the subscriber.
    Servers,
}

impl fmt::Display for Channel {
    /// The name on the wire, `private-servers.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("private-account"),
            Self::Server(id) => write!(f, "private-servers.{id}"),
            Self::Servers => f.write_str("private-servers"),
        }
    }
}

/// A name that is not a channel of this panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownChannel;

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, UnknownChannel> {
        let name = name.strip_prefix("private-").ok_or(UnknownChannel)?;
        match name.split_once('.') {
            None if name == "account" => Ok(Self::Account),
            None if name == "servers" => Ok(Self::Servers),
            Some(("servers", id)) if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                id.parse().map(Self::Server).map_err(|_| UnknownChannel)
            }
            _ => Err(UnknownChannel),
        }
    }
}

/// Something that happened, as a browser hears of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An account, its sessions or who else has one changed: fetch them again.
    AccountUpdated {
        user_id: UserId,
        timestamp: Timestamp,
    },
    /// A server or something on it changed: fetch it again.
    ServerUpdated {
        server_id: ServerId,
        timestamp: Timestamp,
    },
    /// An operation printed something: fetch what is new.
    OperationOutput {
        server_id: ServerId,
        operation_id: OperationId,
        timestamp: Timestamp,
    },
}

impl Event {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccountUpdated { .. } => "AccountUpdated",
            Self::ServerUpdated { .. } => "ServerUpdated",
            Self::OperationOutput { .. } => "OperationOutput",
        }
    }

    /// The channels it goes out on. Output stays off the list: dashboards do not refetch at the
    /// speed of apt.
    pub fn channels(&self) -> Vec<Channel> {
        match self {
            Self::AccountUpdated { .. } => vec![Channel::Account],
            Self::ServerUpdated { server_id, .. } => {
                vec![Channel::Server(*server_id), Channel::Servers]
            }
            Self::OperationOutput { server_id, .. } => vec![Channel::Server(*server_id)],
        }
    }

    /// The payload as JSON: ids and a time.
    pub fn data(&self) -> serde_json::Value {
        match self {
            Self::AccountUpdated { user_id, timestamp } => serde_json::json!({
                "user_id": user_id, "timestamp": timestamp.to_rfc3339(),
            }),
            Self::ServerUpdated {
                server_id,
                timestamp,
            } => serde_json::json!({
                "server_id": server_id, "timestamp": timestamp.to_rfc3339(),
            }),
            Self::OperationOutput {
                operation_id,
                timestamp,
                ..
            } => serde_json::json!({
                "operation_id": operation_id, "timestamp": timestamp.to_rfc3339(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_read_back_from_their_names() {
        for channel in [
            Channel::Account,
            Channel::Server(ServerId(5)),
            Channel::Servers,
        ] {
            assert_eq!(channel.to_string().parse(), Ok(channel));
        }
    }

    #[test]
    fn foreign_names_are_no_channels() {
        for name in [
            "",
            "servers",
            "private-",
            "private-servers.",
            "private-servers.x",
            "private-servers.5.6",
            "private-servers.-5",
            "private-servers.*",
            "presence-servers.5",
            "private-users",
            "private-account.1",
            "private-servers.99999999999999999999",
        ] {
            assert_eq!(name.parse::<Channel>(), Err(UnknownChannel), "{name}");
        }
    }

    #[test]
    fn a_server_event_goes_out_on_two_channels_with_ids_only() {
        let event = Event::ServerUpdated {
            server_id: ServerId(5),
            timestamp: Timestamp(0),
        };
        assert_eq!(
            event.channels(),
            [Channel::Server(ServerId(5)), Channel::Servers]
        );
        assert_eq!(
            event.data().to_string(),
            r#"{"server_id":5,"timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
