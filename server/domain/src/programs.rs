//! Background programs: commands that servers keep running.
//!
//! - `environment`: variables, whose values are sealed wherever they rest
//! - `processes`: how each process stands, as the panel sees it from time to time
//! - `showing`: what the pages show

mod environment;
mod processes;
mod showing;

use std::fmt;

use rand::RngCore;
use sea_orm::{ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use serde::{Deserialize, Serialize};
use wire::operations::OperationKind;
use wire::programs::{NewProgram, ProgramAct, ProgramFields, ProgramSettings};
use wire::{ApiError, OperationId, ProgramId, ResourceKind, ServerId, Status};

pub use self::environment::Variable;
pub use self::processes::{ProcessReport, WatchedProgram, WatchedServer, record, watched};
pub use self::showing::{log, show, show_program};
use crate::access::{OwnedServer, SignedIn};
use crate::db::Tx;
use crate::entities::{program, server};
use crate::managed::{self, Managed};
use crate::queue::{self, NewOperation};
use crate::scheduler::installation;
use crate::unseen::refuse_unseen_changes;
use crate::{Error, Panel, words};

/// A program as its server is to have it.
#[derive(Clone, Debug)]
pub struct ProgramOnServer {
    pub handle: ProgramHandle,
    pub settings: ProgramSettings,
    pub environment: Vec<Variable>,
    pub is_stopped: bool,
}

/// A program's name on its server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProgramHandle(String);

impl ProgramHandle {
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

    /// Stands in a preview where a program has none yet.
    fn of_preview() -> Self {
        Self("0".repeat(16))
    }
}

impl fmt::Display for ProgramHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a change makes of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramChange {
    Edit {
        settings: ProgramSettings,
        /// Names, one a line.
        variables: String,
        /// For the same place as the program's own.
        sealed_environment: String,
    },
    Control(ProgramAct),
}

/// Records a program as pending and queues its work, at once. The same form sent again answers with the program it made
/// the first time.
///
/// # Errors
/// `Conflict` on a server without the user that programs run as; `Invalid` for a variable without a value.
pub async fn request(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    program: NewProgram,
    request_key: &str,
) -> Result<ProgramId, Error> {
    if !(8..=64).contains(&request_key.len()) {
        return Err(ApiError::field("request_key", "Reload the page and try again.").into());
    }
    let mut tx = panel.db.begin().await?;
    let made_before = program::Entity::find()
        .filter(program::Column::ServerId.eq(server.0.id))
        .filter(program::Column::RequestKey.eq(request_key))
        .one(tx.reads())
        .await?;
    if let Some(program) = made_before {
        return Ok(ProgramId(program.id));
    }
    refuse_without_user(tx.reads(), &server.0).await?;
    let environment = environment::resolve(program.environment, &[])?;
    let at = tx.at().0;
    let settings = program.settings;
    let row = tx
        .insert(program::ActiveModel {
            id: NotSet,
            server_id: Set(server.0.id),
            name: Set(settings.name.clone()),
            command: Set(settings.command),
            directory: Set(settings.directory),
            run_as: Set(settings.run_as.as_str().to_owned()),
            processes: Set(settings.processes.get().into()),
            auto_restart: Set(settings.auto_restart),
            stop_signal: Set(settings.stop_signal.as_str().to_owned()),
            stop_wait: Set(settings.stop_wait.seconds().into()),
            variables: Set(environment::names(&environment)),
            sealed_environment: Set(String::new()),
            status: Set(Status::Pending.as_str().to_owned()),
            stopped: Set(false),
            error_log: Set(None),
            request_key: Set(request_key.to_owned()),
            handle: Set(ProgramHandle::new().to_string()),
            installed: Set(false),
            created_at: Set(at),
            updated_at: Set(at),
        })
        .await?;
    // A seal is bound to its row, which has its number now.
    let sealed = environment::seal(&panel.secrets, row.id, &environment)?;
    let row = tx
        .update(&row, |row| row.sealed_environment = sealed)
        .await?;
    queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Install(ResourceKind::Program),
            resource_id: Some(row.id),
            title: format!("Add background program {}", row.name),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(ProgramId(row.id))
}

/// Changes what a program says; the record keeps what it says until that has worked. `None`: it says so already.
///
/// # Errors
/// `Conflict` while other work on the program is under way, and when somebody else has changed it since it was shown;
/// `Invalid` for a variable without a value.
pub async fn request_edit(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    id: ProgramId,
    program: NewProgram,
    shown: Option<&ProgramFields>,
) -> Result<Option<OperationId>, Error> {
    let row = find(panel.db.reads(), server.id(), id.0).await?;
    let change = edit(panel, &row, program)?;
    request_change(panel, who, server, id, change, shown).await
}

/// Changes, starts, stops or restarts a program. `None`: it is so already.
///
/// # Errors
/// `Conflict` while other work on the program is under way, and for a restart of one that is stopped.
pub async fn request_change(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    id: ProgramId,
    change: ProgramChange,
    shown: Option<&ProgramFields>,
) -> Result<Option<OperationId>, Error> {
    let mut tx = panel.db.begin().await?;
    let row = find(tx.reads(), server.id(), id.0).await?;
    let status = words::status(&row.status)?;
    if !status.may_become(Status::Installing) || status == Status::Pending {
        return Err(Error::conflict(format!(
            "This background program is {}; wait until that has ended.",
            status.as_str()
        )));
    }
    let (is_so, verb) = match &change {
        ProgramChange::Edit { .. } => (says_already(panel, &row, &change)?, "Change"),
        // Whoever starts one that is on already wants processes back that have given up.
        ProgramChange::Control(act @ ProgramAct::Start) => (false, act.label()),
        ProgramChange::Control(act @ ProgramAct::Stop) => (row.stopped, act.label()),
        ProgramChange::Control(act @ ProgramAct::Restart) => {
            if row.stopped {
                return Err(Error::conflict(
                    "This program is stopped. Start it instead.",
                ));
            }
            (false, act.label())
        }
    };
    if is_so && status != Status::Failed {
        return Ok(None);
    }
    if let (false, Some(shown)) = (is_so, shown) {
        let present = ProgramFields::of(settings_of(&row)?, row.variables.lines());
        refuse_unseen_changes("background program", &present, shown)?;
    }
    let kind = ResourceKind::Program;
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
            title: format!("{verb} background program {}", row.name),
            prior_status: Some(status),
            payload: Some(payload),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(Some(operation))
}

/// What a queued change makes of a program, by the operation's payload.
///
/// # Errors
/// When it cannot be read.
pub fn change(payload: Option<&str>) -> Result<ProgramChange, Error> {
    serde_json::from_str(payload.unwrap_or_default())
        .map_err(|error| Error::Internal(format!("payload of a change: {error}")))
}

/// A recorded program as its server is to have it, after a change if there is one.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn on_server(
    panel: &Panel,
    server: ServerId,
    id: i64,
    change: Option<&ProgramChange>,
) -> Result<ProgramOnServer, Error> {
    let row = find(panel.db.reads(), server, id).await?;
    let mut settings = settings_of(&row)?;
    let mut sealed = row.sealed_environment.as_str();
    let mut is_stopped = row.stopped;
    match change {
        None | Some(ProgramChange::Control(ProgramAct::Restart)) => {}
        Some(ProgramChange::Edit {
            settings: new,
            sealed_environment,
            ..
        }) => {
            settings = new.clone();
            sealed = sealed_environment;
        }
        Some(ProgramChange::Control(ProgramAct::Start)) => is_stopped = false,
        Some(ProgramChange::Control(ProgramAct::Stop)) => is_stopped = true,
    }
    Ok(ProgramOnServer {
        handle: words::program_handle(&row.handle)?,
        settings,
        environment: environment::open(&panel.secrets, row.id, sealed)?,
        is_stopped,
    })
}

/// A program that is not recorded yet, for a look at what it would take.
pub(crate) fn of_preview(program: NewProgram) -> Result<ProgramOnServer, Error> {
    Ok(ProgramOnServer {
        handle: ProgramHandle::of_preview(),
        settings: program.settings,
        environment: environment::resolve(program.environment, &[])?,
        is_stopped: false,
    })
}

/// A change of a recorded program as its form has it.
pub(crate) async fn edit_of_preview(
    panel: &Panel,
    server: ServerId,
    id: ProgramId,
    program: NewProgram,
) -> Result<ProgramChange, Error> {
    let row = find(panel.db.reads(), server, id.0).await?;
    edit(panel, &row, program)
}

/// Programs need a server that has the user that they run as, as provisioning leaves one, and a scheduler's installation.
pub(crate) async fn refuse_without_user(
    conn: &impl ConnectionTrait,
    server: &server::Model,
) -> Result<(), Error> {
    if has_user(conn, server).await? {
        Ok(())
    } else {
        Err(Error::conflict(
            "Provision this server or install its scheduler first; either makes the user that programs run as.",
        ))
    }
}

/// Whether that user was made once, however a later attempt has ended. The step that sets up cron comes after the one that
/// makes the user and tells of cron, which stays known when the scheduler is taken away; the user stays, too.
async fn has_user(conn: &impl ConnectionTrait, server: &server::Model) -> Result<bool, Error> {
    let is_provisioned = server.provision_status.as_deref() == Some(Status::Active.as_str());
    Ok(is_provisioned
        || server.scheduler_running.is_some()
        || installation::is_active(conn, ServerId(server.id)).await?)
}

fn edit(panel: &Panel, row: &program::Model, program: NewProgram) -> Result<ProgramChange, Error> {
    let present = environment::open(&panel.secrets, row.id, &row.sealed_environment)?;
    let environment = environment::resolve(program.environment, &present)?;
    Ok(ProgramChange::Edit {
        settings: program.settings,
        variables: environment::names(&environment),
        sealed_environment: environment::seal(&panel.secrets, row.id, &environment)?,
    })
}

fn says_already(
    panel: &Panel,
    row: &program::Model,
    change: &ProgramChange,
) -> Result<bool, Error> {
    let ProgramChange::Edit {
        settings,
        sealed_environment,
        ..
    } = change
    else {
        return Ok(false);
    };
    let open = |sealed| environment::open(&panel.secrets, row.id, sealed);
    Ok(settings_of(row)? == *settings
        && environment::is_same(&open(&row.sealed_environment)?, &open(sealed_environment)?))
}

/// A child is found under its server only: knowing its id is not enough.
async fn find(
    conn: &impl ConnectionTrait,
    server: ServerId,
    id: i64,
) -> Result<program::Model, Error> {
    program::Entity::find_by_id(id)
        .filter(program::Column::ServerId.eq(server.0))
        .one(conn)
        .await?
        .ok_or(Error::Known(ApiError::NotFound))
}

async fn row(conn: &impl ConnectionTrait, id: i64) -> Result<Option<program::Model>, Error> {
    Ok(program::Entity::find_by_id(id).one(conn).await?)
}

fn settings_of(row: &program::Model) -> Result<ProgramSettings, Error> {
    Ok(ProgramSettings {
        name: row.name.clone(),
        command: row.command.clone(),
        directory: row.directory.clone(),
        run_as: words::run_as(&row.run_as)?,
        processes: words::process_count(row.processes)?,
        auto_restart: row.auto_restart,
        stop_signal: words::stop_signal(&row.stop_signal)?,
        stop_wait: words::stop_wait(row.stop_wait)?,
    })
}

pub(crate) async fn managed(tx: &Tx, server: ServerId, id: i64) -> Result<Managed, Error> {
    let row = find(tx.reads(), server, id).await?;
    Ok(Managed {
        status: words::status(&row.status)?,
        label: row.name,
    })
}

/// Where a program stands once its server has it as it is on record.
pub(crate) async fn when_done(tx: &Tx, id: i64) -> Result<Status, Error> {
    let is_stopped = row(tx.reads(), id).await?.is_some_and(|row| row.stopped);
    Ok(if is_stopped {
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
        ProgramChange::Control(ProgramAct::Start) => row.stopped = false,
        ProgramChange::Control(ProgramAct::Stop) => row.stopped = true,
        ProgramChange::Control(ProgramAct::Restart) => {}
        ProgramChange::Edit {
            settings,
            variables,
            sealed_environment,
        } => {
            row.name = settings.name;
            row.command = settings.command;
            row.directory = settings.directory;
            row.run_as = settings.run_as.as_str().to_owned();
            row.processes = settings.processes.get().into();
            row.auto_restart = settings.auto_restart;
            row.stop_signal = settings.stop_signal.as_str().to_owned();
            row.stop_wait = settings.stop_wait.seconds().into();
            row.variables = variables;
            row.sealed_environment = sealed_environment;
        }
    })
    .await?;
    Ok(())
}

/// Notes that its server has it, whatever becomes of the rest of the work.
pub(crate) async fn learn(tx: &mut Tx, id: i64, facts: &[(String, String)]) -> Result<(), Error> {
    let is_told = |(key, value): &(String, String)| key == "program_installed" && value == "yes";
    if facts.iter().any(is_told)
        && let Some(row) = row(tx.reads(), id).await?
    {
        tx.update(&row, |row| row.installed = true).await?;
    }
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    // Its processes go with it by their foreign key.
    if let Some(row) = row(tx.reads(), id).await? {
        tx.delete(row).await?;
    }
    Ok(())
}
