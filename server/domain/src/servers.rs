//! Servers: adding, looking, changing, provisioning, rebooting, removing.

mod connection;
mod edit;
mod host_key;
mod provision;
mod reboot;

use sea_orm::{ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use secrecy::SecretString;
use wire::operations::OperationKind;
use wire::servers::{
    Address, Connection, HostKeyResource, NewServer, RemovedServer, ServerResource, ServerSummary,
    SshPort,
};
use wire::{ApiError, OperationId, ServerId, Timestamp};

use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::server;
use crate::secrets::Place;
use crate::{Db, Error, Panel, authorize, operations, provisioning, words};

pub use self::connection::{came_in, check, record_connection};
pub use self::edit::update;
pub use self::host_key::accept_host_key;
pub use self::provision::request_provisioning;
pub(crate) use self::provision::{
    provisioning_did_not_end, refuse_without_a_way_in, set_provision_status,
};
pub use self::reboot::request_reboot;

/// The caller's servers, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &Db, who: &SignedIn) -> Result<Vec<ServerSummary>, Error> {
    let rows = server::Entity::find()
        .filter(server::Column::OwnerId.eq(who.user().0))
        .order_by_asc(server::Column::Name)
        .order_by_asc(server::Column::Id)
        .all(db.reads())
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let busy = operations::under_way(db.reads(), &ids).await?;
    rows.iter()
        .map(|row| summary_of(row, busy.get(&row.id).copied()))
        .collect()
}

/// A server with all that its page shows.
///
/// # Errors
/// When the database does not answer.
pub async fn show(panel: &Panel, server: &OwnedServer) -> Result<ServerResource, Error> {
    let row = &server.0;
    let read_host_key = |line: &String| panel.prober.read_host_key(line).map_err(Error::Internal);
    Ok(ServerResource {
        summary: summary(&panel.db, server).await?,
        notes: row.notes.clone(),
        host_key: read_host_key(&row.host_key)?,
        found_host_key: row.found_host_key.as_ref().map(read_host_key).transpose()?,
        reboot_required: row.reboot_required,
        authorize_command: panel.prober.authorize_command(&row.public_key),
        created_at: Timestamp(row.created_at),
        software: provisioning::software(row)?,
        authorization: authorize::latest(panel, server).await?,
        provisioning: operations::latest(&panel.db, server.id(), OperationKind::Provision).await?,
        recent_operations: operations::recent(&panel.db, server.id()).await?,
    })
}

/// Asks a server for its host key, before it is added.
///
/// # Errors
/// A sentence that tells why the server does not answer.
pub async fn host_key(
    panel: &Panel,
    who: &SignedIn,
    address: &Address,
    port: SshPort,
) -> Result<HostKeyResource, Error> {
    panel.limits.probe(who.user())?;
    Ok(panel.prober.host_key(address, port).await?)
}

/// Records a server and makes its key pair; nothing is sent to it.
///
/// # Errors
/// A sentence for each field that cannot be used.
pub async fn add(panel: &Panel, who: &SignedIn, new: NewServer) -> Result<ServerId, Error> {
    panel.prober.refuse_address(&new.address, new.port)?;
    let host_key = panel
        .prober
        .read_host_key(&new.host_key)
        .map_err(|message| ApiError::field("host_key", message))?;
    let keys = panel.prober.new_key_pair().map_err(Error::Internal)?;
    let mut tx = panel.db.begin().await?;
    let same = server::Entity::find()
        .filter(server::Column::OwnerId.eq(who.user().0))
        .filter(server::Column::Address.eq(new.address.as_str()))
        .filter(server::Column::Port.eq(i32::from(new.port.get())))
        .one(tx.reads())
        .await?;
    if let Some(same) = same {
        let message = format!("{} has this address and port already.", same.name);
        return Err(ApiError::field("address", message).into());
    }
    let at = tx.at().0;
    let row = tx
        .insert(server::ActiveModel {
            id: NotSet,
            owner_id: Set(who.user().0),
            name: Set(new.name.as_str().to_owned()),
            address: Set(new.address.as_str().to_owned()),
            port: Set(i32::from(new.port.get())),
            user: Set(new.user.as_str().to_owned()),
            host_key: Set(host_key.host_key),
            public_key: Set(keys.public),
            sealed_private_key: Set(String::new()),
            os: Set(None),
            connection: Set(Connection::AwaitingKey.as_str().to_owned()),
            connection_error: Set(None),
            connection_checked_at: Set(None),
            provision_status: Set(None),
            firewall_installed: Set(None),
            firewall_enabled: Set(None),
            sshd_ports: Set(None),
            provision_choices: Set(None),
            php_offered: Set(None),
            installed: Set(None),
            created_at: Set(at),
            updated_at: Set(at),
            provider: Set(None),
            notes: Set(String::new()),
            found_host_key: Set(None),
            reboot_required: Set(None),
            time_zone: Set(None),
            clock_ahead: Set(None),
            scheduler_running: Set(None),
        })
        .await?;
    // The seal is bound to the row's id, which exists only now.
    let sealed = panel
        .secrets
        .seal(private_key_place(row.id), &keys.private)?;
    let row = tx
        .update(&row, |row| row.sealed_private_key = sealed)
        .await?;
    let sentence = format!("Add server {}", row.name);
    audit::record(
        &mut tx,
        &who.into(),
        ServerId(row.id),
        Topic::Server,
        sentence,
    )
    .await?;
    tx.commit().await?;
    Ok(ServerId(row.id))
}

/// Takes a server out of the panel. Its key is taken off the server if that can be reached; what
/// runs there stays.
///
/// # Errors
/// A sentence for the name when it is not the server's; `Conflict` while an operation is under way.
pub async fn remove(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    confirm_name: &str,
) -> Result<RemovedServer, Error> {
    if confirm_name.trim() != server.name() {
        let message = format!("Type {} to remove it.", server.name());
        return Err(ApiError::field("confirm_name", message).into());
    }
    let mut tx = panel.db.begin().await?;
    refuse_while_busy(tx.reads(), server.id()).await?;
    let row = find(&tx, server.id()).await?;
    let key = if row.connection == Connection::AwaitingKey.as_str() {
        None
    } else {
        Some(private_key(panel, &row)?)
    };
    let sentence = format!("Remove server {}", row.name);
    audit::record(&mut tx, &who.into(), server.id(), Topic::Server, sentence).await?;
    // Rules, operations, steps and output go with it by their foreign keys.
    tx.delete(row.clone()).await?;
    tx.commit().await?;
    // Only now: a removal that is refused after all must not have locked the panel out. In a task of its own, as a browser
    // that goes away takes this future with it.
    let panel = panel.clone();
    let forgetting = tokio::spawn(async move { forget_key(&panel, &row, key).await });
    let key_stays = forgetting
        .await
        .unwrap_or_else(|error| Some(error.to_string()));
    Ok(RemovedServer { key_stays })
}

/// Takes the panel's key off a server that it no longer knows; says why it stays there, if it does.
async fn forget_key(
    panel: &Panel,
    row: &server::Model,
    key: Option<SecretString>,
) -> Option<String> {
    let reason = panel.prober.forget_key(row, key?).await.err()?;
    tracing::warn!(
        server = row.id,
        reason,
        "the panel's key stays on a removed server"
    );
    Some(reason)
}

/// A server's row for the worker.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn row(db: &Db, id: ServerId) -> Result<server::Model, Error> {
    server::Entity::find_by_id(id.0)
        .one(db.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))
}

/// The private key of a server, opened.
///
/// # Errors
/// When the key file is not the one it was sealed with.
pub fn private_key(panel: &Panel, row: &server::Model) -> Result<SecretString, Error> {
    panel
        .secrets
        .open(private_key_place(row.id), &row.sealed_private_key)
}

pub(crate) async fn summary(db: &Db, server: &OwnedServer) -> Result<ServerSummary, Error> {
    let busy = operations::under_way(db.reads(), &[server.0.id]).await?;
    summary_of(&server.0, busy.get(&server.0.id).copied())
}

/// Where a server's private key is sealed.
pub(crate) fn private_key_place(row: i64) -> Place {
    Place {
        table: "servers",
        row,
        column: "sealed_private_key",
    }
}

pub(crate) async fn find(tx: &Tx, id: ServerId) -> Result<server::Model, Error> {
    server::Entity::find_by_id(id.0)
        .one(tx.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))
}

async fn refuse_while_busy(
    conn: &impl sea_orm::ConnectionTrait,
    id: ServerId,
) -> Result<(), Error> {
    if operations::under_way(conn, &[id.0]).await?.is_empty() {
        return Ok(());
    }
    Err(Error::conflict(
        "An operation is under way on this server; remove it when that has ended.",
    ))
}

fn summary_of(row: &server::Model, busy_with: Option<OperationId>) -> Result<ServerSummary, Error> {
    Ok(ServerSummary {
        id: ServerId(row.id),
        name: row.name.clone(),
        address: row.address.clone(),
        port: u16::try_from(row.port).map_err(|_| Error::Corrupt {
            what: "port",
            word: row.port.to_string(),
        })?,
        user: row.user.clone(),
        provider: row.provider.clone(),
        os: row.os.clone(),
        connection: words::connection(&row.connection)?,
        connection_error: row.connection_error.clone(),
        connection_checked_at: row.connection_checked_at.map(Timestamp),
        provision_status: row
            .provision_status
            .as_deref()
            .map(words::status)
            .transpose()?,
        busy_with,
        updated_at: Timestamp(row.updated_at),
    })
}
