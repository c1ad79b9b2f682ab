//! What a user may know about a failure. Internals are logged on the server and never sent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "snake_case", from = "Received")]
pub enum ApiError {
    /// Input that cannot be used, with a sentence for each field by its name.
    Invalid { fields: Vec<FieldError> },
    /// Nobody is signed in, or the session ended.
    SignedOut,
    /// It does not exist, or it belongs to somebody else.
    NotFound,
    /// It exists, and its state does not allow this now.
    Conflict { message: String },
    /// Too many attempts.
    TooMany { retry_after_seconds: u64 },
    /// The remote server could not be reached or did not agree.
    Remote { message: String },
    /// The request itself was malformed or came from a foreign page.
    Refused { message: String },
    /// A fault of the panel; the details are in its log.
    Internal,
}

/// An error as it is received. A tagged enum would be read by way of a buffer for values of every kind; this takes a
/// third of the code, in a page that everybody loads.
#[derive(Deserialize)]
struct Received {
    error: Tag,
    #[serde(default)]
    fields: Vec<FieldError>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    retry_after_seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Invalid,
    SignedOut,
    NotFound,
    Conflict,
    TooMany,
    Remote,
    Refused,
    Internal,
}

impl From<Received> for ApiError {
    fn from(received: Received) -> Self {
        let Received {
            error,
            fields,
            message,
            retry_after_seconds,
        } = received;
        match error {
            Tag::Invalid => Self::Invalid { fields },
            Tag::SignedOut => Self::SignedOut,
            Tag::NotFound => Self::NotFound,
            Tag::Conflict => Self::Conflict { message },
            Tag::TooMany => Self::TooMany {
                retry_after_seconds,
            },
            Tag::Remote => Self::Remote { message },
            Tag::Refused => Self::Refused { message },
            Tag::Internal => Self::Internal,
        }
    }
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The name of the field in the input type.
    pub field: String,
    /// A sentence that says how to mend it.
    pub message: String,
}

impl ApiError {
    /// An error about a single field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            fields: vec![FieldError {
                field: field.to_owned(),
                message: message.into(),
            }],
        }
    }

    /// The sentence for `field`, if this error has one.
    pub fn for_field(&self, field: &str) -> Option<&str> {
        match self {
            Self::Invalid { fields } => fields
                .iter()
                .find(|error| error.field == field)
                .map(|error| error.message.as_str()),
            Self::SignedOut
            | Self::NotFound
            | Self::Conflict { .. }
            | Self::TooMany { .. }
            | Self::Remote { .. }
            | Self::Refused { .. }
            | Self::Internal => None,
        }
    }

    /// The HTTP status this error travels with.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 422,
            Self::SignedOut => 401,
            Self::NotFound => 404,
            Self::Conflict { .. } => 409,
            Self::TooMany { .. } => 429,
            Self::Remote { .. } => 502,
            Self::Refused { .. } => 403,
            Self::Internal => 500,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { fields } => {
                let sentences: Vec<_> = fields.iter().map(|error| error.message.as_str()).collect();
                f.write_str(&sentences.join(" "))
            }
            Self::SignedOut => f.write_str("Your session has ended. Sign in again."),
            Self::NotFound => f.write_str("This does not exist, or it is not yours."),
            Self::Conflict { message } | Self::Remote { message } | Self::Refused { message } => {
                f.write_str(message)
            }
            Self::TooMany {
                retry_after_seconds,
            } => {
                write!(
                    f,
                    "Too many attempts. Try again in {retry_after_seconds} s."
                )
            }
            Self::Internal => {
                f.write_str("The panel could not do this. Its log says why; try again.")
            }
        }
    }
}

impl std::error::Error for ApiError {}

/// Collects field errors while an input is parsed field by field, so that the user sees all of
/// them at once.
#[derive(Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Keeps the value, or notes the sentence under the field's name.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, String>) -> Option<T> {
        parsed
            .map_err(|message| {
                self.0.push(FieldError {
                    field: field.to_owned(),
                    message,
                });
            })
            .ok()
    }

    /// All the noted errors as one.
    pub fn into_error(self) -> ApiError {
        ApiError::Invalid { fields: self.0 }
    }
}

#[cfg(feature = "server-fn")]
impl server_fn::error::FromServerFnError for ApiError {
    type Encoder = crate::json::JsonText;

    /// Anything the framework itself refuses is a malformed request; what it says about our types
    /// is for the log, not for the caller.
    fn from_server_fn_error(error: server_fn::error::ServerFnErrorErr) -> Self {
        use server_fn::error::ServerFnErrorErr as E;
        match error {
            E::Request(_) => Self::Remote {
                message: "The panel could not be reached. Check your connection.".to_owned(),
            },
            // In the browser it is the answer that could not be read.
            E::Deserialization(_) if cfg!(target_arch = "wasm32") => Self::Remote {
                message: "The panel's answer could not be read: it may be restarting, or a proxy answered in its place. \
                          Wait a few seconds and try again."
                    .to_owned(),
            },
            E::Args(_) | E::Deserialization(_) | E::MissingArg(_) => Self::Refused {
                message: "The panel did not understand the request. Reload the page.".to_owned(),
            },
            E::Registration(_)
            | E::UnsupportedRequestMethod(_)
            | E::MiddlewareError(_)
            | E::ServerError(_)
            | E::Serialization(_)
            | E::Response(_) => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_received_as_it_was_sent() {
        let message = || "Why.".to_owned();
        for sent in [
            ApiError::field("name", "Enter a name."),
            ApiError::SignedOut,
            ApiError::NotFound,
            ApiError::Conflict { message: message() },
            ApiError::TooMany {
                retry_after_seconds: 7,
            },
            ApiError::Remote { message: message() },
            ApiError::Refused { message: message() },
            ApiError::Internal,
        ] {
            let text = serde_json::to_string(&sent).expect("writes");
            assert_eq!(
                serde_json::from_str::<ApiError>(&text).expect("reads"),
                sent,
                "{text}"
            );
        }
    }
}
