//! The steps of work before it is asked for. `provisioner` implements it; it reaches no network and writes nothing.

mod document;

use wire::ResourceKind;
use wire::firewall::NewRule;
use wire::operations::OperationKind;
use wire::plan::{PlanResource, PreviewWork};
use wire::programs::{NewProgram, ProgramAct};
use wire::provisioning::ProvisionChoices;
use wire::scheduler::NewTask;

pub use self::document::document;
use crate::access::{OwnedServer, SignedIn};
use crate::db::now;
use crate::entities::server;
use crate::programs::{ProgramChange, ProgramHandle, ProgramOnServer};
use crate::queue::Claim;
use crate::scheduler::{self, TaskChange, TaskHandle, TaskOnServer, installation};
use crate::{Error, Panel, firewall, programs, provisioning};

/// Knows the steps of all work.
pub trait Planner: Send + Sync {
    /// The steps that this work would take now, as they are kept with the operation that takes them.
    fn preview(&self, work: &Work) -> Vec<ShownStep>;
}

/// Work on a server, with all that its steps depend on.
#[derive(Clone, Debug)]
pub enum Work {
    Provision(ProvisionChoices),
    Reboot {
        /// Names this reboot among all that the server ever hears of.
        mark: String,
    },
    AddRule(NewRule),
    ChangeRule {
        old: NewRule,
        new: NewRule,
    },
    RemoveRule(NewRule),
    AddTask(TaskOnServer),
    ChangeTask(TaskOnServer),
    RemoveTask(TaskHandle),
    RunTask(TaskHandle),
    AddProgram(ProgramOnServer),
    ChangeProgram(ProgramOnServer),
    /// Every process of it, whatever has changed.
    RestartProgram(ProgramOnServer),
    RemoveProgram(ProgramHandle),
    /// Also mends one that is there.
    InstallScheduler,
    RemoveScheduler,
}

/// A step for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownStep {
    pub title: String,
    /// Can be copied into a shell.
    pub script: String,
}

/// What the claimed operation is to do; `None` for the one that needs a password, which is no plan.
///
/// # Errors
/// When its payload cannot be read, or its record is gone.
pub async fn work_of(panel: &Panel, claim: &Claim) -> Result<Option<Work>, Error> {
    let db = &panel.db;
    let payload = claim.payload.as_deref();
    let record = || {
        let missing = || Error::Internal(format!("operation {} names no record", claim.operation));
        claim.resource_id.ok_or_else(missing)
    };
    let task = async |change| scheduler::on_server(panel, claim.server, record()?, change).await;
    let program = async |change| programs::on_server(panel, claim.server, record()?, change).await;
    Ok(Some(match claim.kind {
        OperationKind::Authorize => return Ok(None),
        OperationKind::Provision => Work::Provision(provisioning::choices(payload)?),
        OperationKind::Reboot => {
            let asked_at =
                payload.ok_or_else(|| Error::Internal("a reboot without its time".into()))?;
            Work::Reboot {
                mark: format!("{}-{asked_at}", claim.operation),
            }
        }
        OperationKind::RunTask => Work::RunTask(task(None).await?.handle),
        OperationKind::Install(kind) => match kind {
            ResourceKind::FirewallRule => {
                Work::AddRule(firewall::rule(db, claim.server, record()?).await?)
            }
            ResourceKind::ScheduledTask => Work::AddTask(task(None).await?),
            ResourceKind::Program => Work::AddProgram(program(None).await?),
            ResourceKind::Scheduler => Work::InstallScheduler,
        },
        OperationKind::Change(kind) => match kind {
            ResourceKind::FirewallRule => Work::ChangeRule {
                old: firewall::rule(db, claim.server, record()?).await?,
                new: firewall::changed_rule(payload)?,
            },
            ResourceKind::ScheduledTask => {
                Work::ChangeTask(task(Some(scheduler::change(payload)?)).await?)
            }
            ResourceKind::Program => {
                let change = programs::change(payload)?;
                changed(&change, program(Some(&change)).await?)
            }
            ResourceKind::Scheduler => Work::InstallScheduler,
        },
        OperationKind::Remove(kind) => match kind {
            ResourceKind::FirewallRule => {
                Work::RemoveRule(firewall::rule(db, claim.server, record()?).await?)
            }
            ResourceKind::ScheduledTask => Work::RemoveTask(task(None).await?.handle),
            ResourceKind::Program => Work::RemoveProgram(program(None).await?.handle),
            ResourceKind::Scheduler => Work::RemoveScheduler,
        },
    }))
}

/// What would be done on a server, step by step; at most 60 times a minute for a user.
///
/// # Errors
/// What asking for the work itself would be refused with, as far as its form is concerned.
pub async fn preview(
    panel: &Panel,
    who: &SignedIn,
    server: &OwnedServer,
    work: &PreviewWork,
) -> Result<PlanResource, Error> {
    panel.limits.preview(who.user())?;
    let (db, row, id) = (&panel.db, &server.0, server.id());
    let (title, work) = match work {
        PreviewWork::Provision { choices } => {
            let choices = match choices {
                Some(fields) => ProvisionChoices::parse(fields)?,
                None => provisioning::choices(row.provision_choices.as_deref())?,
            };
            (format!("Provision {}", row.name), Work::Provision(choices))
        }
        PreviewWork::Reboot {} => {
            let mark = format!("preview-{}", now().0);
            (format!("Reboot {}", row.name), Work::Reboot { mark })
        }
        PreviewWork::AddRule { rule } => {
            let new = NewRule::parse(rule)?;
            firewall::refuse_what_cannot_be(db.reads(), row, &new, None).await?;
            ("Add a firewall rule".to_owned(), Work::AddRule(new))
        }
        PreviewWork::ChangeRule { rule_id, rule } => {
            let new = NewRule::parse(rule)?;
            let old = firewall::rule(db, id, rule_id.0).await?;
            firewall::refuse_what_cannot_be(db.reads(), row, &new, Some(*rule_id)).await?;
            (
                "Change a firewall rule".to_owned(),
                Work::ChangeRule { old, new },
            )
        }
        PreviewWork::RemoveRule { rule_id } => {
            let old = firewall::rule(db, id, rule_id.0).await?;
            ("Remove a firewall rule".to_owned(), Work::RemoveRule(old))
        }
        PreviewWork::AddTask { task } => {
            installation::refuse_unless_active(db.reads(), row, "add the task").await?;
            let task = scheduler::of_preview(panel, row, NewTask::parse(task)?);
            ("Add a scheduled task".to_owned(), Work::AddTask(task))
        }
        PreviewWork::ChangeTask { task_id, task } => {
            let change = TaskChange::Edit(NewTask::parse(task)?);
            let task = scheduler::on_server(panel, id, task_id.0, Some(change)).await?;
            ("Change a scheduled task".to_owned(), Work::ChangeTask(task))
        }
        PreviewWork::RemoveTask { task_id } => {
            let task = scheduler::on_server(panel, id, task_id.0, None).await?;
            (
                "Remove a scheduled task".to_owned(),
                Work::RemoveTask(task.handle),
            )
        }
        PreviewWork::AddProgram { program } => {
            programs::refuse_without_user(db.reads(), row).await?;
            let program = programs::of_preview(NewProgram::parse(program)?)?;
            let title = "Add a background program".to_owned();
            (title, Work::AddProgram(program))
        }
        PreviewWork::ChangeProgram {
            program_id,
            program,
        } => {
            let new = NewProgram::parse(program)?;
            let change = programs::edit_of_preview(panel, id, *program_id, new).await?;
            let program = programs::on_server(panel, id, program_id.0, Some(&change)).await?;
            let title = "Change a background program".to_owned();
            (title, changed(&change, program))
        }
        PreviewWork::ControlProgram { program_id, act } => {
            let change = ProgramChange::Control(*act);
            let program = programs::on_server(panel, id, program_id.0, Some(&change)).await?;
            let title = format!("{} a background program", act.label());
            (title, changed(&change, program))
        }
        PreviewWork::RemoveProgram { program_id } => {
            let program = programs::on_server(panel, id, program_id.0, None).await?;
            let title = "Remove a background program".to_owned();
            (title, Work::RemoveProgram(program.handle))
        }
        PreviewWork::InstallScheduler {} => {
            let title = format!("Install scheduler of {}", row.name);
            (title, Work::InstallScheduler)
        }
        PreviewWork::RemoveScheduler {} => {
            installation::refuse_with_tasks(db.reads(), id).await?;
            let title = format!("Remove scheduler of {}", row.name);
            (title, Work::RemoveScheduler)
        }
    };
    let steps = panel.planner.preview(&work);
    Ok(document(&title, &place(row), "root", &steps))
}

fn changed(change: &ProgramChange, program: ProgramOnServer) -> Work {
    match change {
        ProgramChange::Control(ProgramAct::Restart) => Work::RestartProgram(program),
        ProgramChange::Control(ProgramAct::Start | ProgramAct::Stop)
        | ProgramChange::Edit { .. } => Work::ChangeProgram(program),
    }
}

/// `web-1 (root@203.0.113.7, port 22)`
pub(crate) fn place(server: &server::Model) -> String {
    let server::Model {
        name,
        user,
        address,
        port,
        ..
    } = server;
    format!("{name} ({user}@{address}, port {port})")
}
