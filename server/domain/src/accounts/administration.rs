//! What the administrator, or whoever runs commands on the panel's machine, can do to accounts.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wire::accounts::{AccountSummary, Password};
use wire::{ApiError, Timestamp, UserId};

use super::passwords;
use crate::access::Administrator;
use crate::audit::{self, Actor};
use crate::entities::{server, user};
use crate::{Db, Error, sessions, words};

/// All accounts, the oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, _proof: &Administrator) -> Result<Vec<AccountSummary>, Error> {
    summaries(db).await
}

/// All accounts, for the command line.
///
/// # Errors
/// When the database does not answer.
pub async fn summaries(db: &Db) -> Result<Vec<AccountSummary>, Error> {
    user::Entity::find()
        .order_by_asc(user::Column::Id)
        .all(db.reads())
        .await?
        .into_iter()
        .map(|row| {
            Ok(AccountSummary {
                id: UserId(row.id),
                role: words::role(&row.role)?,
                name: row.name,
                email: row.email,
                created_at: Timestamp(row.created_at),
            })
        })
        .collect()
}

/// Removes an account; its sessions end.
///
/// # Errors
/// A sentence for the typed e-mail when it is another one; `Conflict` while the account owns servers,
/// and for the administrator's own.
pub async fn remove(
    db: &Db,
    by: &Administrator,
    id: UserId,
    confirm_email: &str,
) -> Result<(), Error> {
    let who = by.who();
    if id == who.user() {
        return Err(Error::conflict(
            "This is your own account. Without it nobody could invite others.",
        ));
    }
    let mut tx = db.begin().await?;
    let Some(user) = user::Entity::find_by_id(id.0).one(tx.reads()).await? else {
        return Err(ApiError::NotFound.into());
    };
    if confirm_email.trim().to_lowercase() != user.email {
        let message = format!("Type {} to remove it.", user.email);
        return Err(ApiError::field("confirm_email", message).into());
    }
    let servers = server::Entity::find()
        .filter(server::Column::OwnerId.eq(user.id))
        .order_by_asc(server::Column::Name)
        .all(tx.reads())
        .await?;
    if !servers.is_empty() {
        let names: Vec<_> = servers.into_iter().map(|server| server.name).collect();
        return Err(Error::conflict(format!(
            "{} still owns {}. Servers are taken out of the panel by their owner; when that is done, \
             the account can be removed.",
            user.name,
            in_a_row(&names)
        )));
    }
    let sentence = format!("Remove the account {}", user.email);
    audit::record_of_account(&mut tx, &who.into(), sentence).await?;
    // Sessions and invitations go with it by their foreign keys.
    tx.delete(user).await?;
    tx.commit().await
}

/// Gives an account another password and ends all its sessions; tells how many those were.
///
/// # Errors
/// `NotFound` when no account has this e-mail.
pub async fn reset_password(db: &Db, email: &str, password: &Password) -> Result<u64, Error> {
    let hash = passwords::hash(password.expose().to_owned()).await?;
    let mut tx = db.begin().await?;
    let Some(user) = user::Entity::find()
        .filter(user::Column::Email.eq(email.trim().to_lowercase()))
        .one(tx.reads())
        .await?
    else {
        return Err(ApiError::NotFound.into());
    };
    tx.update(&user, |row| row.password_hash = hash).await?;
    let ended = sessions::end_all_of(&mut tx, UserId(user.id), None).await?;
    let sentence = format!("Reset the password of {}", user.email);
    audit::record_of_account(&mut tx, &Actor::CommandLine, sentence).await?;
    tx.commit().await?;
    Ok(ended)
}

/// `web-1`, `web-1 and web-2`, `web-1, web-2 and 7 more`.
fn in_a_row(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::in_a_row;

    #[test]
    fn many_servers_do_not_make_a_long_sentence() {
        let names: Vec<_> = (1..=9).map(|number| format!("web-{number}")).collect();
        assert_eq!(in_a_row(&names[..1]), "web-1");
        assert_eq!(in_a_row(&names[..3]), "web-1, web-2 and web-3");
        assert_eq!(in_a_row(&names), "web-1, web-2 and 7 more");
    }
}
