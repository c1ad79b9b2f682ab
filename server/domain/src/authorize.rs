//! Letting the panel into a server with a password, once.

use secrecy::SecretString;
use wire::OperationId;
use wire::authorize::LoginPassword;
use wire::operations::{OperationKind, OperationResource};
use wire::servers::Connection;

use crate::access::{OwnedServer, SignedIn};
use crate::queue::{self, NewOperation};
use crate::{Error, Panel, operation_secrets, operations, servers};

/// Queues the operation that logs in with the password and puts the panel's key in place.
///
/// # Errors
/// `Conflict` when the panel is in already, or is just being let in; `TooMany`.
pub async fn request(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    password: LoginPassword,
) -> Result<OperationId, Error> {
    panel.limits.probe(who.user())?;
    let password = SecretString::from(password.into_inner());
    let mut tx = panel.db.begin().await?;
    let row = servers::find(&tx, server.id()).await?;
    if row.connection == Connection::Connected.as_str() {
        return Err(Error::conflict("The panel can log in already."));
    }
    let kind = OperationKind::Authorize;
    if operations::is_under_way(&tx, server.id(), kind).await? {
        return Err(Error::conflict("A password is being tried already."));
    }
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind,
            resource_id: None,
            title: format!("Put the panel's key on {}", row.name),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    operation_secrets::keep(&mut tx, &panel.secrets, operation, who.session(), &password).await?;
    tx.commit().await?;
    Ok(operation)
}

/// The latest attempt, while the panel is not in yet.
pub(crate) async fn latest(
    panel: &Panel,
    server: &OwnedServer,
) -> Result<Option<OperationResource>, Error> {
    if server.0.connection == Connection::Connected.as_str() {
        return Ok(None);
    }
    operations::latest(&panel.db, server.id(), OperationKind::Authorize).await
}
