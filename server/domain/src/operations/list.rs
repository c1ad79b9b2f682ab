//! Lists of operations, a page at a time, newest first.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use wire::operations::list::{ListedOperation, OperationFilter, OperationList, PAGE, pages};
use wire::operations::{OperationKind, OperationState};
use wire::{OperationId, ServerId, Timestamp};

use super::names;
use crate::access::{OwnedServer, SignedIn};
use crate::entities::{operation, operation_step, server};
use crate::{Db, Error, words};

/// Whose operations a list holds.
pub enum Scope<'a> {
    /// All servers of an account.
    Account(&'a SignedIn),
    Server(&'a OwnedServer),
}

/// One page; past the end it is the last one.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    db: &Db,
    scope: Scope<'_>,
    filter: OperationFilter,
    page: u64,
) -> Result<OperationList, Error> {
    let wanted = condition(&scope, filter);
    let all = operation::Entity::find().filter(wanted);
    let count = all.clone().count(db.reads()).await?;
    let page = page.clamp(1, pages(count));
    let rows = all
        .order_by_desc(operation::Column::Id)
        .offset((page - 1) * PAGE)
        .limit(PAGE)
        .all(db.reads())
        .await?;
    Ok(OperationList {
        filter,
        page,
        count,
        operations: listed(db, rows).await?,
    })
}

/// The latest operations of a server, newest first.
pub(crate) async fn recent(db: &Db, server: ServerId) -> Result<Vec<ListedOperation>, Error> {
    let rows = operation::Entity::find()
        .filter(operation::Column::ServerId.eq(server.0))
        .order_by_desc(operation::Column::Id)
        .limit(10)
        .all(db.reads())
        .await?;
    listed(db, rows).await
}

/// Which of these operations failed, are the last word about their subject, and can be begun again without
/// anybody's help.
pub(super) async fn retryable(
    conn: &impl ConnectionTrait,
    rows: &[operation::Model],
) -> Result<HashSet<i64>, Error> {
    let mut failed = Vec::new();
    for row in rows {
        let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
        let can_be = match kind {
            // Its password is gone.
            // It takes everything on the server down; that is asked for in its own dialog.
            // A command that failed is run again by whoever has looked why.
            OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask => false,
            OperationKind::Provision
            | OperationKind::Install(_)
            | OperationKind::Change(_)
            | OperationKind::Remove(_) => true,
        };
        if can_be && words::operation_state(&row.state)? == OperationState::Failed {
            failed.push(row);
        }
    }
    let Some(oldest) = failed.iter().map(|row| row.id).min() else {
        return Ok(HashSet::new());
    };
    let newer: Vec<Subject> = operation::Entity::find()
        .select_only()
        .columns([
            operation::Column::Id,
            operation::Column::ServerId,
            operation::Column::Verb,
            operation::Column::ResourceKind,
            operation::Column::ResourceId,
        ])
        .filter(operation::Column::ServerId.is_in(failed.iter().map(|row| row.server_id)))
        .filter(operation::Column::Id.gt(oldest))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(failed
        .iter()
        .filter(|row| !newer.iter().any(|newer| is_newer(newer, row)))
        .map(|row| row.id)
        .collect())
}

/// Id, server, verb, kind and id of the resource.
type Subject = (i64, i64, String, Option<String>, Option<i64>);

fn is_newer((id, server, verb, kind, resource): &Subject, row: &operation::Model) -> bool {
    let same = match &row.resource_kind {
        // Whatever is done with a resource leaves what was done before behind.
        Some(_) => *kind == row.resource_kind && *resource == row.resource_id,
        None => kind.is_none() && *verb == row.verb,
    };
    *id > row.id && *server == row.server_id && same
}

fn condition(scope: &Scope<'_>, filter: OperationFilter) -> Condition {
    let of = match scope {
        Scope::Server(server) => operation::Column::ServerId.eq(server.0.id),
        Scope::Account(who) => operation::Column::ServerId.in_subquery(
            Query::select()
                .column(server::Column::Id)
                .from(server::Entity)
                .and_where(server::Column::OwnerId.eq(who.user().0))
                .take(),
        ),
    };
    let states = filter.states();
    let in_states = (!states.is_empty()).then(|| {
        let states = states.iter().map(|state| state.as_str());
        operation::Column::State.is_in(states)
    });
    Condition::all().add(of).add_option(in_states)
}

async fn listed(db: &Db, rows: Vec<operation::Model>) -> Result<Vec<ListedOperation>, Error> {
    let names = names(db, &rows).await?;
    let servers = server_names(db.reads(), &rows).await?;
    let steps = steps_that_matter(db.reads(), &rows).await?;
    let retryable = retryable(db.reads(), &rows).await?;
    rows.into_iter()
        .map(|row| {
            Ok(ListedOperation {
                id: OperationId(row.id),
                server_id: ServerId(row.server_id),
                server_name: servers.get(&row.server_id).cloned().unwrap_or_default(),
                kind: words::operation_kind(&row.verb, row.resource_kind.as_deref())?,
                title: row.title,
                state: words::operation_state(&row.state)?,
                requested_by: names.get(&row.requested_by).cloned().unwrap_or_default(),
                created_at: Timestamp(row.created_at),
                started_at: row.started_at.map(Timestamp),
                ended_at: row.ended_at.map(Timestamp),
                step: steps.get(&row.id).cloned(),
                error: row.error,
                is_being_cancelled: row.cancel_requested_by.is_some(),
                can_retry: retryable.contains(&row.id),
            })
        })
        .collect()
}

async fn server_names(
    conn: &impl ConnectionTrait,
    rows: &[operation::Model],
) -> Result<HashMap<i64, String>, Error> {
    let ids: HashSet<i64> = rows.iter().map(|row| row.server_id).collect();
    let names: Vec<(i64, String)> = server::Entity::find()
        .select_only()
        .columns([server::Column::Id, server::Column::Name])
        .filter(server::Column::Id.is_in(ids))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(names.into_iter().collect())
}

/// The step of each that runs or has failed; the scripts stay where they are.
async fn steps_that_matter(
    conn: &impl ConnectionTrait,
    rows: &[operation::Model],
) -> Result<HashMap<i64, String>, Error> {
    let open = rows.iter().filter(|row| row.state != "succeeded");
    let steps: Vec<(i64, String)> = operation_step::Entity::find()
        .select_only()
        .columns([
            operation_step::Column::OperationId,
            operation_step::Column::Title,
        ])
        .filter(operation_step::Column::OperationId.is_in(open.map(|row| row.id)))
        .filter(operation_step::Column::Status.is_in(["running", "failed"]))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(steps.into_iter().collect())
}
