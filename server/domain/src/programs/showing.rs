//! What the pages show.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::programs::{LogResource, ProgramEvent, ProgramPage, ProgramResource, ProgramsResource};
use wire::{ApiError, OperationId, ProgramId, ResourceKind, Timestamp};

use super::{find, processes, settings_of};
use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Topic};
use crate::entities::{operation, program};
use crate::{Db, Error, Panel, servers, words};

/// All that the page of a server's programs shows.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, server: &OwnedServer) -> Result<ProgramsResource, Error> {
    let rows = program::Entity::find()
        .filter(program::Column::ServerId.eq(server.0.id))
        .order_by_desc(program::Column::Id)
        .all(db.reads())
        .await?;
    let operations = last_operations(db.reads(), &rows).await?;
    let mut programs = Vec::new();
    for row in rows {
        let operation = operations.get(&row.id).copied();
        programs.push(resource(db, row, operation).await?);
    }
    let events = audit::latest(db, server.id(), Topic::Programs, 10).await?;
    Ok(ProgramsResource {
        server: servers::summary(db, server).await?,
        is_ready: super::has_user(db.reads(), &server.0).await?,
        programs,
        recent_events: events
            .into_iter()
            .map(|entry| ProgramEvent {
                id: entry.id,
                sentence: entry.sentence,
                actor: entry.actor,
                at: Timestamp(entry.at),
            })
            .collect(),
    })
}

/// All that the page of one program shows.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn show_program(
    db: &Db,
    server: &OwnedServer,
    id: ProgramId,
) -> Result<ProgramPage, Error> {
    let row = find(db.reads(), server.id(), id.0).await?;
    let operations = last_operations(db.reads(), std::slice::from_ref(&row)).await?;
    let operation = operations.get(&row.id).copied();
    Ok(ProgramPage {
        server: servers::summary(db, server).await?,
        program: resource(db, row, operation).await?,
    })
}

/// What the processes of a program printed last, asked of its server now; at most 120 times a minute for a user.
///
/// # Errors
/// `Remote` with a sentence when the server does not answer.
pub async fn log(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    id: ProgramId,
) -> Result<LogResource, Error> {
    panel.limits.log(who.user())?;
    let row = find(panel.db.reads(), server.id(), id.0).await?;
    let handle = words::program_handle(&row.handle)?;
    let processes = words::process_count(row.processes)?.get();
    let key = servers::private_key(panel, &server.0)?;
    let lines = panel
        .prober
        .program_log(&server.0, key, &handle, processes)
        .await
        .map_err(|message| ApiError::Remote { message })?;
    Ok(LogResource { lines })
}

async fn resource(
    db: &Db,
    row: program::Model,
    operation_id: Option<OperationId>,
) -> Result<ProgramResource, Error> {
    let known = processes::known(db.reads(), row.id).await?;
    Ok(ProgramResource {
        id: ProgramId(row.id),
        settings: settings_of(&row)?,
        variables: row.variables.lines().map(str::to_owned).collect(),
        status: words::status(&row.status)?,
        error_log: row.error_log,
        operation_id,
        processes: known
            .into_iter()
            .map(processes::resource)
            .collect::<Result<_, _>>()?,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// The last operation of each of these programs.
async fn last_operations(
    conn: &impl ConnectionTrait,
    programs: &[program::Model],
) -> Result<HashMap<i64, OperationId>, Error> {
    let latest: Vec<(i64, i64)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::ResourceId)
        .column_as(operation::Column::Id.max(), "latest")
        .filter(operation::Column::ResourceKind.eq(ResourceKind::Program.as_str()))
        .filter(operation::Column::ResourceId.is_in(programs.iter().map(|it| it.id)))
        .group_by(operation::Column::ResourceId)
        .into_tuple()
        .all(conn)
        .await?;
    let latest = latest.into_iter();
    Ok(latest
        .map(|(id, operation)| (id, OperationId(operation)))
        .collect())
}
