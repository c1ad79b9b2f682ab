//! Accounts: the first one by the set-up token, others by invitation; signing in, and what an account can
//! change of itself.

mod administration;
mod passwords;
mod settings;

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    Set,
};
use secrecy::SecretString;
use wire::accounts::{NewAccount, Password, Role, SignInInput, Visitor};
use wire::{ApiError, UserId};

use crate::access::Caller;
use crate::entities::{setting, user};
use crate::sessions::{self, SessionToken, hash, random_token};
use crate::{Db, Error, Panel, Tx, audit};

pub use self::administration::{list, remove, reset_password, summaries};
pub use self::settings::{change_password, update};

const SETUP_TOKEN: &str = "setup_token_hash";

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

/// As `wire` takes them.
const LONGEST_EMAIL: usize = 254;

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
    // Looked at before the password costs a hash, and once more inside the transaction.
    waiting_for_set_up(panel.db.reads(), &new.token).await?;
    let password_hash = passwords::hash(new.password.expose().to_owned()).await?;
    let mut tx = panel.db.begin().await?;
    let token = waiting_for_set_up(tx.reads(), &new.token).await?;
    let created_at = tx.at().0;
    let user = tx
        .insert(user::ActiveModel {
            id: NotSet,
            name: Set(new.name),
            email: Set(new.email.as_str().to_owned()),
            password_hash: Set(password_hash),
            created_at: Set(created_at),
            role: Set(Role::Administrator.as_str().to_owned()),
        })
        .await?;
    tx.delete(token).await?;
    audit::record_of_account(&mut tx, &actor(&user), "Set up the panel").await?;
    let session = sessions::begin(&mut tx, UserId(user.id), caller).await?;
    tx.commit().await?;
    Ok(session)
}

/// The stored set-up token, if there is no account yet and this is it.
async fn waiting_for_set_up(
    conn: &impl ConnectionTrait,
    token: &str,
) -> Result<setting::Model, Error> {
    if user::Entity::find().count(conn).await? > 0 {
        return Err(ApiError::NotFound.into());
    }
    let stored = setting::Entity::find_by_id(SETUP_TOKEN).one(conn).await?;
    stored
        .filter(|stored| stored.value == hash(token))
        .ok_or_else(|| {
            ApiError::field(
                "token",
                "This is not the token of this panel. It stands in the server's output, after \"Setup \
                 token:\"; a restart prints a new one.",
            )
            .into()
        })
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
    // No account has a longer one; and the limits remember what they are asked about.
    if email.len() > LONGEST_EMAIL {
        return Err(wrong_password());
    }
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
        None => passwords::decoy().await?,
    };
    let fits = passwords::verify(input.password.clone(), stored).await?;
    let Some(user) = user.filter(|_| fits) else {
        return Err(wrong_password());
    };
    let mut tx = panel.db.begin().await?;
    // Hashing takes its time; a password that was replaced meanwhile begins no session.
    let still_the_same = user::Entity::find_by_id(user.id)
        .filter(user::Column::PasswordHash.eq(&user.password_hash))
        .one(tx.reads())
        .await?;
    if still_the_same.is_none() {
        return Err(wrong_password());
    }
    let session = sessions::begin(&mut tx, UserId(user.id), caller).await?;
    tx.commit().await?;
    Ok(session)
}

/// Makes an account inside a transaction; the caller has proved the right to.
pub(crate) async fn insert_member(
    tx: &mut Tx,
    name: String,
    email: String,
    password_hash: String,
) -> Result<user::Model, Error> {
    let created_at = tx.at().0;
    tx.insert(user::ActiveModel {
        id: NotSet,
        name: Set(name),
        email: Set(email),
        password_hash: Set(password_hash),
        created_at: Set(created_at),
        role: Set(Role::Member.as_str().to_owned()),
    })
    .await
}

/// The hash of a new password, for whoever makes an account.
pub(crate) async fn hash_password(password: &Password) -> Result<String, Error> {
    passwords::hash(password.expose().to_owned()).await
}

pub(crate) fn actor(user: &user::Model) -> audit::Actor {
    audit::Actor::User {
        id: UserId(user.id),
        name: user.name.clone(),
    }
}

async fn any_account(db: &Db) -> Result<bool, Error> {
    Ok(user::Entity::find().count(db.reads()).await? > 0)
}

fn wrong_password() -> Error {
    ApiError::field("password", "E-mail or password is wrong.").into()
}
