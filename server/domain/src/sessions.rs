//! Sessions: an opaque 256-bit token in a cookie, its SHA-256 in the database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use sea_orm::{ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, Set};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use wire::accounts::AccountResource;
use wire::{Timestamp, UserId};

use crate::access::{Caller, SignedIn};
use crate::db::{Tx, now};
use crate::entities::{session, user};
use crate::{Db, Error};

/// Ends after 7 days whatever happens, and after 8 hours without a request.
const LONGEST_MS: i64 = 7 * 24 * 3_600_000;
const IDLE_MS: i64 = 8 * 3_600_000;
/// `seen_at` is written at most this often: a write for each request would be wasted.
const SEEN_STEP_MS: i64 = 60_000;

/// A row of the sessions table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(pub i64);

/// A new session's token, to be set as a cookie. It exists nowhere else.
pub struct SessionToken(SecretString);

impl SessionToken {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Begins a session for somebody who has just proved who they are.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(tx: &mut Tx, user: UserId, caller: &Caller) -> Result<SessionToken, Error> {
    let token = random_token();
    let at = tx.at().0;
    let row = session::ActiveModel {
        id: NotSet,
        token_hash: Set(hash(token.expose_secret())),
        user_id: Set(user.0),
        peer: Set(caller.peer.to_string()),
        user_agent: Set(caller.user_agent.chars().take(200).collect()),
        created_at: Set(at),
        seen_at: Set(at),
        expires_at: Set(at + LONGEST_MS),
    };
    tx.insert(row).await?;
    Ok(SessionToken(token))
}

/// The session of a cookie, if it lives.
///
/// # Errors
/// When the database does not answer.
pub async fn find(db: &Db, token: &str) -> Result<Option<SignedIn>, Error> {
    let found = session::Entity::find()
        .filter(session::Column::TokenHash.eq(hash(token)))
        .one(db.reads())
        .await?;
    let Some(session) = found.filter(|session| is_alive(session, now())) else {
        return Ok(None);
    };
    let Some(user) = user::Entity::find_by_id(session.user_id)
        .one(db.reads())
        .await?
    else {
        return Ok(None);
    };
    let at = now().0;
    if at - session.seen_at > SEEN_STEP_MS {
        let mut tx = db.begin().await?;
        // Signing out in between must not bring it back: update only what is still there.
        if let Some(current) = session::Entity::find_by_id(session.id)
            .one(tx.reads())
            .await?
        {
            tx.update(&current, |row| row.seen_at = at).await?;
        }
        tx.commit().await?;
    }
    Ok(Some(SignedIn {
        account: AccountResource {
            id: UserId(user.id),
            name: user.name,
            email: user.email,
        },
        session: SessionId(session.id),
    }))
}

/// Whether a session that was alive before still is.
///
/// # Errors
/// When the database does not answer.
pub async fn still_lives(db: &Db, id: SessionId) -> Result<bool, Error> {
    let found = session::Entity::find_by_id(id.0).one(db.reads()).await?;
    Ok(found.is_some_and(|session| is_alive(&session, now())))
}

/// Ends a session.
///
/// # Errors
/// When the database does not answer.
pub async fn end(db: &Db, id: SessionId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    if let Some(session) = session::Entity::find_by_id(id.0).one(tx.reads()).await? {
        tx.delete(session).await?;
    }
    tx.commit().await
}

fn is_alive(session: &session::Model, at: Timestamp) -> bool {
    at.0 < session.expires_at && at.0 - session.seen_at < IDLE_MS
}

/// 256 random bits as text for cookies and for people to paste.
pub(crate) fn random_token() -> SecretString {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

/// The hash under which a token is stored. A fast one serves: the token itself is random.
pub(crate) fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
