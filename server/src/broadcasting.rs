//! Frames of the Pusher protocol, version 7. Every message the panel sends to a socket is made here.

pub mod auth;

use serde::Deserialize;
use serde_json::{Value, json};
use wire::event::{Channel, Event};

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Subscribe {
        channel: String,
        /// What `/broadcasting/auth` has signed.
        auth: Option<String>,
    },
    Unsubscribe {
        channel: String,
    },
    Ping,
    Pong,
    /// A client event or anything else; refused.
    Other,
}

impl Request {
    /// Reads a frame; `None` when it is no message of the protocol.
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Message {
            event: String,
            #[serde(default)]
            data: Value,
        }
        let message: Message = serde_json::from_str(text).ok()?;
        let channel = || Some(message.data.get("channel")?.as_str()?.to_owned());
        Some(match message.event.as_str() {
            "pusher:subscribe" => Self::Subscribe {
                channel: channel()?,
                auth: message.data["auth"].as_str().map(ToOwned::to_owned),
            },
            "pusher:unsubscribe" => Self::Unsubscribe {
                channel: channel()?,
            },
            "pusher:ping" => Self::Ping,
            "pusher:pong" => Self::Pong,
            _ => Self::Other,
        })
    }
}

/// Why somebody may not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody learns which: the channel may not exist.
    NotYours,
    /// The signature is missing, or was made for another channel, socket or session.
    NotSigned,
    TooMany,
    /// The panel could not look it up.
    Undecided,
}

impl Refusal {
    fn sentence(self) -> &'static str {
        match self {
            Self::NotYours => "This channel does not exist or is not yours.",
            Self::NotSigned => {
                "The signature of /broadcasting/auth is missing, or was made for another socket or session."
            }
            Self::TooMany => "This socket has as many channels as one may have.",
            Self::Undecided => "The panel could not look that up. Try again.",
        }
    }
}

/// `activity_timeout` in seconds.
pub fn connection_established(socket_id: &str, activity_timeout: u64) -> String {
    let data = json!({ "socket_id": socket_id, "activity_timeout": activity_timeout });
    frame("pusher:connection_established", None, &data)
}

pub fn subscription_succeeded(channel: Channel) -> String {
    frame(
        "pusher_internal:subscription_succeeded",
        Some(&channel.to_string()),
        &json!({}),
    )
}

/// `channel` is what the client wrote, which may be no channel at all.
pub fn subscription_error(channel: &str, refusal: Refusal) -> String {
    let data = json!({ "type": "AuthError", "error": refusal.sentence(), "status": 403 });
    frame("pusher:subscription_error", Some(channel), &data)
}

pub fn event(channel: Channel, event: &Event) -> String {
    frame(event.name(), Some(&channel.to_string()), &event.data())
}

/// Tells a listener that it missed something and should look at everything again.
pub fn resync(channel: Channel) -> String {
    frame("Resync", Some(&channel.to_string()), &json!({}))
}

pub fn ping() -> String {
    frame("pusher:ping", None, &json!({}))
}

pub fn pong() -> String {
    frame("pusher:pong", None, &json!({}))
}

pub fn error(code: u16, message: &str) -> String {
    // The protocol wants an object here and a string of JSON everywhere else.
    json!({ "event": "pusher:error", "data": { "code": code, "message": message } }).to_string()
}

pub(crate) fn frame(event: &str, channel: Option<&str>, data: &Value) -> String {
    let mut message = json!({ "event": event, "data": data.to_string() });
    if let Some(channel) = channel {
        message["channel"] = json!(channel);
    }
    message.to_string()
}

#[cfg(test)]
mod tests {
    use wire::{ServerId, Timestamp};

    use super::*;

    #[test]
    fn an_event_travels_with_its_data_as_a_string() {
        let channel = Channel::Server(ServerId(5));
        let event = Event::ServerUpdated {
            server_id: ServerId(5),
            timestamp: Timestamp(0),
        };
        let frame: Value = serde_json::from_str(&super::event(channel, &event)).expect("is JSON");
        assert_eq!(frame["event"], "ServerUpdated");
        assert_eq!(frame["channel"], "private-servers.5");
        assert_eq!(
            frame["data"],
            r#"{"server_id":5,"timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
    }

    #[test]
    fn frames_that_are_no_messages_are_told_apart() {
        for garbage in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"event":5}"#,
            r#"{"event":"pusher:subscribe"}"#,
        ] {
            assert_eq!(Request::parse(garbage), None, "{garbage}");
        }
        assert_eq!(
            Request::parse(r#"{"event":"client-typing","data":{}}"#),
            Some(Request::Other)
        );
    }
}
