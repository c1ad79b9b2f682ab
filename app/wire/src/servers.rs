//! Servers: what the panel shows of one, and what it takes to add or change one.

pub mod edit;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::error::FieldErrors;
use crate::operations::OperationResource;
use crate::operations::list::ListedOperation;
use crate::provisioning::SoftwareResource;
use crate::text::one_line;
use crate::{ApiError, OperationId, ServerId, Status, Timestamp};

/// Names a server in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerInput {
    pub server_id: ServerId,
}

/// Where to look for a host key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostKeyInput {
    pub address: String,
    pub port: String,
}

/// What a new server is, as typed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewServerInput {
    pub name: String,
    pub address: String,
    pub port: String,
    pub user: String,
    /// The key that was shown and confirmed, `ssh-ed25519 AAAA...`.
    pub host_key: String,
}

/// Removal asks for the name, so that nobody removes the wrong server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveServerInput {
    pub server_id: ServerId,
    pub confirm_name: String,
}

/// What became of a server that was taken out of the panel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedServer {
    /// Why the panel's key is still on it, if so.
    pub key_stays: Option<String>,
}

/// A host key as it is shown before it is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKeyResource {
    /// `ssh-ed25519 AAAA...`
    pub host_key: String,
    /// `ssh-ed25519`
    pub algorithm: String,
    /// `SHA256:...`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

/// What the panel knows about its way to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// The panel's key has not been accepted yet.
    AwaitingKey,
    Connected,
    /// The last attempt failed; `connection_error` says how.
    Failed,
    /// The last attempt met another host key than the pinned one and stopped there. Nobody logs in until
    /// somebody has decided.
    HostKeyChanged,
}

impl Connection {
    pub const ALL: [Self; 4] = [
        Self::AwaitingKey,
        Self::Connected,
        Self::Failed,
        Self::HostKeyChanged,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingKey => "awaiting_key",
            Self::Connected => "connected",
            Self::Failed => "failed",
            Self::HostKeyChanged => "host_key_changed",
        }
    }

    /// The connection state of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|connection| connection.as_str() == word)
    }
}

/// How an attempt to get in went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedConnection {
    pub connection: Connection,
    /// A sentence, when it failed.
    pub error: Option<String>,
    pub checked_at: Timestamp,
}

/// A row of the list of servers, and the header of every page about one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSummary {
    pub id: ServerId,
    pub name: String,
    pub address: String,
    pub port: u16,
    pub user: String,
    /// Whose machine it is: a label as `Hetzner`.
    pub provider: Option<String>,
    /// `Debian 12.11`, once a check has found it out.
    pub os: Option<String>,
    pub connection: Connection,
    /// A sentence, when the last attempt to connect failed.
    pub connection_error: Option<String>,
    pub connection_checked_at: Option<Timestamp>,
    /// `None` until it is provisioned for the first time.
    pub provision_status: Option<Status>,
    /// The operation that is queued or running, if any.
    pub busy_with: Option<OperationId>,
    pub updated_at: Timestamp,
}

/// A server with all that its own page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerResource {
    pub summary: ServerSummary,
    /// Free text of several lines.
    pub notes: String,
    pub host_key: HostKeyResource,
    /// The key that was met instead of the pinned one, until somebody decides about it.
    pub found_host_key: Option<HostKeyResource>,
    /// Whether the server asked for a reboot when it was last looked at.
    pub reboot_required: Option<bool>,
    /// The exact line that authorizes the panel's key on the server.
    pub authorize_command: String,
    pub created_at: Timestamp,
    /// The latest attempt to let the panel in with a password, while it is not in.
    pub authorization: Option<OperationResource>,
    /// What it may be provisioned with, and what it has.
    pub software: SoftwareResource,
    /// The latest provisioning, with its steps.
    pub provisioning: Option<OperationResource>,
    /// The latest operations of any kind, newest first, without their steps.
    pub recent_operations: Vec<ListedOperation>,
}

/// A checked form for a new server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServer {
    pub name: ServerName,
    pub address: Address,
    pub port: SshPort,
    pub user: UnixUser,
    pub host_key: String,
}

impl NewServer {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &NewServerInput) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", ServerName::parse(&input.name));
        let address = errors.take("address", Address::parse(&input.address));
        let port = errors.take("port", SshPort::parse(&input.port));
        let user = errors.take("user", UnixUser::parse(&input.user));
        let host_key = errors.take(
            "host_key",
            one_line(&input.host_key, 2000)
                .map_err(|_| "Confirm the server's host key first.".to_owned()),
        );
        match (name, address, port, user, host_key) {
            (Some(name), Some(address), Some(port), Some(user), Some(host_key)) => Ok(Self {
                name,
                address,
                port,
                user,
                host_key,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// A checked question for a host key.
///
/// # Errors
/// A sentence for each field that cannot be used.
pub fn parse_host_key_input(input: &HostKeyInput) -> Result<(Address, SshPort), ApiError> {
    let mut errors = FieldErrors::default();
    let address = errors.take("address", Address::parse(&input.address));
    let port = errors.take("port", SshPort::parse(&input.port));
    match (address, port) {
        (Some(address), Some(port)) => Ok((address, port)),
        _ => Err(errors.into_error()),
    }
}

/// A server's name: one line of at most 100 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName(String);

impl ServerName {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        one_line(text, 100).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An IP address or a host name, ready to be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = one_line(text, 253)?;
        if text.contains("://") || text.contains('/') {
            return Err("Write only the address, without http:// or a path.".to_owned());
        }
        if text.contains('@') {
            return Err("Write only the address; the user has a field of its own.".to_owned());
        }
        if text.contains(char::is_whitespace) {
            return Err("An address has no spaces.".to_owned());
        }
        if text.starts_with('-') {
            return Err("An address does not begin with a dash.".to_owned());
        }
        if let Ok(ip) = text
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
        {
            return Ok(Self(ip.to_string()));
        }
        if text.contains(':') {
            return Err("Write the port in its own field.".to_owned());
        }
        if is_host_name(&text) {
            return Ok(Self(text.trim_end_matches('.').to_lowercase()));
        }
        Err(
            "Write an IP address like 203.0.113.7, or a host name like web-1.example.com."
                .to_owned(),
        )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Labels of letters, digits and inner dashes; the last one not all digits, for then it would be a
/// misspelt IP address.
fn is_host_name(text: &str) -> bool {
    let labels: Vec<&str> = text.trim_end_matches('.').split('.').collect();
    labels.iter().all(|label| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    }) && labels
        .last()
        .is_some_and(|label| !label.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The port sshd listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SshPort(u16);

impl SshPort {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse_port(text).map(Self)
    }

    pub fn get(self) -> u16 {
        self.0
    }
}

/// A port number as people write it: digits only, 1 to 65535.
///
/// # Errors
/// A sentence for the field.
pub fn parse_port(text: &str) -> Result<u16, String> {
    let text = text.trim();
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits_only && port > 0 && !text.starts_with('0') => Ok(port),
        _ => Err("Write a port from 1 to 65535.".to_owned()),
    }
}

/// A login name as Debian's adduser accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixUser(String);

impl UnixUser {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut bytes = text.bytes();
        let first_fits = bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let rest_fits = bytes.all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
        });
        if first_fits && rest_fits && text.len() <= 31 {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "Write a login name: small letters, digits, - and _, at most 31, as root or admin."
                    .to_owned(),
            )
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnixUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_outside_1_to_65535_are_refused() {
        for text in [
            "",
            "0",
            "00",
            "022",
            "65536",
            "80;id",
            "-1",
            "+22",
            "22 22",
            "2²",
            "999999999999",
        ] {
            assert!(parse_port(text).is_err(), "{text:?} passed");
        }
        assert_eq!(parse_port(" 65535 "), Ok(65535));
    }

    #[test]
    fn addresses_that_are_urls_options_or_phrases_are_refused() {
        for text in [
            "",
            "http://a.example",
            "a.example/x",
            "root@a.example",
            "a b",
            "-oProxyCommand=id",
            "a.example:22",
            "1.2.3",
            "1.2.3.256",
            "a..b",
            "-a.example",
            "a-.example",
            "a;id",
            "$(id)",
            "a\nb",
            "a\u{202e}b",
            "пример",
            &"a".repeat(64),
        ] {
            assert!(Address::parse(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn addresses_come_out_in_one_spelling() {
        for (typed, kept) in [
            ("203.0.113.7", "203.0.113.7"),
            ("Web-1.Example.com.", "web-1.example.com"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(
                Address::parse(typed).map(|address| address.0),
                Ok(kept.to_owned())
            );
        }
    }

    #[test]
    fn login_names_cannot_be_options_or_commands() {
        for text in ["", "-r", "Root", "a b", "a;id", "0a", &"a".repeat(32)] {
            assert!(UnixUser::parse(text).is_err(), "{text:?} passed");
        }
        assert!(UnixUser::parse("deploy-1").is_ok());
    }

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let input = NewServerInput {
            name: "a\nb".into(),
            address: "-x".into(),
            port: "0".into(),
            user: "A".into(),
            host_key: String::new(),
        };
        let error = NewServer::parse(&input).expect_err("all fields are wrong");
        for field in ["name", "address", "port", "user", "host_key"] {
            assert!(error.for_field(field).is_some(), "{field} has no message");
        }
    }
}
