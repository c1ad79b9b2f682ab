//! Asking for a server's provisioning, and the status that it has from that.

use wire::operations::OperationKind;
use wire::provisioning::ProvisionChoices;
use wire::servers::Connection;
use wire::{OperationId, ServerId, Status};

use super::find;
use crate::access::{OwnedServer, SignedIn};
use crate::db::Tx;
use crate::entities::server;
use crate::queue::{self, NewOperation};
use crate::{Db, Error, operations, provisioning, words};

/// Queues the provisioning of a server; again on one that is provisioned mends what is missing.
/// Without choices it goes by those of the last time.
///
/// # Errors
/// `Conflict` while it waits for the key, or while one is queued or running.
pub async fn request_provisioning(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    choices: Option<ProvisionChoices>,
) -> Result<OperationId, Error> {
    let mut tx = db.begin().await?;
    let row = find(&tx, server.id()).await?;
    refuse_without_a_way_in(&row)?;
    if operations::is_under_way(&tx, server.id(), OperationKind::Provision).await? {
        return Err(Error::conflict("This server is being provisioned already."));
    }
    let status = row
        .provision_status
        .as_deref()
        .map(words::status)
        .transpose()?;
    // A server that is active stays so until the work begins.
    if status.is_none_or(|status| status.may_become(Status::Pending)) {
        set_provision_status(&mut tx, row.id, Status::Pending).await?;
    }
    let choices = provisioning::choose(&mut tx, row.id, choices).await?;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Provision,
            resource_id: None,
            title: format!("Provision {}", row.name),
            prior_status: None,
            payload: Some(choices),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(operation)
}

/// Moves the provision status along its table.
pub(crate) async fn set_provision_status(tx: &mut Tx, id: i64, to: Status) -> Result<(), Error> {
    let row = find(tx, ServerId(id)).await?;
    let from = row
        .provision_status
        .as_deref()
        .map(words::status)
        .transpose()?;
    if from.is_some_and(|from| !from.may_become(to)) {
        return Err(Error::Internal(format!(
            "server {id} may not go from {from:?} to {to:?}"
        )));
    }
    let at = tx.at().0;
    tx.update(&row, |row| {
        row.provision_status = Some(to.as_str().to_owned());
        row.updated_at = at;
    })
    .await?;
    Ok(())
}

/// Ends a provisioning that reached no end of its own. A server that was active before stays so
/// unless the work had begun.
pub(crate) async fn provisioning_did_not_end(tx: &mut Tx, id: i64) -> Result<(), Error> {
    let row = find(tx, ServerId(id)).await?;
    let status = row
        .provision_status
        .as_deref()
        .map(words::status)
        .transpose()?;
    match status {
        Some(status) if status.may_become(Status::Failed) => {
            set_provision_status(tx, id, Status::Failed).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Work that cannot even begin is not queued.
pub(crate) fn refuse_without_a_way_in(row: &server::Model) -> Result<(), Error> {
    match words::connection(&row.connection)? {
        Connection::AwaitingKey => Err(Error::conflict(
            "The server has not accepted the panel's key yet.",
        )),
        Connection::HostKeyChanged => Err(Error::conflict(
            "The server's host key has changed. Decide on the server's page whether to accept the new one.",
        )),
        // It may be back by now; the first step finds out.
        Connection::Failed | Connection::Connected => Ok(()),
    }
}
