//! Beginning what has failed again, whatever it was.

use wire::operations::{OperationKind, OperationState};
use wire::{OperationId, ProgramId, RuleId, ServerId, TaskId};

use super::list::retryable;
use crate::access::{OwnedOperation, SignedIn, owned_server};
use crate::entities::operation;
use crate::scheduler::{self, installation};
use crate::{Error, Panel, firewall, managed, programs, servers, words};

/// Queues the same work again, at most 10 times a minute for a user.
///
/// # Errors
/// `Conflict` unless it has failed and nothing newer was done about the same; ten clicks make one operation.
pub async fn retry(
    panel: &Panel,
    who: &SignedIn,
    operation: &OwnedOperation,
) -> Result<OperationId, Error> {
    let row = &operation.0;
    if words::operation_state(&row.state)? != OperationState::Failed {
        return Err(Error::conflict("Only what has failed can be retried."));
    }
    let kind = words::operation_kind(&row.verb, row.resource_kind.as_deref())?;
    if !retryable(panel.db.reads(), std::slice::from_ref(row))
        .await?
        .contains(&row.id)
    {
        return Err(Error::conflict(why_not(kind)));
    }
    let server = owned_server(&panel.db, who, ServerId(row.server_id)).await?;
    match (kind, row.resource_id) {
        (OperationKind::Provision, _) => {
            panel.limits.retry(who.user())?;
            servers::request_provisioning(&panel.db, who, &server, None).await
        }
        (OperationKind::Install(kind), Some(id)) => {
            managed::retry(panel, who, &server, kind, id).await
        }
        (OperationKind::Change(kind), Some(id)) => {
            panel.limits.retry(who.user())?;
            match kind {
                wire::ResourceKind::FirewallRule => {
                    let rule = firewall::changed_rule(row.payload.as_deref())?;
                    firewall::request_change(&panel.db, who, &server, RuleId(id), rule, None)
                        .await?
                        .ok_or_else(|| Error::conflict("The rule says this already."))
                }
                wire::ResourceKind::ScheduledTask => {
                    let change = scheduler::change(row.payload.as_deref())?;
                    scheduler::request_change(&panel.db, who, &server, TaskId(id), change, None)
                        .await?
                        .ok_or_else(|| Error::conflict("The task says this already."))
                }
                wire::ResourceKind::Program => {
                    let change = programs::change(row.payload.as_deref())?;
                    programs::request_change(panel, who, &server, ProgramId(id), change, None)
                        .await?
                        .ok_or_else(|| Error::conflict("The program is so already."))
                }
                wire::ResourceKind::Scheduler => {
                    installation::request_repair(&panel.db, who, &server).await
                }
            }
        }
        (OperationKind::Remove(kind), Some(id)) => {
            panel.limits.retry(who.user())?;
            managed::request_removal(&panel.db, who, &server, kind, id).await
        }
        (OperationKind::Authorize | OperationKind::Reboot | OperationKind::RunTask, _) => {
            Err(Error::conflict(why_not(kind)))
        }
        (OperationKind::Install(_) | OperationKind::Change(_) | OperationKind::Remove(_), None) => {
            Err(no_record(row))
        }
    }
}

fn why_not(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Authorize => {
            "The password is not kept. Enter it again on the server's page."
        }
        OperationKind::Reboot => "Reboot the server again on its own page.",
        OperationKind::RunTask => "Run the task again on its own page.",
        OperationKind::Provision
        | OperationKind::Install(_)
        | OperationKind::Change(_)
        | OperationKind::Remove(_) => {
            "Something newer was done since. Look at the latest operation."
        }
    }
}

fn no_record(row: &operation::Model) -> Error {
    Error::Internal(format!("operation {} names no record", row.id))
}
