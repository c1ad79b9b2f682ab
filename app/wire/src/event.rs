//! Every channel and every event there is. An event carries ids and a time, never data; the two exceptions are small
//! and go to one account only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::operations::OperationState;
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
    /// `users.{id}`: what the subscriber is told at once, without fetching anything.
    User(UserId),
}

impl fmt::Display for Channel {
    /// The name on the wire, `private-servers.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("private-account"),
            Self::Server(id) => write!(f, "private-servers.{id}"),
            Self::Servers => f.write_str("private-servers"),
            Self::User(id) => write!(f, "private-users.{id}"),
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
            Some(("servers", id)) => parse_id(id).map(|id| Self::Server(ServerId(id))),
            Some(("users", id)) => parse_id(id).map(|id| Self::User(UserId(id))),
            _ => Err(UnknownChannel),
        }
    }
}

/// One id, one name: `05` and `+5` would be further names of channel 5.
fn parse_id(text: &str) -> Result<i64, UnknownChannel> {
    let id: i64 = text.parse().map_err(|_| UnknownChannel)?;
    if id >= 0 && id.to_string() == text {
        Ok(id)
    } else {
        Err(UnknownChannel)
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
    /// An operation is over; says everything about it that fits into a short message.
    OperationEnded {
        ending: Ending,
        timestamp: Timestamp,
    },
    /// Something went wrong on a server that nobody was waiting for; says so in a sentence.
    Alerted { alert: Alert, timestamp: Timestamp },
}

/// What one account is told at once, without fetching anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Ended(Ending),
    Alerted(Alert),
}

/// What went wrong on a server, in less than 1 KB on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Whom it is told.
    pub user_id: UserId,
    pub server_id: ServerId,
    /// The line among what happened that says the same.
    pub entry: i64,
    /// Where more is told.
    pub page: AlertPage,
    /// Text of users; cut where it is long.
    pub sentence: String,
}

/// The page of a server that tells more of what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertPage {
    #[default]
    Overview,
    Firewall,
    Scheduler,
    Programs,
}

impl AlertPage {
    /// Behind the path of the server.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Firewall => "/firewall",
            Self::Scheduler => "/scheduler",
            Self::Programs => "/programs",
        }
    }
}

impl Alert {
    /// Reads the payload that came on the channel of `user_id`.
    pub fn read(user_id: UserId, data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data {
            server_id: ServerId,
            entry: i64,
            #[serde(default)]
            page: AlertPage,
            sentence: String,
        }
        let data: Data = serde_json::from_str(data).ok()?;
        Some(Self {
            user_id,
            server_id: data.server_id,
            entry: data.entry,
            page: data.page,
            sentence: data.sentence,
        })
    }
}

/// How an operation ended, in less than 1 KB on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whom it is told.
    pub user_id: UserId,
    pub server_id: ServerId,
    pub operation_id: OperationId,
    /// Text of users; cut where it is long.
    pub title: String,
    pub state: OperationState,
}

impl Ending {
    /// Reads the payload that came on the channel of `user_id`.
    pub fn read(user_id: UserId, data: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Data {
            server_id: ServerId,
            operation_id: OperationId,
            title: String,
            state: OperationState,
        }
        let data: Data = serde_json::from_str(data).ok()?;
        Some(Self {
            user_id,
            server_id: data.server_id,
            operation_id: data.operation_id,
            title: data.title,
            state: data.state,
        })
    }

    /// The path of the operation's own page.
    fn path(&self) -> String {
        format!(
            "/servers/{}/operations/{}",
            self.server_id, self.operation_id
        )
    }
}

/// A text of a user, at most 600 bytes of it as they travel: JSON within a string of JSON.
fn short(text: &str) -> String {
    let mut left = 600_usize;
    let mut short = String::new();
    for character in text.chars() {
        let inner = serde_json::Value::from(character.to_string()).to_string();
        let outer = serde_json::Value::from(inner).to_string();
        // Without the quotes of both: `"\\"x\\""`.
        let Some(rest) = left.checked_sub(outer.len().saturating_sub(6)) else {
            short.push('\u{2026}');
            break;
        };
        left = rest;
        short.push(character);
    }
    short
}

impl Event {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccountUpdated { .. } => "AccountUpdated",
            Self::ServerUpdated { .. } => "ServerUpdated",
            Self::OperationOutput { .. } => "OperationOutput",
            Self::OperationEnded { .. } => "OperationEnded",
            Self::Alerted { .. } => "Alerted",
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
            Self::OperationEnded { ending, .. } => vec![Channel::User(ending.user_id)],
            Self::Alerted { alert, .. } => vec![Channel::User(alert.user_id)],
        }
    }

    /// The payload as JSON.
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
            Self::OperationEnded { ending, timestamp } => serde_json::json!({
                "operation_id": ending.operation_id, "server_id": ending.server_id,
                "title": short(&ending.title), "state": ending.state, "path": ending.path(),
                "timestamp": timestamp.to_rfc3339(),
            }),
            Self::Alerted { alert, timestamp } => serde_json::json!({
                "server_id": alert.server_id, "entry": alert.entry, "page": alert.page,
                "sentence": short(&alert.sentence), "timestamp": timestamp.to_rfc3339(),
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
            Channel::User(UserId(7)),
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
            "private-users.",
            "private-users.*",
            "private-servers.05",
            "private-servers.+5",
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

    #[test]
    fn an_ending_stays_under_1_kb_whatever_its_title_and_keeps_a_short_one_as_it_is() {
        let ending = |title: String| Event::OperationEnded {
            ending: Ending {
                user_id: UserId(i64::MAX),
                server_id: ServerId(i64::MAX),
                operation_id: OperationId(i64::MAX),
                title,
                state: OperationState::Cancelled,
            },
            timestamp: Timestamp(0),
        };
        for character in ['a', '"', '\\', '\u{1}', '\u{e9}', '\u{1f4a5}', '<'] {
            let event = ending(character.to_string().repeat(5_000));
            let frame = serde_json::json!({
                "event": event.name(), "channel": event.channels()[0].to_string(),
                "data": event.data().to_string(),
            });
            assert!(frame.to_string().len() < 1_000, "{frame}");
        }
        let kept = ending("Add rule \"Web\" <b>".to_owned()).data();
        assert_eq!(kept["title"], "Add rule \"Web\" <b>");
        assert_eq!(kept["state"], "cancelled");
        let read = Ending::read(UserId(1), &kept.to_string()).map(|ending| ending.title);
        assert_eq!(read.as_deref(), Some("Add rule \"Web\" <b>"));
    }

    #[test]
    fn an_alert_goes_to_one_account_and_is_read_as_it_was_sent() {
        let alert = Alert {
            user_id: UserId(7),
            server_id: ServerId(5),
            entry: 9,
            page: AlertPage::Programs,
            sentence: "Scheduled task \"Backup\" failed: exit code 2".to_owned(),
        };
        let event = Event::Alerted {
            alert: alert.clone(),
            timestamp: Timestamp(0),
        };
        assert_eq!(event.channels(), [Channel::User(UserId(7))]);
        let data = event.data().to_string();
        assert_eq!(Alert::read(UserId(7), &data), Some(alert));
    }
}
