//! Rules that cannot stand beside others: two records for one rule of ufw would be taken away by the removal of either.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use wire::firewall::{Action, NewRule, Protocol, Source};
use wire::operations::{OperationKind, OperationState};
use wire::{ApiError, ResourceKind, RuleId, ServerId, Status};

use super::{base_ports, changed_rule, find, label, rule_of, ssh_ports};
use crate::entities::{firewall_rule, operation, server};
use crate::{Error, words};

/// Refuses a rule that is asked for, as a new one or in place of the record `except`.
pub(crate) async fn refuse_what_cannot_be(
    conn: &impl ConnectionTrait,
    server: &server::Model,
    rule: &NewRule,
    except: Option<RuleId>,
) -> Result<(), Error> {
    if server.firewall_installed != Some(true) {
        return Err(Error::conflict(
            "Provision this server first; it has no firewall yet.",
        ));
    }
    if let Ok(connected) = u16::try_from(server.port) {
        rule.refuse_ssh_port(connected)?;
    }
    for port in ssh_ports(server) {
        rule.refuse_ssh_port(port)?;
    }
    refuse_base_port(server, rule)?;
    let except = except.map(|id| id.0);
    for other in others(conn, server.id, except).await? {
        if means_the_same(&rule_of(&other)?, rule) {
            let message = format!("The rule {} says this already.", label(&other));
            return Err(ApiError::field("port", message).into());
        }
        if let Some(change) = queued_change(conn, other.id).await?
            && means_the_same(&change, rule)
        {
            let message = format!("The rule {} is being changed to say this.", label(&other));
            return Err(ApiError::field("port", message).into());
        }
    }
    Ok(())
}

/// Why the work of an operation on a rule must not begin although it was taken into the queue: another record has come to say the same
/// on the server.
pub(crate) async fn in_the_way(
    conn: &impl ConnectionTrait,
    row: &operation::Model,
) -> Result<Option<String>, Error> {
    let Some(id) = row.resource_id else {
        return Ok(None);
    };
    let rule = match words::operation_kind(&row.verb, row.resource_kind.as_deref())? {
        OperationKind::Install(_) => rule_of(&find(conn, ServerId(row.server_id), id).await?)?,
        OperationKind::Change(_) => changed_rule(row.payload.as_deref())?,
        OperationKind::Remove(_)
        | OperationKind::Authorize
        | OperationKind::Provision
        | OperationKind::Reboot
        | OperationKind::RunTask => return Ok(None),
    };
    for other in others(conn, row.server_id, Some(id)).await? {
        let is_on_the_server = match words::status(&other.status)? {
            Status::Active | Status::Paused | Status::Installing | Status::Removing => true,
            Status::Pending | Status::Failed => false,
        };
        if is_on_the_server && means_the_same(&rule_of(&other)?, &rule) {
            return Ok(Some(format!(
                "The rule {} says this already. Nothing was sent to the server. Change or remove one of the two.",
                label(&other)
            )));
        }
    }
    Ok(None)
}

/// One that says of a port what the base set says, or the opposite, for everybody: in ufw both would be the same rule.
fn refuse_base_port(server: &server::Model, rule: &NewRule) -> Result<(), Error> {
    let is_for_all = rule.source == Source::Anywhere
        && rule.protocol.covers(Protocol::Tcp)
        && rule.port.is_single();
    let ports = base_ports(server);
    let Some(port) = ports.iter().find(|port| rule.port.contains(**port)) else {
        return Ok(());
    };
    if !is_for_all {
        return Ok(());
    }
    let message = match rule.action {
        Action::Allow => format!("Port {port} is open already, as part of the base set."),
        Action::Deny => format!(
            "Port {port} is open for everybody as part of the base set, which provisioning keeps. Deny it for an address or a network instead."
        ),
    };
    Err(ApiError::field("port", message).into())
}

fn means_the_same(existing: &NewRule, rule: &NewRule) -> bool {
    existing.port == rule.port
        && existing.source == rule.source
        && existing.action == rule.action
        && (existing.protocol.covers(rule.protocol) || rule.protocol.covers(existing.protocol))
}

async fn others(
    conn: &impl ConnectionTrait,
    server: i64,
    except: Option<i64>,
) -> Result<Vec<firewall_rule::Model>, Error> {
    let mut rows = firewall_rule::Entity::find()
        .filter(firewall_rule::Column::ServerId.eq(server))
        .all(conn)
        .await?;
    rows.retain(|row| except != Some(row.id));
    Ok(rows)
}

/// What a change that has not ended yet will make of a rule.
async fn queued_change(conn: &impl ConnectionTrait, rule: i64) -> Result<Option<NewRule>, Error> {
    let (verb, kind) = OperationKind::Change(ResourceKind::FirewallRule).as_words();
    let states = [OperationState::Queued, OperationState::Running].map(OperationState::as_str);
    let change = operation::Entity::find()
        .filter(operation::Column::ResourceKind.eq(kind.map(ResourceKind::as_str)))
        .filter(operation::Column::ResourceId.eq(rule))
        .filter(operation::Column::Verb.eq(verb))
        .filter(operation::Column::State.is_in(states))
        .one(conn)
        .await?;
    change
        .map(|change| changed_rule(change.payload.as_deref()))
        .transpose()
}
