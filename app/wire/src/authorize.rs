//! Letting the panel in with a password that is given once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApiError, ServerId};

/// The password of a server's login user, for one operation.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    pub server_id: ServerId,
    pub password: String,
}

impl PasswordInput {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(&self) -> Result<LoginPassword, ApiError> {
        LoginPassword::parse(&self.password).map_err(|message| ApiError::field("password", message))
    }
}

// The call it travels in derives Debug.
impl fmt::Debug for PasswordInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordInput")
            .field("server_id", &self.server_id)
            .finish_non_exhaustive()
    }
}

/// A password that a login prompt could take: one line, exactly as typed.
pub struct LoginPassword(String);

impl LoginPassword {
    const LONGEST: usize = 1000;

    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Enter the password.".to_owned());
        }
        if text.chars().count() > Self::LONGEST {
            return Err(format!("Use at most {} characters.", Self::LONGEST));
        }
        // A prompt reads one line: what came after would be taken for the next answer.
        if text.contains(['\n', '\r', '\0']) {
            return Err("A password is one line.".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself, to be sealed.
    pub fn into_inner(self) -> String {
        self.0
    }
}

/// The file that allows a login user to become root without a password, as it will stand on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoersDropIn {
    pub path: String,
    pub content: String,
}

impl SudoersDropIn {
    /// What it takes for this user; root needs nothing.
    ///
    /// The user is one that [`crate::servers::UnixUser`] lets through: small letters, digits, `-` and `_`,
    /// none of which means anything to sudo.
    pub fn of(user: &str) -> Option<Self> {
        (user != "root").then(|| Self {
            path: format!("/etc/sudoers.d/brokeforge-{user}"),
            content: format!("{user} ALL=(ALL) NOPASSWD: ALL\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_exactly_as_typed() {
        for typed in [" a b ", "x", "пароль", "'; rm -rf / #", "-S"] {
            let parsed = LoginPassword::parse(typed).map(LoginPassword::into_inner);
            assert_eq!(parsed.as_deref(), Ok(typed));
        }
    }

    #[test]
    fn a_password_that_no_prompt_could_take_is_refused() {
        for typed in ["", "a\nb", "a\r", "a\0b", &"x".repeat(1001)] {
            assert!(LoginPassword::parse(typed).is_err(), "{typed:?} passed");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let input = PasswordInput {
            server_id: ServerId(1),
            password: "canary".into(),
        };
        assert!(!format!("{input:?}").contains("canary"));
    }

    #[test]
    fn root_needs_no_drop_in_and_others_get_one_line() {
        assert_eq!(SudoersDropIn::of("root"), None);
        let file = SudoersDropIn::of("deploy-1").expect("a file");
        assert_eq!(file.path, "/etc/sudoers.d/brokeforge-deploy-1");
        assert_eq!(file.content, "deploy-1 ALL=(ALL) NOPASSWD: ALL\n");
    }
}
