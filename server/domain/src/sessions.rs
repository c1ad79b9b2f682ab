//! Sessions: an opaque 256-bit token in a cookie, its SHA-256 in the database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use wire::accounts::AccountResource;
use wire::sessions::SessionResource;
use wire::{ApiError, SessionId, Timestamp, UserId};

use crate::access::{Caller, SignedIn};
use crate::db::{Tx, now};
use crate::entities::{session, user};
use crate::{Db, Error, audit, user_agent, words};

/// Ends after 30 days whatever happens, and after 14 days without a request: a browser that is used
/// every other week need not sign in each time, a forgotten one is no open door.
pub const LONGEST_MS: i64 = 30 * 24 * 3_600_000;
const IDLE_MS: i64 = 14 * 24 * 3_600_000;
/// `seen_at` is written at most this often: a write for each request would be wasted.
const SEEN_STEP_MS: i64 = 60_000;

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
    let found = living(db, session::Column::TokenHash.eq(hash(token))).await?;
    if let Some((session, _)) = &found
        && now().0 - session.seen_at > SEEN_STEP_MS
    {
        // Beside the request: it must neither wait for the writer nor fail with a full disk.
        let (db, id) = (db.clone(), session.id);
        tokio::spawn(async move {
            if let Err(error) = note_seen(&db, id).await {
                tracing::warn!(%error, "that a session was used could not be noted");
            }
        });
    }
    found.map(whose).transpose()
}

/// The account behind a session that was named by something the panel has signed, if it lives.
///
/// # Errors
/// When the database does not answer.
pub async fn by_id(db: &Db, id: SessionId) -> Result<Option<SignedIn>, Error> {
    let found = living(db, session::Column::Id.eq(id.0)).await?;
    found.map(whose).transpose()
}

/// By one query: every request begins with it.
async fn living(
    db: &Db,
    which: SimpleExpr,
) -> Result<Option<(session::Model, user::Model)>, Error> {
    let to_user = session::Entity::belongs_to(user::Entity)
        .from(session::Column::UserId)
        .to(user::Column::Id);
    let found = session::Entity::find()
        .select_also(user::Entity)
        .join(JoinType::InnerJoin, to_user.into())
        .filter(which)
        .one(db.reads())
        .await?;
    Ok(match found {
        Some((session, Some(user))) if is_alive(&session, now()) => Some((session, user)),
        Some(_) | None => None,
    })
}

fn whose((session, user): (session::Model, user::Model)) -> Result<SignedIn, Error> {
    Ok(SignedIn {
        account: AccountResource {
            id: UserId(user.id),
            name: user.name,
            email: user.email,
            role: words::role(&user.role)?,
        },
        session: SessionId(session.id),
    })
}

/// The caller's living sessions, the one that was used last first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, who: &SignedIn) -> Result<Vec<SessionResource>, Error> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(who.user().0))
        .order_by_desc(session::Column::SeenAt)
        .order_by_desc(session::Column::Id)
        .all(db.reads())
        .await?;
    let at = now();
    let mut sessions: Vec<_> = rows
        .into_iter()
        .filter(|row| is_alive(row, at))
        .map(|row| SessionResource {
            id: SessionId(row.id),
            browser: user_agent::in_words(&row.user_agent),
            peer: row.peer,
            signed_in_at: Timestamp(row.created_at),
            seen_at: Timestamp(row.seen_at),
            is_current: row.id == who.session().0,
        })
        .collect();
    // To the minute the order of the others is chance; the reader's own place is not.
    sessions.sort_by_key(|session| !session.is_current);
    Ok(sessions)
}

/// Signs the caller out.
///
/// # Errors
/// When the database does not answer.
pub async fn end(db: &Db, who: &SignedIn) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    if let Some(session) = own(&tx, who, who.session()).await? {
        tx.delete(session).await?;
    }
    tx.commit_and_tell_after(ANSWER_ARRIVES).await
}

/// Signs another browser of the caller's out.
///
/// # Errors
/// `NotFound` for a session that is over or is somebody else's: nobody learns which.
pub async fn revoke(db: &Db, who: &SignedIn, id: SessionId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let Some(session) = own(&tx, who, id).await? else {
        return Err(ApiError::NotFound.into());
    };
    let sentence = format!(
        "Sign out {} at {}",
        user_agent::in_words(&session.user_agent),
        session.peer
    );
    audit::record_of_account(&mut tx, &who.into(), sentence).await?;
    tx.delete(session).await?;
    tx.commit_and_tell_after(ANSWER_ARRIVES).await
}

/// Signs every other browser of the caller's out; tells how many they were.
///
/// # Errors
/// When the database does not answer.
pub async fn end_others(db: &Db, who: &SignedIn) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    audit::record_of_account(&mut tx, &who.into(), "Sign out everywhere else").await?;
    let ended = end_all_of(&mut tx, who.user(), Some(who.session())).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Signs every browser of the caller's out, this one too.
///
/// # Errors
/// When the database does not answer.
pub async fn end_everywhere(db: &Db, who: &SignedIn) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    audit::record_of_account(&mut tx, &who.into(), "Sign out everywhere").await?;
    end_all_of(&mut tx, who.user(), None).await?;
    tx.commit_and_tell_after(ANSWER_ARRIVES).await
}

/// How long events wait for the answer that takes a cookie away or brings another one.
pub(crate) const ANSWER_ARRIVES: std::time::Duration = std::time::Duration::from_secs(1);

/// Ends the sessions of an account but the one to keep; tells how many.
pub(crate) async fn end_all_of(
    tx: &mut Tx,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<u64, Error> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user.0))
        .all(tx.reads())
        .await?;
    let (at, mut ended) = (now(), 0);
    for row in rows {
        if keep.is_some_and(|keep| keep.0 == row.id) {
            continue;
        }
        ended += u64::from(is_alive(&row, at));
        tx.delete(row).await?;
    }
    Ok(ended)
}

/// Gives the caller's session another token; the old one opens nothing any more.
pub(crate) async fn rotate(tx: &mut Tx, who: &SignedIn) -> Result<SessionToken, Error> {
    let Some(session) = own(tx, who, who.session()).await? else {
        return Err(ApiError::SignedOut.into());
    };
    let token = random_token();
    let stored = hash(token.expose_secret());
    tx.update(&session, |row| row.token_hash = stored).await?;
    Ok(SessionToken(token))
}

async fn own(tx: &Tx, who: &SignedIn, id: SessionId) -> Result<Option<session::Model>, Error> {
    Ok(session::Entity::find_by_id(id.0)
        .filter(session::Column::UserId.eq(who.user().0))
        .one(tx.reads())
        .await?)
}

/// Signing out in between must not bring a session back, and of many requests at once one writes.
async fn note_seen(db: &Db, id: i64) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let at = tx.at().0;
    if let Some(current) = session::Entity::find_by_id(id).one(tx.reads()).await?
        && at - current.seen_at > SEEN_STEP_MS
    {
        tx.update(&current, |row| row.seen_at = at).await?;
    }
    tx.commit().await
}

/// Which sessions were over already at this time.
pub(crate) fn dead_since(at: i64) -> Condition {
    Condition::any()
        .add(session::Column::ExpiresAt.lte(at))
        .add(session::Column::SeenAt.lte(at - IDLE_MS))
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
