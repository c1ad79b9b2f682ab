//! Deciding about a host key that is not the pinned one.

use wire::ApiError;
use wire::servers::edit::AcceptHostKeyInput;
use wire::servers::{Connection, HostKeyResource};

use super::connection::check_soon;
use super::find;
use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::server;
use crate::{Error, Panel};

/// Pins the key that a check found in place of the pinned one, and checks the connection anew.
///
/// # Errors
/// A sentence for the name when it is not the server's; `Conflict` when the key that was shown is not the one that
/// was found last.
pub async fn accept_host_key(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    input: &AcceptHostKeyInput,
) -> Result<(), Error> {
    confirm_name(server, &input.confirm_name)?;
    let mut tx = panel.db.begin().await?;
    let row = find(&tx, server.id()).await?;
    if row.found_host_key.as_deref() != Some(input.host_key.as_str()) {
        return Err(Error::conflict(
            "What the server shows has changed meanwhile. Look at its fingerprint again.",
        ));
    }
    let (old, new) = (read(panel, &row.host_key)?, read(panel, &input.host_key)?);
    record_acceptance(&mut tx, who, &row, &old, &new).await?;
    let at = tx.at().0;
    tx.update(&row, |row| {
        pin(row, &new);
        row.updated_at = at;
    })
    .await?;
    tx.commit().await?;
    check_soon(panel, server.id());
    Ok(())
}

/// Accepting a key asks for the name, so that nobody does it in passing.
pub(super) fn confirm_name(server: &OwnedServer, typed: &str) -> Result<(), Error> {
    if typed.trim() == server.name() {
        return Ok(());
    }
    let message = format!("Type {} to accept the new key.", server.name());
    Err(ApiError::field("confirm_name", message).into())
}

/// A server with another host key was most likely installed anew, without the panel's key: it is let in again by the
/// same line as at first. If the key is still there, the check that follows finds out.
pub(super) fn pin(row: &mut server::Model, key: &HostKeyResource) {
    row.host_key.clone_from(&key.host_key);
    wait_for_the_key(row);
}

/// Forgets what was known about the way in.
pub(super) fn wait_for_the_key(row: &mut server::Model) {
    row.found_host_key = None;
    row.connection = Connection::AwaitingKey.as_str().to_owned();
    row.connection_error = None;
}

/// The decision, for the record.
pub(super) async fn record_acceptance(
    tx: &mut Tx,
    who: &SignedIn,
    row: &server::Model,
    old: &HostKeyResource,
    new: &HostKeyResource,
) -> Result<(), Error> {
    let sentence = format!(
        "Accept host key {} {} of {} in place of {} {}",
        new.algorithm, new.fingerprint, row.name, old.algorithm, old.fingerprint
    );
    let server = wire::ServerId(row.id);
    audit::record(tx, &who.into(), server, Topic::Server, sentence).await
}

/// Reads a stored host key.
pub(super) fn read(panel: &Panel, host_key: &str) -> Result<HostKeyResource, Error> {
    panel
        .prober
        .read_host_key(host_key)
        .map_err(Error::Internal)
}
