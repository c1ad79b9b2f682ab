//! What somebody can change of their own account.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::ApiError;
use wire::accounts::{AccountChange, PasswordChange};

use super::passwords;
use crate::access::SignedIn;
use crate::audit;
use crate::entities::user;
use crate::sessions::{self, ANSWER_ARRIVES, SessionToken};
use crate::{Error, Panel, Tx};

/// Changes name and e-mail.
///
/// # Errors
/// A sentence for the present password when the e-mail is another one and the password is wrong; for
/// the e-mail when another account has it.
pub async fn update(panel: &Panel, who: &SignedIn, change: AccountChange) -> Result<(), Error> {
    // Who signs in with what is decided by the e-mail; an open browser alone must not change that.
    let is_other_email = change.email.as_str() != who.account.email;
    if is_other_email {
        prove(panel, who, &change.present_password).await?;
    }
    let mut tx = panel.db.begin().await?;
    let before = find(&tx, who).await?;
    if is_other_email {
        let taken = user::Entity::find()
            .filter(user::Column::Email.eq(change.email.as_str()))
            .filter(user::Column::Id.ne(before.id))
            .one(tx.reads())
            .await?;
        if taken.is_some() {
            return Err(ApiError::field("email", "Another account has this e-mail.").into());
        }
    }
    for (what, from, to) in [
        ("name", before.name.as_str(), change.name.as_str()),
        ("e-mail", before.email.as_str(), change.email.as_str()),
    ] {
        if from != to {
            let sentence = format!("Change the {what} from {from} to {to}");
            audit::record_of_account(&mut tx, &who.into(), sentence).await?;
        }
    }
    tx.update(&before, |row| {
        row.name = change.name;
        row.email = change.email.as_str().to_owned();
    })
    .await?;
    tx.commit().await
}

/// Changes the password. Every other session ends; this one goes on under another token.
///
/// # Errors
/// A sentence for the present password when it is wrong.
pub async fn change_password(
    panel: &Panel,
    who: &SignedIn,
    change: PasswordChange,
) -> Result<SessionToken, Error> {
    prove(panel, who, &change.present_password).await?;
    let hash = passwords::hash(change.new_password.expose().to_owned()).await?;
    let mut tx = panel.db.begin().await?;
    let row = find(&tx, who).await?;
    tx.update(&row, |row| row.password_hash = hash).await?;
    sessions::end_all_of(&mut tx, who.user(), Some(who.session())).await?;
    let token = sessions::rotate(&mut tx, who).await?;
    audit::record_of_account(&mut tx, &who.into(), "Change the password").await?;
    tx.commit_and_tell_after(ANSWER_ARRIVES).await?;
    Ok(token)
}

/// Asks for the password of somebody who is signed in.
async fn prove(panel: &Panel, who: &SignedIn, present_password: &str) -> Result<(), Error> {
    wire::accounts::present_password(present_password)
        .map_err(|message| ApiError::field("present_password", message))?;
    panel.limits.present_password(who.user())?;
    let user = user::Entity::find_by_id(who.user().0)
        .one(panel.db.reads())
        .await?
        .ok_or(ApiError::SignedOut)?;
    let is_right = present_password.len() <= 1024
        && passwords::verify(present_password.to_owned(), user.password_hash).await?;
    if is_right {
        return Ok(());
    }
    Err(ApiError::field("present_password", "The current password is wrong.").into())
}

async fn find(tx: &Tx, who: &SignedIn) -> Result<user::Model, Error> {
    user::Entity::find_by_id(who.user().0)
        .one(tx.reads())
        .await?
        .ok_or(Error::Known(ApiError::SignedOut))
}
