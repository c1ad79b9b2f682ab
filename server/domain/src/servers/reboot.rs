//! Rebooting a server.

use wire::OperationId;
use wire::operations::OperationKind;

use super::find;
use super::provision::refuse_without_a_way_in;
use crate::access::{OwnedServer, SignedIn};
use crate::queue::{self, NewOperation};
use crate::{Db, Error, operations};

/// Queues a reboot; it waits for what is under way on the server.
///
/// # Errors
/// `Conflict` while the panel cannot get in, or while another reboot is queued or running.
pub async fn request_reboot(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
) -> Result<OperationId, Error> {
    let mut tx = db.begin().await?;
    let row = find(&tx, server.id()).await?;
    refuse_without_a_way_in(&row)?;
    if operations::is_under_way(&tx, server.id(), OperationKind::Reboot).await? {
        return Err(Error::conflict("This server is being rebooted already."));
    }
    let at = tx.at().0;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Reboot,
            resource_id: None,
            title: format!("Reboot {}", row.name),
            prior_status: None,
            // With the operation's id it names this reboot among all that the server ever hears of, also from a
            // panel whose database was put back to an older state.
            payload: Some(at.to_string()),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(operation)
}
