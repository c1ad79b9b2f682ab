use std::fmt;
use std::time::Duration;

use crate::PinnedHostKey;

/// Why a server could not be used. Every message says what happened, where, and what to do next; text that a
/// server sent is cut to 200 characters without control characters before it gets in here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "{place}: this name does not resolve to an address. Check the spelling, or enter the IP address."
    )]
    NameDoesNotResolve { place: Place },

    #[error(
        "{place} is {what}. The panel connects to none of these, as they lead to its own machine or network. Enter the address by which others reach the server; whoever runs the panel can allow this one with BROKEFORGE_ALLOW_LOCAL_ADDRESSES=1."
    )]
    OutOfReach { place: Place, what: &'static str },

    #[error(
        "{place}: no way leads to this address ({reason}). Check the address, and the panel's own network."
    )]
    NoRoute { place: Place, reason: String },

    #[error(
        "{place} refused the connection: nothing listens there. Check the port, and that the SSH server runs."
    )]
    Refused { place: Place },

    #[error(
        "{place} did not answer in time while {phase}. Check the address and port, and that no firewall is in between."
    )]
    TimedOut { place: Place, phase: Phase },

    #[error("{place} answers, but not as an SSH server. Check the port.")]
    NotSsh { place: Place },

    #[error(
        "{place} closed the connection while {phase}. It may be limiting logins from the panel's address: try again in a minute, and look into the server's SSH log."
    )]
    Closed { place: Place, phase: Phase },

    #[error(
        "{place} and the panel do not understand each other: {reason}. Look into the server's SSH log."
    )]
    Protocol { place: Place, reason: String },

    #[error(
        "{place} runs an SSH server open to the Terrapin attack (CVE-2023-48795). Update its SSH server, then try again."
    )]
    InsecureTransport { place: Place },

    #[error(
        "The host key of {place} has changed: expected {expected}, found {found}. Nothing was sent. If you did not reinstall this server, someone may be in between; if you did, confirm the new key."
    )]
    HostKeyChanged {
        place: Place,
        /// Type and fingerprint of the pinned key.
        expected: String,
        /// Type and fingerprint of the key shown, or the types offered when the pinned one is not among them.
        found: String,
        /// The key shown, to be confirmed or refused; `None` when the server has none that the panel accepts.
        found_key: Option<Box<PinnedHostKey>>,
    },

    #[error(
        "{place} offers no host key that the panel accepts (only {}). Add an Ed25519 key on the server with `ssh-keygen -A`, restart its SSH server, then try again.",
        .offered.join(", ")
    )]
    UnsupportedHostKey { place: Place, offered: Vec<String> },

    #[error("{place} {}", key_refused(.user, .offered, *.more_needed))]
    KeyRefused {
        place: Place,
        user: String,
        /// The methods that the server would accept, by their SSH names.
        offered: Vec<String>,
        /// The key was accepted, but the server asks for a second proof.
        more_needed: bool,
    },

    #[error(
        "{place} takes no passwords from {user} (it accepts: {}). Run the shown line on the server instead.",
        if .offered.is_empty() { "nothing".to_owned() } else { .offered.join(", ") }
    )]
    PasswordNotOffered {
        place: Place,
        user: String,
        /// The methods that the server would accept, by their SSH names.
        offered: Vec<String>,
    },

    #[error("{place} {}", password_refused(.user))]
    PasswordRefused { place: Place, user: String },

    #[error(
        "{place} asks {user} for more than a password. Run the shown line on the server instead."
    )]
    PasswordNotEnough { place: Place, user: String },

    #[error(
        "{place}: {user} is not root and `sudo` wants a password or is missing. Allow it without one (`{user} ALL=(ALL) NOPASSWD: ALL` by `visudo`), or log in as root."
    )]
    NoPrivilege { place: Place, user: String },

    #[error(
        "{place} accepted the login but runs no command ({reason}). Check the user's login shell and the SSH server's ForceCommand and MaxSessions."
    )]
    SessionRefused { place: Place, reason: String },

    #[error(
        "The connection to {place} was cut while a command ran ({reason}). Whether the command finished is not known; the panel has to look again."
    )]
    Lost { place: Place, reason: String },

    #[error("{place}: the command did not end within {} s and was stopped.", .after.as_secs_f32())]
    Deadline { place: Place, after: Duration },

    #[error("The panel's own key for {place} cannot be read. Remove the server and add it again.")]
    UnreadableKey { place: Place },
}

/// Where a server is: `203.0.113.7:22`, `[2001:db8::7]:22`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub address: String,
    pub port: u16,
}

impl Place {
    pub fn new(address: &str, port: u16) -> Self {
        Self {
            address: foreign_text(address),
            port,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(f, "[{}]:{}", self.address, self.port)
        } else {
            write!(f, "{}:{}", self.address, self.port)
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the panel was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Resolve,
    Connect,
    Handshake,
    Authenticate,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "its name was looked up",
            Self::Connect => "the connection was opened",
            Self::Handshake => "the SSH connection was set up",
            Self::Authenticate => "the panel logged in",
        })
    }
}

/// Makes text from a server fit for a message: one line, no control or direction marks, 200 characters.
pub(crate) fn foreign_text(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .take(LONGEST)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Marks that turn the reading direction or show nothing at all.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

/// sshd does not tell a wrong password from a user who may not log in by one.
fn password_refused(user: &str) -> String {
    if user == "root" {
        "refused the password for root. Either it is wrong, or root may not log in by password, as on a plain Debian \
         (PermitRootLogin prohibit-password). Type it again, or run the shown line on the server."
            .to_owned()
    } else {
        format!(
            "refused the password for {user}. Type it again; if it is right, {user} may not log in by password: run \
             the shown line on the server."
        )
    }
}

fn key_refused(user: &str, offered: &[String], more_needed: bool) -> String {
    let methods = if offered.is_empty() {
        "nothing".to_owned()
    } else {
        offered.join(", ")
    };
    if more_needed {
        return format!(
            "accepted the panel's key for {user} but asks for more ({methods}). Let this user log in with the key alone (AuthenticationMethods)."
        );
    }
    if !offered.is_empty() && !offered.iter().any(|method| method == "publickey") {
        return format!(
            "lets {user} log in by {methods} only, not by key. Allow `PubkeyAuthentication` in its sshd_config."
        );
    }
    format!(
        "refused the panel's key for {user} (it accepts: {methods}). Run the shown command on the server as {user}, and check that this user may log in."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_server_is_one_short_line_without_control_characters() {
        let hostile = format!("\u{1b}[31mred\r\nnext\u{202e}\0{}", "x".repeat(5_000));
        let text = foreign_text(&hostile);
        assert!(text.starts_with("[31mred  nextxxx"), "{text}");
        assert_eq!(text.chars().count(), 200);
    }

    #[test]
    fn an_ipv6_address_is_put_in_brackets() {
        assert_eq!(
            Place::new("2001:db8::7", 22).to_string(),
            "[2001:db8::7]:22"
        );
        assert_eq!(
            Place::new("example.org", 2222).to_string(),
            "example.org:2222"
        );
    }

    #[test]
    fn a_server_without_key_logins_is_told_from_one_that_does_not_know_the_key() {
        let error = |offered: &[&str]| {
            Error::KeyRefused {
                place: Place::new("a", 22),
                user: "root".into(),
                offered: offered.iter().map(|method| (*method).to_owned()).collect(),
                more_needed: false,
            }
            .to_string()
        };
        assert!(error(&["publickey", "password"]).contains("it accepts: publickey, password"));
        assert!(error(&["password"]).contains("by password only, not by key"));
    }
}
