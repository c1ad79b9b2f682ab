//! Whether the panel gets in, and what is stored of that.

use sea_orm::EntityTrait;
use secrecy::SecretString;
use wire::servers::{CheckedConnection, Connection};
use wire::{ApiError, ServerId};

use super::{find, private_key, row};
use crate::access::{OwnedServer, SignedIn};
use crate::db::Tx;
use crate::entities::server;
use crate::prober::CheckError;
use crate::{Db, Error, Panel, provisioning, words};

/// Tries to get in now and stores how it went.
///
/// # Errors
/// When the database does not answer; that the server refuses is no error here.
pub async fn check(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
) -> Result<CheckedConnection, Error> {
    panel.limits.probe(who.user())?;
    check_row(panel, &server.0).await
}

/// Stores how an attempt to come in with the key went; a server that is seen for the first time is also
/// asked what it offers.
///
/// # Errors
/// When the database does not answer.
pub async fn came_in(
    panel: &Panel,
    server: &server::Model,
    key: SecretString,
    result: Result<(), CheckError>,
) -> Result<(), Error> {
    if result.is_ok() {
        provisioning::survey(panel, server, key).await?;
    }
    record_connection(&panel.db, ServerId(server.id), result).await
}

/// Stores how an attempt to connect went.
///
/// # Errors
/// When the database does not answer.
pub async fn record_connection(
    db: &Db,
    id: ServerId,
    result: Result<(), CheckError>,
) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    if let Some(row) = server::Entity::find_by_id(id.0).one(tx.reads()).await? {
        store_connection(&mut tx, &row, result).await?;
    }
    tx.commit().await
}

/// Checks the connection without being waited for, after something about it was changed.
pub(super) fn check_soon(panel: &Panel, id: ServerId) {
    let panel = panel.clone();
    tokio::spawn(async move {
        let checked = match row(&panel.db, id).await {
            Ok(row) => check_row(&panel, &row).await,
            Err(error) => Err(error),
        };
        match checked {
            // How it went stands with the server; a server that is gone needs none.
            Ok(_) | Err(Error::Known(ApiError::NotFound)) => {}
            Err(error) => tracing::error!(server = id.0, %error, "could not check a connection"),
        }
    });
}

async fn check_row(panel: &Panel, checked: &server::Model) -> Result<CheckedConnection, Error> {
    let key = private_key(panel, checked)?;
    let result = panel.prober.check(checked, key.clone()).await;
    if result.is_ok() {
        provisioning::survey(panel, checked, key).await?;
    }
    let mut tx = panel.db.begin().await?;
    let row = find(&tx, ServerId(checked.id)).await?;
    let is_same = |row: &server::Model| {
        row.address == checked.address
            && row.port == checked.port
            && row.user == checked.user
            && row.host_key == checked.host_key
    };
    // While it was on its way, the server may have been given another address: then it says nothing.
    let row = if is_same(&row) {
        store_connection(&mut tx, &row, result).await?
    } else {
        row
    };
    let at = tx.at();
    tx.commit().await?;
    Ok(CheckedConnection {
        connection: words::connection(&row.connection)?,
        error: row.connection_error,
        checked_at: at,
    })
}

async fn store_connection(
    tx: &mut Tx,
    row: &server::Model,
    result: Result<(), CheckError>,
) -> Result<server::Model, Error> {
    let before = words::connection(&row.connection)?;
    let (connection, error, found) = match (result, before) {
        (Ok(()), _) => (Connection::Connected, None, None),
        // Nobody has pasted the line yet: that is no failure. A server whose host key had changed was most likely
        // installed anew and has lost the panel's key with it: the line is what helps there, too.
        (Err(CheckError::KeyRefused(_)), Connection::AwaitingKey | Connection::HostKeyChanged) => {
            (Connection::AwaitingKey, None, None)
        }
        (Err(CheckError::Other(sentence)), Connection::AwaitingKey) => {
            (Connection::AwaitingKey, Some(sentence), None)
        }
        (Err(CheckError::HostKeyChanged { message, found }), _) => {
            (Connection::HostKeyChanged, Some(message), found)
        }
        (Err(CheckError::KeyRefused(sentence)), Connection::Connected | Connection::Failed)
        | (
            Err(CheckError::Other(sentence)),
            Connection::Connected | Connection::Failed | Connection::HostKeyChanged,
        ) => (Connection::Failed, Some(sentence), None),
    };
    let at = tx.at().0;
    tx.update(row, |row| {
        row.connection = connection.as_str().to_owned();
        row.connection_error = error;
        row.connection_checked_at = Some(at);
        row.found_host_key = found;
    })
    .await
}
