//! Accounts of the panel: who may sign in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::FieldErrors;
use crate::text::one_line;
use crate::{ApiError, UserId};

/// What makes the first account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupInput {
    /// The one-time token that the server printed at its first start.
    pub token: String,
    pub name: String,
    pub email: String,
    pub password: String,
}

/// What signs somebody in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInInput {
    pub email: String,
    pub password: String,
}

// The calls they travel in derive Debug; token and passwords stay out of it.
impl fmt::Debug for SetupInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupInput").finish_non_exhaustive()
    }
}

impl fmt::Debug for SignInInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInInput").finish_non_exhaustive()
    }
}

/// No input at all; calls without arguments take it so that extra fields are refused there too.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

/// The signed-in account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountResource {
    pub id: UserId,
    pub name: String,
    pub email: String,
}

/// What a page needs to know before it shows anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visitor {
    /// No account exists: the setup page comes first.
    SetupNeeded,
    SignedOut,
    SignedIn(AccountResource),
}

/// A checked set-up form.
pub struct NewAccount {
    pub token: String,
    pub name: String,
    pub email: Email,
    pub password: Password,
}

impl NewAccount {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &SetupInput) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let token = errors.take("token", one_line(&input.token, 200));
        let name = errors.take("name", one_line(&input.name, 100));
        let email = errors.take("email", Email::parse(&input.email));
        let password = errors.take("password", Password::parse(&input.password));
        match (token, name, email, password) {
            (Some(token), Some(name), Some(email), Some(password)) => Ok(Self {
                token,
                name,
                email,
                password,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// An e-mail address in lower case: something, an at sign, something. Only a message sent there
/// could tell more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = one_line(text, 254)?;
        match text.split_once('@') {
            Some((local, host))
                if !local.is_empty()
                    && !host.is_empty()
                    && !host.contains('@')
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(Self(text.to_lowercase()))
            }
            _ => Err("Write an e-mail address like name@example.com.".to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as typed: at least 10 characters, at most 1,024 bytes, which bounds the work of
/// hashing. It cannot print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() < 10 {
            return Err("Use at least 10 characters.".to_owned());
        }
        if text.len() > 1024 {
            return Err("Use at most 1,024 characters.".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(*)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_an_at_sign_is_refused() {
        for text in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a\n@b"] {
            assert!(Email::parse(text).is_err(), "{text:?} passed");
        }
        assert_eq!(
            Email::parse(" Ada@Example.com ").map(|email| email.0),
            Ok("ada@example.com".to_owned())
        );
    }

    #[test]
    fn a_password_keeps_every_character_and_cannot_print_itself() {
        let password = Password::parse("  ünïcode \"$(id)\" ").expect("is long enough");
        assert_eq!(password.expose(), "  ünïcode \"$(id)\" ");
        assert_eq!(format!("{password:?}"), "Password(*)");
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<NoInput>("{}").is_ok());
        assert!(serde_json::from_str::<NoInput>(r#"{"user_id":1}"#).is_err());
    }
}
