//! What became of each run, as servers report it: at once over HTTP where they reach the panel, and over SSH, from where the
//! panel collects what is left. Whichever comes first counts, and the other one changes nothing.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use sha2::{Digest, Sha256};
use wire::operations::{OperationKind, OperationState};
use wire::scheduler::{RunResource, RunState, RunsPage, Trigger};
use wire::servers::Connection;
use wire::{ApiError, RunId, ServerId, Status, TaskId, Timestamp};

use super::watch::{self, Clock};
use super::{TaskHandle, find};
use crate::access::OwnedServer;
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::{operation, scheduled_task, server, task_run};
use crate::{Db, Error, servers, words};

/// One run as its server wrote it down. Made of foreign text that was made fit for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Made on the server, once for each run.
    pub key: String,
    pub state: RunState,
    pub trigger: Trigger,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
    pub output: String,
}

/// A server whose tasks are looked after.
pub struct WatchedServer {
    pub server: server::Model,
    pub tasks: Vec<WatchedTask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedTask {
    pub id: TaskId,
    pub handle: TaskHandle,
}

/// What was found on a server beside the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its clock when it was asked.
    pub clock: Option<Timestamp>,
    pub time_zone: Option<String>,
    pub scheduler_running: Option<bool>,
    /// Whether all that there was to collect was collected: only then is something missing that is not there.
    pub is_all: bool,
}

/// How many runs a page shows.
const PAGE: u64 = 25;
/// Of each task, these many runs are kept.
const MOST_RUNS: u64 = 10_000;
/// What older runs of a task printed goes.
const MOST_OUTPUTS: u64 = 500;
/// A clock that is off by no more is as good as right.
const CLOCK_JITTER_S: i64 = 5;

/// All servers that let the panel in and have tasks on them.
///
/// # Errors
/// When the database does not answer.
pub async fn watched(db: &Db) -> Result<Vec<WatchedServer>, Error> {
    let tasks = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::TokenHash.is_not_null())
        .all(db.reads())
        .await?;
    let mut by_server = HashMap::<i64, Vec<WatchedTask>>::new();
    for task in tasks {
        let id = TaskId(task.id);
        match words::handle(&task.handle) {
            Ok(handle) => {
                let of_server = by_server.entry(task.server_id).or_default();
                of_server.push(WatchedTask { id, handle });
            }
            // One that cannot be read must not keep the others from being looked after.
            Err(error) => tracing::error!(task = id.0, %error, "a task cannot be looked after"),
        }
    }
    // One that failed may be back; nobody logs in where a decision is waited for.
    let there = [Connection::Connected, Connection::Failed];
    let rows = server::Entity::find()
        .filter(server::Column::Id.is_in(by_server.keys().copied()))
        .filter(server::Column::Connection.is_in(there.map(Connection::as_str)))
        .all(db.reads())
        .await?;
    Ok(rows
        .into_iter()
        .map(|server| WatchedServer {
            tasks: by_server.remove(&server.id).unwrap_or_default(),
            server,
        })
        .collect())
}

/// The task whose token this is.
///
/// # Errors
/// `NotFound` for a token that is none.
pub async fn by_token(db: &Db, token: &str) -> Result<(ServerId, TaskId), Error> {
    let hash = hex::encode(Sha256::digest(token));
    let row = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::TokenHash.eq(hash))
        .one(db.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))?;
    Ok((ServerId(row.server_id), TaskId(row.id)))
}

/// Keeps what a server tells of the runs of its tasks, and of itself. A run that is known to have ended stays as it is.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    db: &Db,
    server: ServerId,
    reports: &[(TaskId, RunReport)],
    found: Option<&Found>,
) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    for (task, report) in reports {
        // It may have been removed since it ran.
        match find(tx.reads(), server, task.0).await {
            Ok(task) => record_one(&mut tx, &task, report).await?,
            Err(Error::Known(ApiError::NotFound)) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(found) = found {
        note_server(&mut tx, server, found).await?;
    }
    tx.commit().await
}

async fn record_one(
    tx: &mut Tx,
    task: &scheduled_task::Model,
    report: &RunReport,
) -> Result<(), Error> {
    let known = task_run::Entity::find()
        .filter(task_run::Column::TaskId.eq(task.id))
        .filter(task_run::Column::RunKey.eq(&report.key))
        .one(tx.reads())
        .await?;
    let before = known
        .as_ref()
        .map(|row| words::run_state(&row.state))
        .transpose()?;
    match (known, before) {
        (None, _) => {
            tx.insert(task_run::ActiveModel {
                id: NotSet,
                server_id: Set(task.server_id),
                task_id: Set(task.id),
                run_key: Set(report.key.clone()),
                state: Set(report.state.as_str().to_owned()),
                began_by: Set(report.trigger.as_str().to_owned()),
                started_at: Set(report.started_at.0),
                ended_at: Set(report.ended_at.map(|at| at.0)),
                exit_code: Set(report.exit_code),
                output_bytes: Set(bytes_of(&report.output)),
                output: Set(report.output.clone()),
            })
            .await?;
        }
        // That its end was not written down is what is known of it, until somebody knows more.
        (Some(row), Some(RunState::Running | RunState::Lost)) if report.state.is_over() => {
            tx.update(&row, |row| {
                row.state = report.state.as_str().to_owned();
                row.ended_at = report.ended_at.map(|at| at.0);
                row.exit_code = report.exit_code;
                row.output_bytes = bytes_of(&report.output);
                row.output = report.output.clone();
            })
            .await?;
        }
        (Some(_), _) => return Ok(()),
    }
    if report.state.is_over() {
        note_end(tx, task.id, report).await?;
    }
    watch::ran(tx, task.id, report).await
}

/// A success is remembered, and the first failure after one is told.
async fn note_end(tx: &mut Tx, id: i64, report: &RunReport) -> Result<(), Error> {
    let Some(task) = super::row(tx.reads(), id).await? else {
        return Ok(());
    };
    if report.state == RunState::Succeeded {
        let at = report.ended_at.unwrap_or(report.started_at).0;
        tx.update(&task, |row| {
            row.last_success_at = row.last_success_at.max(Some(at));
        })
        .await?;
        return Ok(());
    }
    // Whoever runs a task by hand learns of it from that operation.
    if !report.state.is_bad() || !task.notify || report.trigger == Trigger::Panel {
        return Ok(());
    }
    let tells_nothing = [RunState::Running, RunState::Skipped, RunState::Stopped];
    let before = task_run::Entity::find()
        .select_only()
        .column(task_run::Column::State)
        .filter(task_run::Column::TaskId.eq(id))
        .filter(task_run::Column::StartedAt.lt(report.started_at.0))
        .filter(task_run::Column::State.is_not_in(tells_nothing.map(RunState::as_str)))
        .filter(
            Condition::any()
                .add(task_run::Column::BeganBy.eq(Trigger::Cron.as_str()))
                .add(task_run::Column::State.eq(RunState::Succeeded.as_str())),
        )
        .order_by_desc(task_run::Column::StartedAt)
        .limit(1)
        .into_tuple::<String>()
        .one(tx.reads())
        .await?;
    let failed_before = before
        .map(|word| words::run_state(&word))
        .transpose()?
        .is_some_and(RunState::is_bad);
    if failed_before {
        return Ok(());
    }
    let how = match (report.state, report.exit_code) {
        (RunState::TimedOut, _) => format!("stopped after {} s", task.timeout),
        (RunState::Lost, _) => "its end was never written down".to_owned(),
        (_, Some(code)) => format!("exit code {code}"),
        (_, None) => "failed".to_owned(),
    };
    let sentence = format!("Scheduled task {} failed: {how}", task.name);
    let server = ServerId(task.server_id);
    audit::alert(tx, server, Topic::Scheduler, sentence).await
}

async fn note_server(tx: &mut Tx, id: ServerId, found: &Found) -> Result<(), Error> {
    let row = servers::find(tx, id).await?;
    let ahead = found.clock.map(|clock| (clock.0 - tx.at().0) / 1000);
    let stopped = row.scheduler_running == Some(true) && found.scheduler_running == Some(false);
    let row = tx
        .update(&row, |row| {
            // The way there and back takes a while, each time another one.
            if let Some(ahead) = ahead
                && (ahead - row.clock_ahead.unwrap_or(0)).abs() > CLOCK_JITTER_S
            {
                row.clock_ahead = Some(ahead).filter(|it| it.abs() > CLOCK_JITTER_S);
            }
            if let Some(zone) = found.time_zone.as_ref().filter(|it| is_zone(it)) {
                row.time_zone = Some(zone.clone());
            }
            row.scheduler_running = found.scheduler_running.or(row.scheduler_running);
        })
        .await?;
    if stopped {
        let sentence = "Cron does not run any more: no scheduled task will start".to_owned();
        audit::alert(tx, id, Topic::Scheduler, sentence).await?;
    }
    if let (true, Some(clock)) = (found.is_all, found.clock) {
        watch::look(tx, &row, Clock(clock)).await?;
    }
    Ok(())
}

/// Whether this is the name of a time zone.
pub fn is_zone(name: &str) -> bool {
    name.len() <= 64 && jiff::tz::TimeZone::get(name).is_ok()
}

/// Runs of a task, newest first, without what they printed.
///
/// # Errors
/// `NotFound` when the task is gone.
pub async fn history(
    db: &Db,
    server: &OwnedServer,
    task: TaskId,
    before: Option<RunId>,
) -> Result<RunsPage, Error> {
    find(db.reads(), server.id(), task.0).await?;
    let mut wanted = listed().filter(task_run::Column::TaskId.eq(task.0));
    if let Some(before) = before {
        let oldest = task_run::Entity::find_by_id(before.0)
            .filter(task_run::Column::TaskId.eq(task.0))
            .one(db.reads())
            .await?
            .ok_or(Error::Known(ApiError::NotFound))?;
        wanted = wanted.filter(
            Condition::any()
                .add(task_run::Column::StartedAt.lt(oldest.started_at))
                .add(
                    Condition::all()
                        .add(task_run::Column::StartedAt.eq(oldest.started_at))
                        .add(task_run::Column::Id.lt(oldest.id)),
                ),
        );
    }
    let mut rows = newest_first(wanted)
        .limit(PAGE + 1)
        .into_model::<ListedRun>()
        .all(db.reads())
        .await?;
    let has_older = rows.len() as u64 > PAGE;
    rows.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let runs = rows.into_iter().map(ListedRun::resource);
    Ok(RunsPage {
        runs: runs.collect::<Result<_, _>>()?,
        has_older,
    })
}

/// The newest run of a task.
pub(super) async fn last(
    conn: &impl ConnectionTrait,
    task: i64,
) -> Result<Option<RunResource>, Error> {
    newest_first(listed().filter(task_run::Column::TaskId.eq(task)))
        .into_model::<ListedRun>()
        .one(conn)
        .await?
        .map(ListedRun::resource)
        .transpose()
}

/// What a run printed.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn output(
    db: &Db,
    server: &OwnedServer,
    task: TaskId,
    run: RunId,
) -> Result<String, Error> {
    let row = task_run::Entity::find_by_id(run.0)
        .filter(task_run::Column::TaskId.eq(task.0))
        .filter(task_run::Column::ServerId.eq(server.0.id))
        .one(db.reads())
        .await?
        .ok_or(Error::Known(ApiError::NotFound))?;
    Ok(row.output)
}

/// Whether somebody's wish to run a task is queued or being fulfilled.
pub(super) async fn is_asked_for(tx: &Tx, task: i64) -> Result<bool, Error> {
    let (verb, kind) = OperationKind::RunTask.as_words();
    let states = [OperationState::Queued, OperationState::Running];
    let found = operation::Entity::find()
        .filter(operation::Column::Verb.eq(verb))
        .filter(operation::Column::ResourceKind.eq(kind.map(wire::ResourceKind::as_str)))
        .filter(operation::Column::ResourceId.eq(task))
        .filter(operation::Column::State.is_in(states.map(OperationState::as_str)))
        .one(tx.reads())
        .await?;
    Ok(found.is_some())
}

/// Runs from before this time.
pub(crate) fn too_old(before: i64) -> Select<task_run::Entity> {
    task_run::Entity::find().filter(task_run::Column::StartedAt.lt(before))
}

/// Of each task, the runs beyond those that are kept.
pub(crate) async fn too_many(db: &Db) -> Result<Vec<Select<task_run::Entity>>, Error> {
    let mut old = Vec::new();
    for task in ids(db).await? {
        if let Some(kept) = nth_newest(db, task, MOST_RUNS).await? {
            old.push(older(task, kept));
        }
    }
    Ok(old)
}

/// Forgets what the older runs of each task printed; returns how many those were.
pub(crate) async fn forget_old_output(db: &Db, at_once: u64) -> Result<u64, Error> {
    let mut forgotten = 0;
    for task in ids(db).await? {
        let Some(kept) = nth_newest(db, task, MOST_OUTPUTS).await? else {
            continue;
        };
        let old = older(task, kept).filter(task_run::Column::OutputBytes.gt(0));
        while old.clone().one(db.reads()).await?.is_some() {
            let mut tx = db.begin().await?;
            for row in old.clone().limit(at_once).all(tx.reads()).await? {
                tx.update(&row, |row| {
                    row.output.clear();
                    row.output_bytes = 0;
                })
                .await?;
                forgotten += 1;
            }
            tx.commit().await?;
        }
    }
    Ok(forgotten)
}

async fn ids(db: &Db) -> Result<Vec<i64>, Error> {
    Ok(scheduled_task::Entity::find()
        .select_only()
        .column(scheduled_task::Column::Id)
        .into_tuple()
        .all(db.reads())
        .await?)
}

async fn nth_newest(db: &Db, task: i64, place: u64) -> Result<Option<i64>, Error> {
    Ok(task_run::Entity::find()
        .select_only()
        .column(task_run::Column::StartedAt)
        .filter(task_run::Column::TaskId.eq(task))
        .order_by_desc(task_run::Column::StartedAt)
        .offset(place - 1)
        .limit(1)
        .into_tuple()
        .one(db.reads())
        .await?)
}

fn older(task: i64, than: i64) -> Select<task_run::Entity> {
    task_run::Entity::find()
        .filter(task_run::Column::TaskId.eq(task))
        .filter(task_run::Column::StartedAt.lt(than))
}

/// A run without what it printed, which a list would read for nothing.
#[derive(FromQueryResult)]
struct ListedRun {
    id: i64,
    state: String,
    began_by: String,
    started_at: i64,
    ended_at: Option<i64>,
    exit_code: Option<i32>,
    output_bytes: i64,
}

impl ListedRun {
    fn resource(self) -> Result<RunResource, Error> {
        Ok(RunResource {
            id: RunId(self.id),
            state: words::run_state(&self.state)?,
            trigger: words::trigger(&self.began_by)?,
            started_at: Timestamp(self.started_at),
            ended_at: self.ended_at.map(Timestamp),
            exit_code: self.exit_code,
            output_bytes: self.output_bytes,
        })
    }
}

fn listed() -> Select<task_run::Entity> {
    task_run::Entity::find().select_only().columns([
        task_run::Column::Id,
        task_run::Column::State,
        task_run::Column::BeganBy,
        task_run::Column::StartedAt,
        task_run::Column::EndedAt,
        task_run::Column::ExitCode,
        task_run::Column::OutputBytes,
    ])
}

fn newest_first(runs: Select<task_run::Entity>) -> Select<task_run::Entity> {
    runs.order_by_desc(task_run::Column::StartedAt)
        .order_by_desc(task_run::Column::Id)
}

fn bytes_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Whether runs of a task in this status are expected.
pub(super) fn is_due_in(status: Status) -> bool {
    match status {
        Status::Active => true,
        Status::Pending
        | Status::Installing
        | Status::Paused
        | Status::Failed
        | Status::Removing => false,
    }
}
