//! Frames of the Pusher protocol, version 7. Every message the panel sends to a socket is made here.

use serde::Deserialize;
use serde_json::{Value, json};
use wire::event::{Channel, Event};

/// Seconds of silence after which a client asks whether the panel is still there.
pub const ACTIVITY_TIMEOUT: u64 = 30;

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Subscribe {
        channel: String,
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

pub fn connection_established(socket_id: &str) -> String {
    let data = json!({ "socket_id": socket_id, "activity_timeout": ACTIVITY_TIMEOUT });
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
pub fn subscription_error(channel: &str) -> String {
    let data = json!({ "type": "AuthError", "error": "This channel does not exist or is not yours.", "status": 403 });
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

fn frame(event: &str, channel: Option<&str>, data: &Value) -> String {
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
