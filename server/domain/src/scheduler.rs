//! Scheduled tasks: commands that servers run by themselves.
//!
//! - `showing`: what the pages show
//! - `next`: when a task runs next, by the clock of its server
//! - `runs`: what became of each run, as servers report it
//! - `watch`: what should have run and did not
//! - `installation`: what they need on their server, a managed resource of its own

pub mod installation;
mod next;
mod runs;
mod showing;
mod watch;

use std::fmt;

use rand::RngCore;
use sea_orm::{ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use serde::{Deserialize, Serialize};
use wire::operations::OperationKind;
use wire::scheduler::{NewTask, TaskFields, TaskTimeout};
use wire::{ApiError, OperationId, ResourceKind, ServerId, Status, TaskId};

pub use self::next::next_of_server;
pub use self::runs::{
    Found, RunReport, WatchedServer, WatchedTask, by_token, history, is_zone, output, record,
    watched,
};
pub(crate) use self::runs::{forget_old_output, too_many, too_old};
pub use self::showing::{show, show_task};
use crate::access::{OwnedServer, SignedIn};
use crate::db::Tx;
use crate::entities::{scheduled_task, server};
use crate::managed::{self, Managed};
use crate::queue::{self, NewOperation};
use crate::unseen::refuse_unseen_changes;
use crate::{Db, Error, Panel, servers, words};

/// A task as its server is to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOnServer {
    pub handle: TaskHandle,
    pub task: NewTask,
    pub is_paused: bool,
    /// Where the server tells of each run; `None` where it cannot reach the panel.
    pub report_to: Option<String>,
}

/// A task's name on its server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskHandle(String);

impl TaskHandle {
    fn new() -> Self {
        let mut bytes = [0; 8];
        rand::rng().fill_bytes(&mut bytes);
        Self(hex::encode(bytes))
    }

    /// The handle of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        let is_one = word.len() == 16 && word.bytes().all(|it| b"0123456789abcdef".contains(&it));
        is_one.then(|| Self(word.to_owned()))
    }

    /// In place of one that is not made yet.
    fn of_preview() -> Self {
        Self("0".repeat(16))
    }
}

impl fmt::Display for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a change makes of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskChange {
    Edit(NewTask),
    Pause,
    Resume,
}

/// Records a task as pending and queues its work, at once. The same form sent again answers with the task it made the
/// first time.
///
/// # Errors
/// `Conflict` on a server whose scheduler is not active.
pub async fn request(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    task: NewTask,
    request_key: &str,
) -> Result<TaskId, Error> {
    if !(8..=64).contains(&request_key.len()) {
        return Err(ApiError::field("request_key", "Reload the page and try again.").into());
    }
    let mut tx = db.begin().await?;
    let made_before = scheduled_task::Entity::find()
        .filter(scheduled_task::Column::ServerId.eq(server.0.id))
        .filter(scheduled_task::Column::RequestKey.eq(request_key))
        .one(tx.reads())
        .await?;
    if let Some(task) = made_before {
        return Ok(TaskId(task.id));
    }
    installation::refuse_unless_active(tx.reads(), &server.0, "add the task").await?;
    let at = tx.at().0;
    let row = tx
        .insert(scheduled_task::ActiveModel {
            id: NotSet,
            server_id: Set(server.0.id),
            name: Set(task.name.clone()),
            command: Set(task.command),
            run_as: Set(task.run_as.as_str().to_owned()),
            frequency: Set(task.frequency.as_str().to_owned()),
            expression: Set(task.expression),
            timeout: Set(timeout_of(task.timeout)),
            overlap: Set(task.overlap.as_str().to_owned()),
            notify: Set(task.notify),
            status: Set(Status::Pending.as_str().to_owned()),
            paused: Set(false),
            error_log: Set(None),
            request_key: Set(request_key.to_owned()),
            handle: Set(TaskHandle::new().to_string()),
            token_hash: Set(None),
            active_since: Set(None),
            missed_at: Set(None),
            last_success_at: Set(None),
            created_at: Set(at),
            updated_at: Set(at),
        })
        .await?;
    queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Install(ResourceKind::ScheduledTask),
            resource_id: Some(row.id),
            title: format!("Add scheduled task {}", row.name),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(TaskId(row.id))
}

/// Changes, pauses or resumes a task on its server; the record keeps what it says until that has worked. `None`: it is so
/// already.
///
/// # Errors
/// `Conflict` while other work on the task is under way, when somebody else has changed it since it was shown, and where
/// the scheduler is not active, but for a pause.
pub async fn request_change(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    id: TaskId,
    change: TaskChange,
    shown: Option<&TaskFields>,
) -> Result<Option<OperationId>, Error> {
    let mut tx = db.begin().await?;
    let row = find(tx.reads(), server.id(), id.0).await?;
    let status = words::status(&row.status)?;
    if !status.may_become(Status::Installing) || status == Status::Pending {
        return Err(Error::conflict(format!(
            "This scheduled task is {}; wait until that has ended.",
            status.as_str()
        )));
    }
    let (is_so, verb) = match &change {
        TaskChange::Edit(task) => (task_of(&row)? == *task, "Change"),
        TaskChange::Pause => (row.paused, "Pause"),
        TaskChange::Resume => (!row.paused, "Resume"),
    };
    if is_so && status != Status::Failed {
        return Ok(None);
    }
    if let (false, Some(shown)) = (is_so, shown) {
        refuse_unseen_changes("scheduled task", &task_of(&row)?.into(), shown)?;
    }
    let next = match &change {
        TaskChange::Edit(_) => Some("change the task"),
        TaskChange::Resume => Some("resume the task"),
        // Whoever wants a task to stop gets that whatever has become of cron.
        TaskChange::Pause => None,
    };
    if let Some(next) = next {
        installation::refuse_unless_active(tx.reads(), &server.0, next).await?;
    }
    let kind = ResourceKind::ScheduledTask;
    managed::write(&mut tx, kind, row.id, status, Status::Installing, None).await?;
    let payload = serde_json::to_string(&change)
        .map_err(|error| Error::Internal(format!("payload: {error}")))?;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Change(kind),
            resource_id: Some(row.id),
            title: format!("{verb} scheduled task {}", row.name),
            prior_status: Some(status),
            payload: Some(payload),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(Some(operation))
}

/// Runs a task once, whatever the time and also while it is paused; at most 10 times a minute for a user.
///
/// # Errors
/// `Conflict` while the task is not on its server, is about to be run already, or has no active scheduler.
pub async fn run_now(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    id: TaskId,
) -> Result<OperationId, Error> {
    panel.limits.retry(who.user())?;
    let mut tx = panel.db.begin().await?;
    let row = find(tx.reads(), server.id(), id.0).await?;
    match words::status(&row.status)? {
        Status::Active | Status::Paused => {}
        status @ (Status::Pending | Status::Installing | Status::Removing | Status::Failed) => {
            return Err(Error::conflict(format!(
                "This scheduled task is {}; it can be run once it is active.",
                status.as_str()
            )));
        }
    }
    installation::refuse_unless_active(tx.reads(), &server.0, "run the task").await?;
    if runs::is_asked_for(&tx, row.id).await? {
        return Err(Error::conflict(
            "This task is about to be run, or is being run, already.",
        ));
    }
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::RunTask,
            resource_id: Some(row.id),
            title: format!("Run scheduled task {}", row.name),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(operation)
}

/// What a queued change makes of a task, by the operation's payload.
///
/// # Errors
/// When it cannot be read.
pub fn change(payload: Option<&str>) -> Result<TaskChange, Error> {
    serde_json::from_str(payload.unwrap_or_default())
        .map_err(|error| Error::Internal(format!("payload of a change: {error}")))
}

/// A recorded task as its server is to have it, after a change if there is one.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn on_server(
    panel: &Panel,
    server: ServerId,
    id: i64,
    change: Option<TaskChange>,
) -> Result<TaskOnServer, Error> {
    let row = find(panel.db.reads(), server, id).await?;
    let (mut task, mut is_paused) = (task_of(&row)?, row.paused);
    match change {
        None => {}
        Some(TaskChange::Edit(new)) => task = new,
        Some(TaskChange::Pause) => is_paused = true,
        Some(TaskChange::Resume) => is_paused = false,
    }
    let server = servers::row(&panel.db, server).await?;
    Ok(TaskOnServer {
        handle: words::handle(&row.handle)?,
        task,
        is_paused,
        report_to: report_to(&panel.public_url, &server.address),
    })
}

/// A task that is not recorded yet, for a look at what it would take.
pub(crate) fn of_preview(panel: &Panel, server: &server::Model, task: NewTask) -> TaskOnServer {
    TaskOnServer {
        handle: TaskHandle::of_preview(),
        task,
        is_paused: false,
        report_to: report_to(&panel.public_url, &server.address),
    }
}

/// Where a server tells of its runs. Tokens go along, so plain http is for private addresses only; and what is loopback
/// for the panel is another machine for everybody else.
fn report_to(public_url: &str, server_address: &str) -> Option<String> {
    let is_reachable = match public_url.strip_prefix("http://") {
        None => true,
        Some(authority) => {
            let host = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
                Some(_) | None => authority,
            };
            is_private(host) && (!is_loopback(host) || is_loopback(server_address))
        }
    };
    is_reachable.then(|| format!("{public_url}/scheduler/report"))
}

fn address(host: &str) -> Option<std::net::IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|ip| ip.is_loopback())
}

fn is_private(host: &str) -> bool {
    is_loopback(host)
        || address(host).is_some_and(|ip| match ip {
            std::net::IpAddr::V4(ip) => ip.is_private(),
            std::net::IpAddr::V6(ip) => ip.is_unique_local(),
        })
}

fn timeout_of(timeout: TaskTimeout) -> i32 {
    // At most an hour.
    i32::try_from(timeout.seconds()).unwrap_or(i32::MAX)
}

/// A child is found under its server only: knowing its id is not enough.
async fn find(
    conn: &impl ConnectionTrait,
    server: ServerId,
    id: i64,
) -> Result<scheduled_task::Model, Error> {
    scheduled_task::Entity::find_by_id(id)
        .filter(scheduled_task::Column::ServerId.eq(server.0))
        .one(conn)
        .await?
        .ok_or(Error::Known(ApiError::NotFound))
}

async fn row(conn: &impl ConnectionTrait, id: i64) -> Result<Option<scheduled_task::Model>, Error> {
    Ok(scheduled_task::Entity::find_by_id(id).one(conn).await?)
}

fn task_of(row: &scheduled_task::Model) -> Result<NewTask, Error> {
    Ok(NewTask {
        name: row.name.clone(),
        command: row.command.clone(),
        run_as: words::run_as(&row.run_as)?,
        frequency: words::frequency(&row.frequency)?,
        expression: row.expression.clone(),
        timeout: words::timeout(row.timeout)?,
        overlap: words::overlap(&row.overlap)?,
        notify: row.notify,
    })
}

pub(crate) async fn managed(tx: &Tx, server: ServerId, id: i64) -> Result<Managed, Error> {
    let row = find(tx.reads(), server, id).await?;
    Ok(Managed {
        status: words::status(&row.status)?,
        label: row.name,
    })
}

/// What a task remembers of a new status beside it.
pub(crate) fn remember_since(row: &mut scheduled_task::Model, to: Status, at: i64) {
    // What was due while cron did not have it, or had it otherwise, was not missed.
    row.active_since = (to == Status::Active).then_some(at);
    if to != Status::Active {
        row.missed_at = None;
    }
}

/// Where a task stands once its server has it as it is on record.
pub(crate) async fn when_done(tx: &Tx, id: i64) -> Result<Status, Error> {
    let is_paused = row(tx.reads(), id).await?.is_some_and(|row| row.paused);
    Ok(if is_paused {
        Status::Paused
    } else {
        Status::Active
    })
}

pub(crate) async fn apply_change(tx: &mut Tx, id: i64, payload: &str) -> Result<(), Error> {
    let change = change(Some(payload))?;
    let Some(row) = row(tx.reads(), id).await? else {
        return Ok(());
    };
    tx.update(&row, |row| match change {
        TaskChange::Pause => row.paused = true,
        TaskChange::Resume => row.paused = false,
        TaskChange::Edit(task) => {
            row.name = task.name;
            row.command = task.command;
            row.run_as = task.run_as.as_str().to_owned();
            row.frequency = task.frequency.as_str().to_owned();
            row.expression = task.expression;
            row.timeout = timeout_of(task.timeout);
            row.overlap = task.overlap.as_str().to_owned();
            row.notify = task.notify;
        }
    })
    .await?;
    Ok(())
}

/// Keeps the hash of the token that the server made for its reports.
pub(crate) async fn learn(tx: &mut Tx, id: i64, facts: &[(String, String)]) -> Result<(), Error> {
    let told = facts.iter().rfind(|(key, _)| key == "task_token_hash");
    let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit());
    let Some((_, hash)) = told.filter(|(_, hash)| is_hash(hash)) else {
        return Ok(());
    };
    if let Some(row) = row(tx.reads(), id).await? {
        tx.update(&row, |row| row.token_hash = Some(hash.clone()))
            .await?;
    }
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    // Its runs go with it by their foreign key.
    if let Some(row) = row(tx.reads(), id).await? {
        tx.delete(row).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::report_to;

    #[test]
    fn tokens_travel_by_https_or_within_a_private_network_and_to_no_other_machine_than_the_panels()
    {
        let far = "203.0.113.7";
        let path = "/scheduler/report";
        for reachable in [
            "https://panel.example.com",
            "https://localhost",
            "http://192.168.1.5:3000",
            "http://10.0.0.1",
            "http://[fd00::1]:3000",
        ] {
            assert_eq!(
                report_to(reachable, far),
                Some(format!("{reachable}{path}"))
            );
        }
        for unreachable in [
            "http://127.0.0.1:3000",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://panel.example.com",
            "http://203.0.113.9:3000",
        ] {
            assert_eq!(report_to(unreachable, far), None, "{unreachable}");
        }
        assert!(report_to("http://127.0.0.1:3000", "127.0.0.1").is_some());
        assert!(report_to("http://localhost:3000", "::1").is_some());
    }
}
