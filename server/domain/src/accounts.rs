//! Accounts: the first one by the set-up token, signing in and out.

use std::sync::OnceLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;
use sea_orm::{ActiveValue::NotSet, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use wire::accounts::{NewAccount, SignInInput, Visitor};
use wire::{ApiError, UserId};

use crate::access::{Caller, SignedIn};
use crate::entities::{setting, user};
use crate::sessions::{self, SessionToken, hash, random_token};
use crate::{Db, Error, Panel};

const SETUP_TOKEN: &str = "setup_token_hash";

/// Each hash takes 19 MiB; 100 sign-ins at once must not take 1.9 GiB.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What a page needs to know before it shows anything.
///
/// # Errors
/// When the database does not answer.
pub async fn visitor(db: &Db, caller: &Caller) -> Result<Visitor, Error> {
    if let Some(signed_in) = &caller.signed_in {
        return Ok(Visitor::SignedIn(signed_in.account.clone()));
    }
    Ok(if any_account(db).await? {
        Visitor::SignedOut
    } else {
        Visitor::SetupNeeded
    })
}

/// Makes a new set-up token while no account exists; `None` afterwards. The old one ends.
///
/// # Errors
/// When the database does not answer.
pub async fn new_setup_token(db: &Db) -> Result<Option<SecretString>, Error> {
    if any_account(db).await? {
        return Ok(None);
    }
    let token = random_token();
    let stored = hash(secrecy::ExposeSecret::expose_secret(&token));
    let mut tx = db.begin().await?;
    match setting::Entity::find_by_id(SETUP_TOKEN)
        .one(tx.reads())
        .await?
    {
        Some(row) => {
            tx.update(&row, |row| row.value = stored).await?;
        }
        None => {
            tx.insert(setting::ActiveModel {
                name: Set(SETUP_TOKEN.to_owned()),
                value: Set(stored),
            })
            .await?;
        }
    }
    tx.commit().await?;
    Ok(Some(token))
}

/// Makes the first account with the set-up token, and signs it in.
///
/// # Errors
/// A sentence for the token when it is wrong; `NotFound` once an account exists.
pub async fn set_up(
    panel: &Panel,
    caller: &Caller,
    new: NewAccount,
) -> Result<SessionToken, Error> {
    panel.limits.sign_in(caller.peer, "set-up")?;
    let password_hash = hash_password(new.password.expose().to_owned()).await?;
    let mut tx = panel.db.begin().await?;
    if user::Entity::find().count(tx.reads()).await? > 0 {
        return Err(ApiError::NotFound.into());
    }
    let token = setting::Entity::find_by_id(SETUP_TOKEN)
        .one(tx.reads())
        .await?;
    let Some(token) = token.filter(|stored| stored.value == hash(&new.token)) else {
        return Err(ApiError::field(
            "token",
            "This is not the token of this panel. It stands in the server's output, after \"Setup \
             token:\"; a restart prints a new one.",
        )
        .into());
    };
    let created_at = tx.at().0;
    let user = tx
        .insert(user::ActiveModel {
            id: NotSet,
            name: Set(new.name),
            email: Set(new.email.as_str().to_owned()),
            password_hash: Set(password_hash),
            created_at: Set(created_at),
        })
        .await?;
    tx.delete(token).await?;
    let session = sessions::begin(&mut tx, UserId(user.id), caller).await?;
    tx.commit().await?;
    Ok(session)
}

/// Signs somebody in with e-mail and password.
///
/// # Errors
/// One and the same sentence for an unknown account and a wrong password, after the same work.
pub async fn sign_in(
    panel: &Panel,
    caller: &Caller,
    input: &SignInInput,
) -> Result<SessionToken, Error> {
    let email = input.email.trim().to_lowercase();
    panel.limits.sign_in(caller.peer, &email)?;
    if input.password.len() > 1024 {
        return Err(wrong_password());
    }
    let user = user::Entity::find()
        .filter(user::Column::Email.eq(&email))
        .one(panel.db.reads())
        .await?;
    let stored = match &user {
        Some(user) => user.password_hash.clone(),
        None => decoy_hash().await?,
    };
    let fits = verify_password(input.password.clone(), stored).await?;
    let Some(user) = user.filter(|_| fits) else {
        return Err(wrong_password());
    };
    let mut tx = panel.db.begin().await?;
    let session = sessions::begin(&mut tx, UserId(user.id), caller).await?;
    tx.commit().await?;
    Ok(session)
}

/// Ends the caller's session.
///
/// # Errors
/// When the database does not answer.
pub async fn sign_out(db: &Db, who: &SignedIn) -> Result<(), Error> {
    sessions::end(db, who.session()).await
}

async fn any_account(db: &Db) -> Result<bool, Error> {
    Ok(user::Entity::find().count(db.reads()).await? > 0)
}

fn wrong_password() -> Error {
    ApiError::field("password", "E-mail or password is wrong.").into()
}

/// Argon2id with 19 MiB and two passes, OWASP's floor.
fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(password_error)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn hash_password(password: String) -> Result<String, Error> {
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

async fn verify_password(password: String, stored: String) -> Result<bool, Error> {
    off_the_reactor(move || {
        let hash = PasswordHash::new(&stored).map_err(password_error)?;
        Ok(argon2()?
            .verify_password(password.as_bytes(), &hash)
            .is_ok())
    })
    .await
}

/// The hash that an unknown account's password is compared with, so that both take as long.
async fn decoy_hash() -> Result<String, Error> {
    static DECOY: OnceLock<String> = OnceLock::new();
    if let Some(hash) = DECOY.get() {
        return Ok(hash.clone());
    }
    let hash = hash_password("no account has this password".to_owned()).await?;
    Ok(DECOY.get_or_init(|| hash).clone())
}

async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
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
