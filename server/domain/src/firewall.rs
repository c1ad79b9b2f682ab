//! Firewall rules, the first managed resource. `conflicts`: rules that cannot stand beside others.

mod conflicts;

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use wire::firewall::{FirewallEvent, FirewallResource, NewRule, RuleFields, RuleResource};
use wire::operations::OperationKind;
use wire::{ApiError, OperationId, ResourceKind, RuleId, ServerId, Status, Timestamp};

pub(crate) use self::conflicts::{in_the_way, refuse_what_cannot_be};
use crate::access::{OwnedServer, SignedIn};
use crate::audit::{self, Topic};
use crate::db::Tx;
use crate::entities::{firewall_rule, operation, server};
use crate::managed::{self, Managed};
use crate::queue::{self, NewOperation};
use crate::unseen::refuse_unseen_changes;
use crate::{Db, Error, servers, words};

/// More than any sshd listens on.
const MOST_PORTS: usize = 20;

/// All that the firewall page shows.
///
/// # Errors
/// When the database does not answer.
pub async fn show(db: &Db, server: &OwnedServer) -> Result<FirewallResource, Error> {
    let rows = firewall_rule::Entity::find()
        .filter(firewall_rule::Column::ServerId.eq(server.0.id))
        .order_by_desc(firewall_rule::Column::Id)
        .all(db.reads())
        .await?;
    let operations = last_operations(db.reads(), &rows).await?;
    let rules = rows.into_iter().map(|row| {
        let operation = operations.get(&row.id).copied();
        rule_resource(row, operation)
    });
    let rules = rules.collect::<Result<_, _>>()?;
    let events = audit::latest(db, server.id(), Topic::Firewall, 10).await?;
    Ok(FirewallResource {
        server: servers::summary(db, server).await?,
        installed: server.0.firewall_installed,
        enabled: server.0.firewall_enabled,
        base_ports: base_ports(&server.0),
        rules,
        recent_events: events
            .into_iter()
            .map(|entry| FirewallEvent {
                id: entry.id,
                sentence: entry.sentence,
                actor: entry.actor,
                at: Timestamp(entry.at),
            })
            .collect(),
    })
}

/// Records a rule as pending and queues its work, at once. The same form sent again answers with
/// the rule it made the first time.
///
/// # Errors
/// A sentence for each field that cannot be used; `Conflict` on a server that is not provisioned.
pub async fn request(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    rule: NewRule,
    request_key: &str,
) -> Result<RuleId, Error> {
    if !(8..=64).contains(&request_key.len()) {
        return Err(ApiError::field("request_key", "Reload the page and try again.").into());
    }
    let mut tx = db.begin().await?;
    let made_before = firewall_rule::Entity::find()
        .filter(firewall_rule::Column::ServerId.eq(server.0.id))
        .filter(firewall_rule::Column::RequestKey.eq(request_key))
        .one(tx.reads())
        .await?;
    if let Some(rule) = made_before {
        return Ok(RuleId(rule.id));
    }
    refuse_what_cannot_be(tx.reads(), &server.0, &rule, None).await?;
    let at = tx.at().0;
    let row = tx
        .insert(firewall_rule::ActiveModel {
            id: NotSet,
            server_id: Set(server.0.id),
            name: Set(rule.name.clone()),
            port: Set(rule.port.to_string()),
            protocol: Set(rule.protocol.as_str().to_owned()),
            source: Set(rule.source.to_string()),
            action: Set(rule.action.as_str().to_owned()),
            status: Set(Status::Pending.as_str().to_owned()),
            error_log: Set(None),
            request_key: Set(request_key.to_owned()),
            created_at: Set(at),
            updated_at: Set(at),
        })
        .await?;
    queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Install(ResourceKind::FirewallRule),
            resource_id: Some(row.id),
            title: format!("Add firewall rule {}", label(&row)),
            prior_status: None,
            payload: None,
        },
    )
    .await?;
    tx.commit().await?;
    Ok(RuleId(row.id))
}

/// Changes a rule on its server; the record keeps its old words until that has worked. `None`: it says so already.
///
/// # Errors
/// As `request`; `Conflict` while other work on the rule is under way, and when somebody else has changed it since it was
/// shown.
pub async fn request_change(
    db: &Db,
    who: &SignedIn,
    server: &OwnedServer,
    id: RuleId,
    rule: NewRule,
    shown: Option<&RuleFields>,
) -> Result<Option<OperationId>, Error> {
    let mut tx = db.begin().await?;
    let row = find(tx.reads(), server.id(), id.0).await?;
    let status = words::status(&row.status)?;
    if !status.may_become(Status::Installing) || status == Status::Pending {
        return Err(Error::conflict(format!(
            "This firewall rule is {}; wait until that has ended.",
            status.as_str()
        )));
    }
    let present = rule_of(&row)?;
    if present == rule {
        return Ok(None);
    }
    if let Some(shown) = shown {
        refuse_unseen_changes("firewall rule", &present.into(), shown)?;
    }
    refuse_what_cannot_be(tx.reads(), &server.0, &rule, Some(id)).await?;
    managed::write(
        &mut tx,
        ResourceKind::FirewallRule,
        row.id,
        status,
        Status::Installing,
        None,
    )
    .await?;
    let payload = serde_json::to_string(&rule)
        .map_err(|error| Error::Internal(format!("payload: {error}")))?;
    let operation = queue::push(
        &mut tx,
        &who.into(),
        NewOperation {
            server: server.id(),
            kind: OperationKind::Change(ResourceKind::FirewallRule),
            resource_id: Some(row.id),
            title: format!("Change firewall rule {}", label(&row)),
            prior_status: Some(status),
            payload: Some(payload),
        },
    )
    .await?;
    tx.commit().await?;
    Ok(Some(operation))
}

/// What a change makes of a rule, by the operation's payload.
///
/// # Errors
/// When it cannot be read.
pub fn changed_rule(payload: Option<&str>) -> Result<NewRule, Error> {
    serde_json::from_str(payload.unwrap_or_default())
        .map_err(|error| Error::Internal(format!("payload of a change: {error}")))
}

/// The rule of a record, and what a queued change would make of it.
///
/// # Errors
/// `NotFound` when it is gone.
pub async fn rule(db: &Db, server: ServerId, id: i64) -> Result<NewRule, Error> {
    rule_of(&find(db.reads(), server, id).await?)
}

/// The ports that provisioning keeps open.
fn base_ports(server: &server::Model) -> Vec<u16> {
    let mut ports = ssh_ports(server);
    for port in [80, 443] {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// The ports sshd was found to listen on, or else the one the panel connects to.
fn ssh_ports(server: &server::Model) -> Vec<u16> {
    let found = server.sshd_ports.iter().flat_map(|words| words.split(' '));
    let found: Vec<_> = found.filter_map(|word| word.parse().ok()).collect();
    if found.is_empty() {
        vec![u16::try_from(server.port).unwrap_or(22)]
    } else {
        found
    }
}

/// Notes the ports that sshd was found to listen on; what is no port is left out.
pub fn note_sshd_ports(server: &mut server::Model, words: &str) {
    let ports = words.split(' ').filter_map(|word| word.parse::<u16>().ok());
    let ports: BTreeSet<_> = ports.filter(|port| *port != 0).take(MOST_PORTS).collect();
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    server.sshd_ports = (!ports.is_empty()).then(|| ports.join(" "));
}

/// The last operation of each of these rules.
async fn last_operations(
    conn: &impl ConnectionTrait,
    rules: &[firewall_rule::Model],
) -> Result<HashMap<i64, OperationId>, Error> {
    let latest: Vec<(i64, i64)> = operation::Entity::find()
        .select_only()
        .column(operation::Column::ResourceId)
        .column_as(operation::Column::Id.max(), "latest")
        .filter(operation::Column::ResourceKind.eq(ResourceKind::FirewallRule.as_str()))
        .filter(operation::Column::ResourceId.is_in(rules.iter().map(|rule| rule.id)))
        .group_by(operation::Column::ResourceId)
        .into_tuple()
        .all(conn)
        .await?;
    let latest = latest.into_iter();
    Ok(latest.map(|(rule, id)| (rule, OperationId(id))).collect())
}

fn rule_resource(
    row: firewall_rule::Model,
    operation_id: Option<OperationId>,
) -> Result<RuleResource, Error> {
    Ok(RuleResource {
        id: RuleId(row.id),
        protocol: words::protocol(&row.protocol)?,
        action: words::action(&row.action)?,
        status: words::status(&row.status)?,
        name: row.name,
        port: row.port,
        source: Some(row.source).filter(|source| !source.is_empty()),
        error_log: row.error_log,
        operation_id,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    })
}

/// A child is found under its server only: knowing its id is not enough.
async fn find(
    conn: &impl ConnectionTrait,
    server: ServerId,
    id: i64,
) -> Result<firewall_rule::Model, Error> {
    firewall_rule::Entity::find_by_id(id)
        .filter(firewall_rule::Column::ServerId.eq(server.0))
        .one(conn)
        .await?
        .ok_or(Error::Known(ApiError::NotFound))
}

fn rule_of(row: &firewall_rule::Model) -> Result<NewRule, Error> {
    Ok(NewRule {
        name: row.name.clone(),
        port: words::port_range(&row.port)?,
        protocol: words::protocol(&row.protocol)?,
        source: words::source(&row.source)?,
        action: words::action(&row.action)?,
    })
}

/// `Web (8081/tcp)`
fn label(row: &firewall_rule::Model) -> String {
    format!("{} ({}/{})", row.name, row.port, row.protocol)
}

pub(crate) async fn managed(tx: &Tx, server: ServerId, id: i64) -> Result<Managed, Error> {
    let row = find(tx.reads(), server, id).await?;
    Ok(Managed {
        status: words::status(&row.status)?,
        label: label(&row),
    })
}

pub(crate) async fn apply_change(tx: &mut Tx, id: i64, payload: &str) -> Result<(), Error> {
    let rule = changed_rule(Some(payload))?;
    let Some(row) = firewall_rule::Entity::find_by_id(id)
        .one(tx.reads())
        .await?
    else {
        return Ok(());
    };
    tx.update(&row, |row| {
        row.name = rule.name;
        row.port = rule.port.to_string();
        row.protocol = rule.protocol.as_str().to_owned();
        row.source = rule.source.to_string();
        row.action = rule.action.as_str().to_owned();
    })
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    if let Some(row) = firewall_rule::Entity::find_by_id(id)
        .one(tx.reads())
        .await?
    {
        tx.delete(row).await?;
    }
    Ok(())
}
