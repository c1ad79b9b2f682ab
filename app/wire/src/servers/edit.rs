//! Changing what the panel knows of a server.

use serde::{Deserialize, Serialize};

use super::{Address, HostKeyResource, ServerName, ServerResource, SshPort, UnixUser};
use crate::error::FieldErrors;
use crate::text::one_line;
use crate::{ApiError, ServerId};

/// Labels that are offered; any other one can be typed.
pub const PROVIDERS: &[&str] = &[
    "AWS",
    "Azure",
    "Contabo",
    "DigitalOcean",
    "Google Cloud",
    "Hetzner",
    "IONOS",
    "Linode",
    "netcup",
    "On premises",
    "OVHcloud",
    "Scaleway",
    "UpCloud",
    "Vultr",
];

/// The longest notes, in characters.
pub const LONGEST_NOTES: usize = 4000;

/// What can be changed about a server, as typed or as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerFields {
    pub name: String,
    pub address: String,
    pub port: String,
    pub user: String,
    pub provider: String,
    pub notes: String,
}

impl ServerFields {
    /// The names of the fields, in the order of the form.
    pub const NAMES: [&str; 6] = ["name", "address", "port", "user", "provider", "notes"];

    /// The fields of a server as a form shows them.
    pub fn of(server: &ServerResource) -> Self {
        let summary = &server.summary;
        Self {
            name: summary.name.clone(),
            address: summary.address.clone(),
            port: summary.port.to_string(),
            user: summary.user.clone(),
            provider: summary.provider.clone().unwrap_or_default(),
            notes: server.notes.clone(),
        }
    }

    /// The field of this name; empty for a name that is none.
    pub fn get(&self, name: &str) -> &str {
        match name {
            "name" => &self.name,
            "address" => &self.address,
            "port" => &self.port,
            "user" => &self.user,
            "provider" => &self.provider,
            "notes" => &self.notes,
            _ => "",
        }
    }

    /// Sets the field of this name.
    pub fn set(&mut self, name: &str, text: &str) {
        let field = match name {
            "name" => &mut self.name,
            "address" => &mut self.address,
            "port" => &mut self.port,
            "user" => &mut self.user,
            "provider" => &mut self.provider,
            "notes" => &mut self.notes,
            _ => return,
        };
        text.clone_into(field);
    }

    /// The names of the fields that differ.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        Self::NAMES
            .into_iter()
            .filter(|name| self.get(name) != other.get(name))
            .collect()
    }
}

/// A change of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateServerInput {
    pub server_id: ServerId,
    pub fields: ServerFields,
    /// The fields as they were when the form was filled: if they are others by now, somebody else has changed
    /// them, and nothing is overwritten unseen.
    pub shown: ServerFields,
    pub host_key: HostKeyDecision,
}

/// What to do about the host key at another address or port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HostKeyDecision {
    /// Ask for it; anything but the pinned key changes nothing yet.
    Verify,
    /// Do not ask: nobody answers there now. The pinned key stays, and the next connection checks it.
    KeepPinned,
    /// Pin this one, which was shown beside the old one.
    Accept {
        host_key: String,
        /// The server's name, typed.
        confirm_name: String,
    },
}

/// How far a change went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UpdateOutcome {
    Saved,
    /// Nothing was saved: somebody has to decide about the key first.
    OtherHostKey {
        pinned: HostKeyResource,
        found: HostKeyResource,
    },
    /// Nothing was saved: nobody answered at the new place, as the sentence says.
    Unreachable {
        message: String,
    },
}

/// A decision for the key that was found in place of the pinned one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptHostKeyInput {
    pub server_id: ServerId,
    /// The found key as it was shown.
    pub host_key: String,
    /// The server's name, typed.
    pub confirm_name: String,
}

/// Checked fields of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEdit {
    pub name: ServerName,
    pub address: Address,
    pub port: SshPort,
    pub user: UnixUser,
    pub provider: Option<Provider>,
    pub notes: Notes,
}

impl ServerEdit {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(fields: &ServerFields) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", ServerName::parse(&fields.name));
        let address = errors.take("address", Address::parse(&fields.address));
        let port = errors.take("port", SshPort::parse(&fields.port));
        let user = errors.take("user", UnixUser::parse(&fields.user));
        let provider = errors.take("provider", Provider::parse(&fields.provider));
        let notes = errors.take("notes", Notes::parse(&fields.notes));
        match (name, address, port, user, provider, notes) {
            (Some(name), Some(address), Some(port), Some(user), Some(provider), Some(notes)) => {
                Ok(Self {
                    name,
                    address,
                    port,
                    user,
                    provider,
                    notes,
                })
            }
            _ => Err(errors.into_error()),
        }
    }
}

/// Whose machine it is, in a word: a label of at most 50 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider(String);

impl Provider {
    /// `None` for an empty field.
    ///
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        one_line(text, 50).map(Self).map(Some)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Free text of several lines, kept as it was typed but for the line ends of forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes(String);

impl Notes {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        // PostgreSQL cannot hold it, and nobody types it.
        if text.contains('\0') {
            return Err("Remove the NUL character.".to_owned());
        }
        let text = text.replace("\r\n", "\n");
        let length = text.chars().count();
        if length > LONGEST_NOTES {
            return Err(format!(
                "Use at most {LONGEST_NOTES} characters; these are {length}."
            ));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_keep_every_byte_but_the_line_ends_of_forms() {
        let typed = "  <b>a\r\n\tb\u{202e}\u{7} \n\r c  ";
        let notes = Notes::parse(typed).map(|notes| notes.0);
        assert_eq!(notes, Ok("  <b>a\n\tb\u{202e}\u{7} \n\r c  ".to_owned()));
        assert_eq!(
            Notes::parse(&"ü\r\n".repeat(2000)).map(|it| it.0.len()),
            Ok(6000)
        );
        for refused in ["a\0b", &"x".repeat(4001), &"\r\n".repeat(4001)] {
            assert!(Notes::parse(refused).is_err(), "{refused:?} passed");
        }
    }

    #[test]
    fn a_provider_is_one_short_line_or_none() {
        assert_eq!(Provider::parse("  "), Ok(None));
        let label = Provider::parse(" Hetzner ");
        assert_eq!(label, Ok(Some(Provider("Hetzner".into()))));
        for refused in ["a\nb", "a\u{202e}b", &"x".repeat(51)] {
            assert!(Provider::parse(refused).is_err(), "{refused:?} passed");
        }
        for offered in PROVIDERS {
            assert!(matches!(Provider::parse(offered), Ok(Some(_))));
        }
    }

    #[test]
    fn fields_that_differ_are_named() {
        let fields = ServerFields {
            name: "web-1".into(),
            address: "203.0.113.7".into(),
            port: "22".into(),
            user: "root".into(),
            provider: String::new(),
            notes: String::new(),
        };
        let other = ServerFields {
            port: "2222".into(),
            notes: "x".into(),
            ..fields.clone()
        };
        assert_eq!(fields.differing(&other), ["port", "notes"]);
    }
}
