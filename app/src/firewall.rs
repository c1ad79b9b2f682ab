//! The firewall of a server: its rules, live.

mod base;
mod dialogs;
mod form;
mod page;
mod rules;

use leptos::prelude::*;
use wire::firewall::{CreateRuleInput, FirewallResource, UpdateRuleInput};
use wire::json::Json;
use wire::servers::ServerInput;
use wire::{ApiError, RuleId};

pub use self::page::FirewallPage;

/// All that the firewall page shows.
#[server(prefix = "/api", endpoint = "firewall/show", input = Json, output = Json)]
pub async fn show(input: ServerInput) -> Result<FirewallResource, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::firewall::show(&panel.db, &server).await?)
}

/// Adds a rule.
#[server(prefix = "/api", endpoint = "firewall/create", input = Json, output = Json)]
pub async fn create(input: CreateRuleInput) -> Result<RuleId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let rule = wire::firewall::NewRule::parse(&input.rule)?;
    Ok(domain::firewall::request(&panel.db, &who, &server, rule, &input.request_key).await?)
}

/// Changes a rule.
#[server(prefix = "/api", endpoint = "firewall/update", input = Json, output = Json)]
pub async fn update(input: UpdateRuleInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let rule = wire::firewall::NewRule::parse(&input.rule)?;
    let (id, shown) = (input.rule_id, Some(&input.shown));
    domain::firewall::request_change(&panel.db, &who, &server, id, rule, shown).await?;
    Ok(())
}
