//! Invitations: a single-use link, its token a hash in the database, good for 48 hours.

use sea_orm::sea_query::SimpleExpr;
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, Set,
};
use secrecy::ExposeSecret;
use wire::accounts::Email;
use wire::invitations::{Acceptance, InvitationLink, InvitationResource, InvitationState};
use wire::{ApiError, InvitationId, Timestamp, UserId};

use crate::access::{Administrator, Caller};
use crate::db::now;
use crate::entities::{invitation, user};
use crate::sessions::{self, SessionToken, hash, random_token};
use crate::{Db, Error, Panel, Tx, accounts, audit};

const VALID_MS: i64 = 48 * 3_600_000;
/// A link that opens nothing any more says why for this long; then it is forgotten.
const REMEMBERED_MS: i64 = 30 * 24 * 3_600_000;
/// An administrator's browser in the wrong hands must not fill the table.
const MOST_OPEN: u64 = 100;

/// Invites somebody. An earlier invitation for the same e-mail ends: its link may be lost.
///
/// # Errors
/// A sentence for the e-mail when an account has it; `Conflict` when too many are open.
pub async fn create(
    panel: &Panel,
    by: &Administrator,
    email: &Email,
) -> Result<InvitationLink, Error> {
    let who = by.who();
    let token = random_token();
    let stored = hash(token.expose_secret());
    let mut tx = panel.db.begin().await?;
    if has_account(tx.reads(), email.as_str()).await? {
        return Err(ApiError::field("email", "An account has this e-mail already.").into());
    }
    forget_old(&mut tx).await?;
    let at = tx.at().0;
    for earlier in unused().all(tx.reads()).await? {
        if earlier.email == email.as_str() {
            tx.update(&earlier, |row| row.revoked_at = Some(at)).await?;
        }
    }
    if unused().count(tx.reads()).await? >= MOST_OPEN {
        return Err(Error::conflict(format!(
            "{MOST_OPEN} invitations are open. Withdraw those that nobody will use."
        )));
    }
    let expires_at = at + VALID_MS;
    tx.insert(invitation::ActiveModel {
        id: NotSet,
        email: Set(email.as_str().to_owned()),
        token_hash: Set(stored),
        invited_by: Set(who.user().0),
        created_at: Set(at),
        expires_at: Set(expires_at),
        used_at: Set(None),
        revoked_at: Set(None),
    })
    .await?;
    let sentence = format!("Invite {}", email.as_str());
    audit::record_of_account(&mut tx, &who.into(), sentence).await?;
    tx.commit().await?;
    Ok(InvitationLink {
        email: email.as_str().to_owned(),
        // The address people type, never what a request says of itself. The fragment stays in the
        // browser: no log, no proxy and no Referer holds the token.
        link: format!("{}/invitation#{}", panel.public_url, token.expose_secret()),
        expires_at: Timestamp(expires_at),
    })
}

/// The invitations that nobody has used or withdrawn, the newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, _proof: &Administrator) -> Result<Vec<InvitationResource>, Error> {
    let at = now().0;
    let rows = unused()
        .order_by_desc(invitation::Column::Id)
        .all(db.reads())
        .await?;
    let mut invitations = Vec::with_capacity(rows.len());
    for row in rows {
        invitations.push(InvitationResource {
            id: InvitationId(row.id),
            email: row.email,
            invited_by: name_of(db, UserId(row.invited_by)).await?,
            invited_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            is_expired: at >= row.expires_at,
        });
    }
    Ok(invitations)
}

/// Withdraws an invitation; its link opens nothing from then on.
///
/// # Errors
/// `NotFound` when it was used or withdrawn already.
pub async fn revoke(db: &Db, by: &Administrator, id: InvitationId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let at = tx.at().0;
    let Some(row) = unused()
        .filter(invitation::Column::Id.eq(id.0))
        .one(tx.reads())
        .await?
    else {
        return Err(ApiError::NotFound.into());
    };
    let sentence = format!("Withdraw the invitation of {}", row.email);
    audit::record_of_account(&mut tx, &by.who().into(), sentence).await?;
    tx.update(&row, |row| row.revoked_at = Some(at)).await?;
    tx.commit().await
}

/// What a link is good for, for whoever holds it.
///
/// # Errors
/// `TooMany` for a stranger who tries tokens.
pub async fn show(panel: &Panel, caller: &Caller, token: &str) -> Result<InvitationState, Error> {
    panel.limits.invitation(caller.peer)?;
    let Some(row) = by_token(panel.db.reads(), token).await? else {
        return Ok(InvitationState::Unknown);
    };
    let invited_by = name_of(&panel.db, UserId(row.invited_by)).await?;
    Ok(state_of(&row, invited_by, now()))
}

/// Makes the invited account and signs it in. Of two at once, one does.
///
/// # Errors
/// `Conflict` with the reason when the link opens nothing any more.
pub async fn accept(
    panel: &Panel,
    caller: &Caller,
    acceptance: Acceptance,
) -> Result<SessionToken, Error> {
    panel.limits.invitation(caller.peer)?;
    // Before the hash: strangers must not make the panel work.
    still_open(by_token(panel.db.reads(), &acceptance.token).await?, now())?;
    let password_hash = accounts::hash_password(&acceptance.password).await?;
    let mut tx = panel.db.begin().await?;
    let at = tx.at();
    let row = still_open(by_token(tx.reads(), &acceptance.token).await?, at)?;
    if has_account(tx.reads(), &row.email).await? {
        return Err(Error::conflict(
            "An account with the invited e-mail exists already. Sign in with it.",
        ));
    }
    tx.update(&row, |row| row.used_at = Some(at.0)).await?;
    let user = accounts::insert_member(&mut tx, acceptance.name, row.email, password_hash).await?;
    audit::record_of_account(&mut tx, &accounts::actor(&user), "Accept the invitation").await?;
    let session = sessions::begin(&mut tx, UserId(user.id), caller).await?;
    tx.commit().await?;
    Ok(session)
}

fn unused() -> sea_orm::Select<invitation::Entity> {
    invitation::Entity::find()
        .filter(invitation::Column::UsedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null())
}

async fn by_token(
    conn: &impl ConnectionTrait,
    token: &str,
) -> Result<Option<invitation::Model>, Error> {
    Ok(invitation::Entity::find()
        .filter(invitation::Column::TokenHash.eq(hash(token)))
        .one(conn)
        .await?)
}

fn still_open(row: Option<invitation::Model>, at: Timestamp) -> Result<invitation::Model, Error> {
    let state = match &row {
        None => InvitationState::Unknown,
        Some(row) => state_of(row, String::new(), at),
    };
    match (row, state.refusal()) {
        (Some(row), None) => Ok(row),
        (_, refusal) => Err(Error::conflict(refusal.unwrap_or_default())),
    }
}

fn state_of(row: &invitation::Model, invited_by: String, at: Timestamp) -> InvitationState {
    if row.used_at.is_some() {
        InvitationState::Used
    } else if row.revoked_at.is_some() {
        InvitationState::Revoked
    } else if at.0 >= row.expires_at {
        InvitationState::Expired
    } else {
        InvitationState::Open {
            email: row.email.clone(),
            invited_by,
            expires_at: Timestamp(row.expires_at),
        }
    }
}

async fn has_account(conn: &impl ConnectionTrait, email: &str) -> Result<bool, Error> {
    let found = user::Entity::find()
        .filter(user::Column::Email.eq(email))
        .count(conn)
        .await?;
    Ok(found > 0)
}

async fn name_of(db: &Db, id: UserId) -> Result<String, Error> {
    let user = user::Entity::find_by_id(id.0).one(db.reads()).await?;
    Ok(user.map(|user| user.name).unwrap_or_default())
}

/// Which invitations are so old that nobody need be told of them any more.
pub(crate) fn is_forgotten(at: i64) -> SimpleExpr {
    invitation::Column::ExpiresAt.lt(at - REMEMBERED_MS)
}

async fn forget_old(tx: &mut Tx) -> Result<(), Error> {
    let old = invitation::Entity::find()
        .filter(is_forgotten(tx.at().0))
        .all(tx.reads())
        .await?;
    for row in old {
        tx.delete(row).await?;
    }
    Ok(())
}
