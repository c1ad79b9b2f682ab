//! Invitations: a link that makes one account, once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::accounts::Password;
use crate::error::FieldErrors;
use crate::text::one_line;
use crate::{ApiError, InvitationId, Timestamp};

/// Whom to invite.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteInput {
    pub email: String,
}

/// Names an invitation to whoever made it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationInput {
    pub invitation_id: InvitationId,
}

/// Names an invitation to whoever holds its link.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationTokenInput {
    pub token: String,
}

/// What makes the invited account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitationInput {
    pub token: String,
    pub name: String,
    pub password: String,
}

/// A new invitation. Its link is shown this once: the panel keeps no more than a hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct InvitationLink {
    pub email: String,
    pub link: String,
    pub expires_at: Timestamp,
}

// The calls they travel in derive Debug; a token opens the door and stays out of it.
impl fmt::Debug for InvitationTokenInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationTokenInput")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AcceptInvitationInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptInvitationInput")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationLink").finish_non_exhaustive()
    }
}

/// An invitation that nobody has used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationResource {
    pub id: InvitationId,
    pub email: String,
    /// The name of whoever invited.
    pub invited_by: String,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
    pub is_expired: bool,
}

/// What a link is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    Open {
        email: String,
        /// The name of whoever invited.
        invited_by: String,
        expires_at: Timestamp,
    },
    Used,
    Expired,
    Revoked,
    /// No such link was ever made, or it is long forgotten.
    Unknown,
}

impl InvitationState {
    /// Why the link makes no account. It tells nobody's name: anybody may hold an old link.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Open { .. } => None,
            Self::Used => Some("This invitation was used. Whoever used it can sign in."),
            Self::Expired => {
                Some("This invitation has expired: links work for 48 hours. Ask for a new one.")
            }
            Self::Revoked => Some("This invitation was withdrawn. Ask for a new one."),
            Self::Unknown => Some(
                "This is no invitation of this panel. Check that the whole link was copied, or ask \
                 for a new one.",
            ),
        }
    }
}

/// A checked form of the invited.
pub struct Acceptance {
    pub token: String,
    pub name: String,
    pub password: Password,
}

impl Acceptance {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &AcceptInvitationInput) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", one_line(&input.name, 100));
        let password = errors.take("password", Password::parse(&input.password));
        match (name, password) {
            (Some(name), Some(password)) => Ok(Self {
                token: input.token.clone(),
                name,
                password,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_holds_a_token_can_print_it() {
        let token = InvitationTokenInput {
            token: "hush".to_owned(),
        };
        let accept = AcceptInvitationInput {
            token: "hush".to_owned(),
            name: "Bob".to_owned(),
            password: "hush".to_owned(),
        };
        let link = InvitationLink {
            email: "bob@example.com".to_owned(),
            link: "http://localhost/invitation#hush".to_owned(),
            expires_at: Timestamp(0),
        };
        assert!(!format!("{token:?} {accept:?} {link:?}").contains("hush"));
    }
}
