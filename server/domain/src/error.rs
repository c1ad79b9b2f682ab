//! What can go wrong inside, and the one place where it becomes what a user may know.

use wire::ApiError;

/// A failure of the domain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Meant for the user as it is.
    #[error("{0}")]
    Known(#[from] ApiError),
    #[error("database: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// A row holds a word that none of our types knows.
    #[error("the database holds an unknown {what}: {word:?}")]
    Corrupt { what: &'static str, word: String },
    /// The worker's lease went to another one; it must not write any more.
    #[error("the lease on operation {0} was lost")]
    LeaseLost(wire::OperationId),
    #[error("secret: {0}")]
    Secret(String),
    #[error("password hash: {0}")]
    PasswordHash(String),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A conflict in words for the user.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Known(ApiError::Conflict {
            message: message.into(),
        })
    }
}

impl From<Error> for ApiError {
    /// Logs what the user may not see, once, here.
    fn from(error: Error) -> Self {
        match error {
            Error::Known(known) => known,
            Error::Database(_)
            | Error::Corrupt { .. }
            | Error::LeaseLost(_)
            | Error::Secret(_)
            | Error::PasswordHash(_)
            | Error::Internal(_) => {
                tracing::error!(%error, "a call failed");
                Self::Internal
            }
        }
    }
}
