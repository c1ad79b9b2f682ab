//! How each process of a program stands, as the panel sees it from time to time. Every change is news, and one that is not
//! started again is told to its owner at once.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set,
};
use wire::programs::{ProcessResource, ProcessState};
use wire::servers::Connection;
use wire::{ApiError, ProgramId, ServerId, Timestamp};

use super::{ProgramHandle, find};
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::{program, program_process, server};
use crate::{Db, Error, words};

/// One process as its server tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessReport {
    /// From 1.
    pub number: i32,
    pub state: ProcessState,
    pub pid: Option<i64>,
    /// By the server's clock.
    pub started_at: Option<Timestamp>,
    /// How often it was restarted by itself since somebody started it.
    pub restarts: i64,
    /// `exit code 1`, `signal KILL`
    pub last_end: Option<String>,
    /// By the server's clock.
    pub last_end_at: Option<Timestamp>,
}

/// A server whose programs are looked at.
pub struct WatchedServer {
    pub server: server::Model,
    pub programs: Vec<WatchedProgram>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedProgram {
    pub id: ProgramId,
    pub handle: ProgramHandle,
}

/// All servers that let the panel in and have programs on them.
///
/// # Errors
/// When the database does not answer.
pub async fn watched(db: &Db) -> Result<Vec<WatchedServer>, Error> {
    let programs = program::Entity::find()
        .filter(program::Column::Installed.eq(true))
        .all(db.reads())
        .await?;
    let mut by_server = HashMap::<i64, Vec<WatchedProgram>>::new();
    for program in programs {
        let id = ProgramId(program.id);
        match words::program_handle(&program.handle) {
            Ok(handle) => {
                let of_server = by_server.entry(program.server_id).or_default();
                of_server.push(WatchedProgram { id, handle });
            }
            // One that cannot be read must not keep the others from being looked after.
            Err(error) => {
                tracing::error!(program = id.0, %error, "a program cannot be looked after");
            }
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
            programs: by_server.remove(&server.id).unwrap_or_default(),
            server,
        })
        .collect())
}

/// Keeps how the processes of programs stand: all of each program's.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    db: &Db,
    server: ServerId,
    reports: &[(ProgramId, Vec<ProcessReport>)],
) -> Result<(), Error> {
    // Most looks find what the last one found, and then nobody has to wait for the right to write.
    let mut changed = Vec::new();
    for (program, processes) in reports {
        let known = known(db.reads(), program.0).await?;
        if !is_known(&known, processes) {
            changed.push((program, processes));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    for (program, processes) in changed {
        // It may have been removed since it was looked at.
        match find(tx.reads(), server, program.0).await {
            Ok(program) => record_one(&mut tx, &program, processes).await?,
            Err(Error::Known(ApiError::NotFound)) => {}
            Err(error) => return Err(error),
        }
    }
    tx.commit().await
}

async fn record_one(
    tx: &mut Tx,
    program: &program::Model,
    processes: &[ProcessReport],
) -> Result<(), Error> {
    let mut gone: HashMap<_, _> = known(tx.reads(), program.id)
        .await?
        .into_iter()
        .map(|row| (row.number, row))
        .collect();
    let mut gave_up = Vec::new();
    for process in processes {
        let before = gone.remove(&process.number);
        if is_new_failure(before.as_ref(), process) {
            gave_up.push(process);
        }
        match before {
            Some(row) => {
                tx.update(&row, |row| {
                    row.state = process.state.as_str().to_owned();
                    row.pid = process.pid;
                    row.started_at = process.started_at.map(|at| at.0);
                    row.restarts = process.restarts;
                    row.last_end.clone_from(&process.last_end);
                    row.last_end_at = process.last_end_at.map(|at| at.0);
                })
                .await?;
            }
            None => {
                tx.insert(program_process::ActiveModel {
                    id: NotSet,
                    server_id: Set(program.server_id),
                    program_id: Set(program.id),
                    number: Set(process.number),
                    state: Set(process.state.as_str().to_owned()),
                    pid: Set(process.pid),
                    started_at: Set(process.started_at.map(|at| at.0)),
                    restarts: Set(process.restarts),
                    last_end: Set(process.last_end.clone()),
                    last_end_at: Set(process.last_end_at.map(|at| at.0)),
                })
                .await?;
            }
        }
    }
    for row in gone.into_values() {
        tx.delete(row).await?;
    }
    tell(tx, program, &gave_up).await
}

/// A process that came back and failed once more between two looks has failed anew.
fn is_new_failure(before: Option<&program_process::Model>, now: &ProcessReport) -> bool {
    let failed = ProcessState::Failed.as_str();
    now.state == ProcessState::Failed
        && before.is_none_or(|before| {
            before.state != failed || before.last_end_at != now.last_end_at.map(|at| at.0)
        })
}

/// One sentence for all processes of a program, which as a rule end for one reason.
async fn tell(
    tx: &mut Tx,
    program: &program::Model,
    gave_up: &[&ProcessReport],
) -> Result<(), Error> {
    let Some(first) = gave_up.first() else {
        return Ok(());
    };
    // What was stopped by somebody is no news, however it took that.
    if program.stopped {
        return Ok(());
    }
    let numbers: Vec<_> = gave_up.iter().map(|it| it.number.to_string()).collect();
    let which = match &numbers[..] {
        [one] => format!("process {one}"),
        many => format!("processes {}", many.join(", ")),
    };
    let how = first.last_end.as_deref().unwrap_or("not started");
    let what = if program.auto_restart {
        "does not stay up and is not started again"
    } else {
        "failed"
    };
    let sentence = format!("Background program {} {what}: {which}, {how}", program.name);
    audit::alert(tx, ServerId(program.server_id), Topic::Programs, sentence).await
}

/// The processes of a program as they were seen last, by their numbers.
pub(super) async fn known(
    conn: &impl ConnectionTrait,
    program: i64,
) -> Result<Vec<program_process::Model>, Error> {
    Ok(program_process::Entity::find()
        .filter(program_process::Column::ProgramId.eq(program))
        .order_by_asc(program_process::Column::Number)
        .all(conn)
        .await?)
}

pub(super) fn resource(row: program_process::Model) -> Result<ProcessResource, Error> {
    Ok(ProcessResource {
        number: row.number,
        state: words::process_state(&row.state)?,
        pid: row.pid,
        started_at: row.started_at.map(Timestamp),
        restarts: row.restarts,
        last_end: row.last_end,
        last_end_at: row.last_end_at.map(Timestamp),
    })
}

fn is_known(rows: &[program_process::Model], processes: &[ProcessReport]) -> bool {
    rows.len() == processes.len()
        && processes.iter().all(|process| {
            rows.iter().any(|row| {
                row.number == process.number
                    && row.state == process.state.as_str()
                    && row.pid == process.pid
                    && row.started_at == process.started_at.map(|at| at.0)
                    && row.restarts == process.restarts
                    && row.last_end == process.last_end
                    && row.last_end_at == process.last_end_at.map(|at| at.0)
            })
        })
}
