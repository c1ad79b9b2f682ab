//! Passwords: argon2id, two at a time, off the reactor.

use std::sync::OnceLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;
use tokio::sync::Semaphore;
use wire::ApiError;

use crate::Error;

/// Each hash takes 19 MiB; 100 sign-ins at once must not take 1.9 GiB.
static HASHING: Semaphore = Semaphore::const_new(2);
/// So many may wait for their turn, a few seconds at most. Beyond that somebody is flooding the panel, and everybody
/// else is better served by an answer than by a longer line.
static WAITING: Semaphore = Semaphore::const_new(32);

/// The hash to store for a password.
pub(super) async fn hash(password: String) -> Result<String, Error> {
    off_the_reactor(move || {
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        let salt = SaltString::encode_b64(&salt).map_err(password_error)?;
        let hash = argon2()?
            .hash_password(password.as_bytes(), &salt)
            .map_err(password_error)?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password is the one that was hashed.
pub(super) async fn verify(password: String, stored: String) -> Result<bool, Error> {
    off_the_reactor(move || {
        let hash = PasswordHash::new(&stored).map_err(password_error)?;
        Ok(argon2()?
            .verify_password(password.as_bytes(), &hash)
            .is_ok())
    })
    .await
}

/// The hash that an unknown account's password is compared with, so that both take as long.
pub(super) async fn decoy() -> Result<String, Error> {
    static DECOY: OnceLock<String> = OnceLock::new();
    if let Some(hash) = DECOY.get() {
        return Ok(hash.clone());
    }
    let hash = hash("no account has this password".to_owned()).await?;
    Ok(DECOY.get_or_init(|| hash).clone())
}

/// Argon2id with 19 MiB and two passes, OWASP's floor.
fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(password_error)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let _place = WAITING.try_acquire().map_err(|_| ApiError::TooMany {
        retry_after_seconds: 5,
    })?;
    let _turn = HASHING
        .acquire()
        .await
        .map_err(|error| Error::Internal(error.to_string()))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
}

fn password_error(error: impl std::fmt::Display) -> Error {
    Error::PasswordHash(error.to_string())
}
