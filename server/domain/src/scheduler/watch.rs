//! What should have run and did not: cron that died, a server that was off. Told once, by the row of the task and among what
//! happened, and taken back by the next run.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wire::scheduler::{CronExpression, RunState, Schedule, Trigger};
use wire::{ServerId, Timestamp};

use super::next::{in_words, last_due, zone_of};
use super::runs::{RunReport, is_due_in};
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::{scheduled_task, server, task_run};
use crate::{Error, words};

/// The clock of a server, which is the one that cron goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Clock(pub Timestamp);

/// A run begins in its minute. A busy server may take a while to write that down.
const GRACE_MS: i64 = 120_000;
/// What was due longer ago was told then, or is of no use to anybody.
const LOOK_BACK_MS: i64 = 40 * 24 * 3_600_000;

/// Looks at the tasks of a server of which everything there is was collected just now.
pub(super) async fn look(tx: &mut Tx, server: &server::Model, clock: Clock) -> Result<(), Error> {
    let tasks = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::ServerId.eq(server.id))
        .all(tx.reads())
        .await?;
    for task in tasks {
        if let Some(due) = missed(tx, server, &task, clock).await? {
            tell(tx, server, &task, due).await?;
        }
    }
    Ok(())
}

/// A run that began takes back what was told of one that did not.
pub(super) async fn ran(tx: &mut Tx, task: i64, report: &RunReport) -> Result<(), Error> {
    if report.trigger != Trigger::Cron {
        return Ok(());
    }
    if let Some(row) = super::row(tx.reads(), task).await?
        && row
            .missed_at
            .is_some_and(|missed| report.started_at.0 >= missed)
    {
        tx.update(&row, |row| row.missed_at = None).await?;
    }
    Ok(())
}

/// The last time that a task was due, if it did not run then and that was not told yet.
async fn missed(
    tx: &Tx,
    server: &server::Model,
    task: &scheduled_task::Model,
    clock: Clock,
) -> Result<Option<Timestamp>, Error> {
    let Some(active_since) = task.active_since else {
        return Ok(None);
    };
    if !is_due_in(words::status(&task.status)?) {
        return Ok(None);
    }
    let Ok(CronExpression {
        schedule: Schedule::Times(times),
        ..
    }) = CronExpression::parse(&task.expression)
    else {
        return Ok(None);
    };
    // Cron took the task over by its own clock, which need not be the panel's, and looks once a minute what is new.
    let ahead = server.clock_ahead.unwrap_or(0) * 1000;
    let since = (active_since + ahead + GRACE_MS).max(clock.0.0 - LOOK_BACK_MS);
    let until = Timestamp(clock.0.0 - GRACE_MS);
    if since >= until.0 {
        return Ok(None);
    }
    let Some(due) = last_due(&times, &zone_of(server), Timestamp(since), until) else {
        return Ok(None);
    };
    // What waits for the end of a run that goes on has not begun, and is not missed.
    if goes_on(tx, task.id).await? {
        return Ok(None);
    }
    let told = task.missed_at.is_some_and(|told| told >= due.0);
    let ran = last_begun_by_cron(tx, task.id).await?;
    Ok((!told && ran.is_none_or(|ran| ran < due.0)).then_some(due))
}

async fn goes_on(tx: &Tx, task: i64) -> Result<bool, Error> {
    let running = task_run::Entity::find()
        .select_only()
        .column(task_run::Column::Id)
        .filter(task_run::Column::TaskId.eq(task))
        .filter(task_run::Column::State.eq(RunState::Running.as_str()))
        .into_tuple::<i64>()
        .one(tx.reads())
        .await?;
    Ok(running.is_some())
}

async fn last_begun_by_cron(tx: &Tx, task: i64) -> Result<Option<i64>, Error> {
    Ok(task_run::Entity::find()
        .select_only()
        .column(task_run::Column::StartedAt)
        .filter(task_run::Column::TaskId.eq(task))
        .filter(task_run::Column::BeganBy.eq(Trigger::Cron.as_str()))
        .order_by_desc(task_run::Column::StartedAt)
        .limit(1)
        .into_tuple()
        .one(tx.reads())
        .await?)
}

async fn tell(
    tx: &mut Tx,
    server: &server::Model,
    task: &scheduled_task::Model,
    due: Timestamp,
) -> Result<(), Error> {
    let is_first = task.missed_at.is_none();
    tx.update(task, |row| row.missed_at = Some(due.0)).await?;
    if !is_first || !task.notify {
        return Ok(());
    }
    let when = jiff::Timestamp::from_millisecond(due.0)
        .map(|at| in_words(at, &zone_of(server)).words)
        .unwrap_or_default();
    let sentence = format!("Scheduled task {} did not run on {when}", task.name);
    audit::alert(tx, ServerId(server.id), Topic::Scheduler, sentence).await
}
