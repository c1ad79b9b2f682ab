//! Accounts of the panel: who may sign in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::FieldErrors;
use crate::text::one_line;
use crate::{ApiError, Timestamp, UserId};

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

/// What an account is called. A new e-mail needs the present password; a new name does not.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateAccountInput {
    pub name: String,
    pub email: String,
    /// Looked at only when the e-mail is another one.
    pub present_password: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordInput {
    pub present_password: String,
    pub new_password: String,
}

/// Removes somebody's account; its e-mail is typed to make sure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveAccountInput {
    pub user_id: UserId,
    pub confirm_email: String,
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

impl fmt::Debug for UpdateAccountInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateAccountInput").finish_non_exhaustive()
    }
}

impl fmt::Debug for ChangePasswordInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePasswordInput")
            .finish_non_exhaustive()
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
    pub role: Role,
}

/// What an account may do beside looking after its own servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The first account: invites others and removes their accounts.
    Administrator,
    Member,
}

impl Role {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Administrator, Self::Member]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// An account as the administrator sees it: who, and nothing of what they own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub created_at: Timestamp,
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

/// A checked form of name and e-mail.
pub struct AccountChange {
    pub name: String,
    pub email: Email,
    pub present_password: String,
}

impl AccountChange {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &UpdateAccountInput) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", one_line(&input.name, 100));
        let email = errors.take("email", Email::parse(&input.email));
        match (name, email) {
            (Some(name), Some(email)) => Ok(Self {
                name,
                email,
                present_password: input.present_password.clone(),
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// A checked form of a new password.
pub struct PasswordChange {
    pub present_password: String,
    pub new_password: Password,
}

impl PasswordChange {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(input: &ChangePasswordInput) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let present = errors.take(
            "present_password",
            present_password(&input.present_password),
        );
        let new = errors.take("new_password", Password::parse(&input.new_password));
        match (present, new) {
            (Some(()), Some(new_password)) => Ok(Self {
                present_password: input.present_password.clone(),
                new_password,
            }),
            _ => Err(errors.into_error()),
        }
    }
}

/// Whether something stands in a field for the password one has.
///
/// # Errors
/// A sentence for the field.
pub fn present_password(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("Enter your current password.".to_owned());
    }
    Ok(())
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
    fn no_input_with_a_password_can_print_it() {
        let update = UpdateAccountInput {
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            present_password: "hush".to_owned(),
        };
        let change = ChangePasswordInput {
            present_password: "hush".to_owned(),
            new_password: "hush".to_owned(),
        };
        assert!(!format!("{update:?} {change:?}").contains("hush"));
    }

    #[test]
    fn every_wrong_field_of_a_new_password_is_named_at_once() {
        let input = ChangePasswordInput {
            present_password: String::new(),
            new_password: "short".to_owned(),
        };
        let Err(error) = PasswordChange::parse(&input) else {
            panic!("it passed");
        };
        assert!(error.for_field("present_password").is_some());
        assert!(error.for_field("new_password").is_some());
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<NoInput>("{}").is_ok());
        assert!(serde_json::from_str::<NoInput>(r#"{"user_id":1}"#).is_err());
    }
}
