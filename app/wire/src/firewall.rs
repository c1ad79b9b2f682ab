//! Firewall rules: ports that are open or closed, and for whom.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::error::FieldErrors;
use crate::servers::{ServerSummary, parse_port};
use crate::text::one_line;
use crate::{ApiError, OperationId, RuleId, ServerId, Status, Timestamp};

/// What a rule says, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFields {
    pub name: String,
    /// `80` or `3000:3005`
    pub port: String,
    pub protocol: Protocol,
    /// An address or a network; empty for anywhere.
    pub source: String,
    pub action: Action,
}

impl From<NewRule> for RuleFields {
    fn from(rule: NewRule) -> Self {
        Self {
            name: rule.name,
            port: rule.port.to_string(),
            protocol: rule.protocol,
            source: rule.source.to_string(),
            action: rule.action,
        }
    }
}

/// Adds a rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRuleInput {
    pub server_id: ServerId,
    pub rule: RuleFields,
    /// Made once per form by the page: ten clicks with one key make one rule.
    pub request_key: String,
}

/// Changes a rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRuleInput {
    pub server_id: ServerId,
    pub rule_id: RuleId,
    pub rule: RuleFields,
    /// As they were when the form was filled: if they are others by now, nothing is overwritten unseen.
    pub shown: RuleFields,
}

/// Names a rule in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleInput {
    pub server_id: ServerId,
    pub rule_id: RuleId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Any,
    Tcp,
    Udp,
}

impl Protocol {
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Any];

    /// The word in the database and in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The protocol of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.as_str() == word)
    }

    /// Whether a rule for this protocol also meets packets of `other`.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Allow,
    Deny,
}

impl Action {
    pub const ALL: [Self; 2] = [Self::Allow, Self::Deny];

    /// The word in the database, in forms and for ufw.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// The action of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// A rule as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResource {
    pub id: RuleId,
    pub name: String,
    pub port: String,
    pub protocol: Protocol,
    /// `None` is anywhere.
    pub source: Option<String>,
    pub action: Action,
    pub status: Status,
    /// Why the last operation on it failed.
    pub error_log: Option<String>,
    /// The operation that is queued or running for it, or else the last one.
    pub operation_id: Option<OperationId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One line of what happened to the firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallEvent {
    pub id: i64,
    /// `added rule Web (8081/tcp)`
    pub sentence: String,
    pub actor: String,
    pub at: Timestamp,
}

/// All that the firewall page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallResource {
    pub server: ServerSummary,
    /// Whether ufw is installed, as the last operation found it; `None` before provisioning.
    pub installed: Option<bool>,
    /// Whether ufw is enabled, as the last operation found it.
    pub enabled: Option<bool>,
    /// The ports that provisioning keeps open, the base set: all of sshd's, 80 and 443.
    pub base_ports: Vec<u16>,
    pub rules: Vec<RuleResource>,
    pub recent_events: Vec<FirewallEvent>,
}

/// A checked rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRule {
    pub name: String,
    pub port: PortRange,
    pub protocol: Protocol,
    pub source: Source,
    pub action: Action,
}

impl NewRule {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &RuleFields) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", one_line(&input.name, 100));
        let port = errors.take("port", PortRange::parse(&input.port));
        let source = errors.take("source", Source::parse(&input.source));
        match (name, port, source) {
            (Some(name), Some(port), Some(source)) => Ok(Self {
                name,
                port,
                protocol: input.protocol,
                source,
                action: input.action,
            }),
            _ => Err(errors.into_error()),
        }
    }

    /// Refuses a rule that touches the way the panel itself comes in: an allow would be deleted
    /// together with that rule one day, and a deny would shut the panel out.
    ///
    /// # Errors
    /// A sentence for the port.
    pub fn refuse_ssh_port(&self, ssh_port: u16) -> Result<(), ApiError> {
        if !self.port.contains(ssh_port) || !self.protocol.covers(Protocol::Tcp) {
            return Ok(());
        }
        let message = match self.action {
            Action::Allow => format!(
                "Port {ssh_port} is open already, as part of the base set: servers are reached by SSH on it."
            ),
            Action::Deny => format!(
                "Port {ssh_port} is a way in by SSH, open as part of the base set; denying it would lock you out."
            ),
        };
        Err(ApiError::field("port", message))
    }
}

/// A port, or the ports from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "Write a port from 1 to 65535, or a range like 3000:3005.".to_owned();
        let (first, last) = match text.split_once([':', '-']) {
            Some((first, last)) => (parse_port(first), parse_port(last)),
            None => (parse_port(text), parse_port(text)),
        };
        match (first, last) {
            (Ok(first), Ok(last)) if first > last => {
                Err(format!("Put the lower port first: {last}:{first}."))
            }
            (Ok(first), Ok(last)) => Ok(Self { first, last }),
            _ => Err(wrong()),
        }
    }

    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    pub fn is_single(self) -> bool {
        self.first == self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

/// Where packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    Anywhere,
    Network(IpNet),
}

impl Source {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Anywhere);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(address)));
        }
        match text.parse::<IpNet>() {
            Ok(network) if network.addr() != network.network() => Err(format!(
                "{text} is an address inside a network. The network is {}.",
                network.trunc()
            )),
            Ok(network) => Ok(Self::Network(network)),
            Err(_) => Err(
                "Write an address like 203.0.113.7 or a network like 203.0.113.0/24; \
                           leave it empty for anywhere."
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Source {
    /// Anywhere is empty; a network of one address is that address, as ufw prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anywhere => Ok(()),
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                write!(f, "{}", network.addr())
            }
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ports_that_are_no_ports_are_refused() {
        for text in [
            "", "0", "65536", "80;id", "90:80", "80:", ":80", "1:2:3", "80,81", "a", "0:80",
        ] {
            assert!(PortRange::parse(text).is_err(), "{text:?} passed");
        }
        assert!(PortRange::parse("90:80").is_err_and(|sentence| sentence.contains("80:90")));
    }

    #[test]
    fn networks_with_host_bits_or_leading_zeros_are_refused() {
        for text in [
            "10.0.0.1/24",
            "010.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "a",
            "::/129",
            "10.0.0.0/8;id",
        ] {
            assert!(Source::parse(text).is_err(), "{text:?} passed");
        }
        assert!(
            Source::parse("10.0.0.1/24").is_err_and(|sentence| sentence.contains("10.0.0.0/24"))
        );
    }

    #[test]
    fn a_rule_over_the_ssh_port_is_refused_in_every_spelling() {
        for port in ["22", "20:30"] {
            for protocol in [Protocol::Any, Protocol::Tcp] {
                for action in Action::ALL {
                    let rule = NewRule {
                        name: "x".into(),
                        port: PortRange::parse(port).expect("is a range"),
                        protocol,
                        source: Source::Anywhere,
                        action,
                    };
                    assert!(rule.refuse_ssh_port(22).is_err());
                    assert!(rule.refuse_ssh_port(2222).is_ok());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_parses_prints_to_what_parses_the_same(text in "\\PC{0,30}") {
            if let Ok(range) = PortRange::parse(&text) {
                prop_assert_eq!(PortRange::parse(&range.to_string()), Ok(range));
            }
            if let Ok(source) = Source::parse(&text) {
                prop_assert_eq!(Source::parse(&source.to_string()), Ok(source));
            }
        }
    }
}
