//! Whether the key file is the one of this database. A sentence is sealed into the database at the
//! first start, so that a wrong key is noticed also while the panel holds no server yet.

use sea_orm::{DatabaseConnection, EntityTrait, QuerySelect, Set};
use secrecy::SecretString;

use crate::entities::{server, setting};
use crate::secrets::{Place, Secrets};
use crate::servers::private_key_place;
use crate::{Db, Error, broadcasting};

const NAME: &str = "key_check";
const PLACE: Place = Place {
    table: "settings",
    row: 0,
    column: NAME,
};

/// Asked once, at the start of the process; seals the sentence if the database has none.
///
/// # Errors
/// A sentence when the key file does not open what the database holds.
pub async fn at_start(db: &Db, secrets: &Secrets) -> Result<(), Error> {
    if opens(db.reads(), secrets).await?.has_sentence {
        return Ok(());
    }
    let sealed = secrets.seal(PLACE, &SecretString::from("the key of this database"))?;
    let mut tx = db.begin().await?;
    // Another panel on a shared database may have been quicker; then its key is the one to fit.
    if let Some(row) = setting::Entity::find_by_id(NAME).one(tx.reads()).await? {
        return secrets.open(PLACE, &row.value).map(drop);
    }
    tx.insert(setting::ActiveModel {
        name: Set(NAME.to_owned()),
        value: Set(sealed),
    })
    .await?;
    tx.commit().await
}

/// What the key file has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub has_sentence: bool,
    /// Private keys of servers; each was opened.
    pub servers: usize,
}

/// Opens everything that stays sealed in the database, and forgets it at once.
///
/// # Errors
/// A sentence that names the first secret that does not open.
pub async fn opens(conn: &DatabaseConnection, secrets: &Secrets) -> Result<Opened, Error> {
    let sentence = setting::Entity::find_by_id(NAME).one(conn).await?;
    if let Some(row) = &sentence {
        secrets.open(PLACE, &row.value)?;
    }
    broadcasting::opens(conn, secrets).await?;
    // Only two columns: a database from an older version may not have the others yet.
    let keys: Vec<(i64, String)> = server::Entity::find()
        .select_only()
        .columns([server::Column::Id, server::Column::SealedPrivateKey])
        .into_tuple()
        .all(conn)
        .await?;
    for (id, sealed) in &keys {
        secrets.open(private_key_place(*id), sealed)?;
    }
    Ok(Opened {
        has_sentence: sentence.is_some(),
        servers: keys.len(),
    })
}
