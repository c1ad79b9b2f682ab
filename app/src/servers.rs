//! Servers: the list, the form that adds one, and a server's own pages.

mod add;
mod checking;
mod connection;
mod detail;
mod frame;
mod header;
mod host_key;
mod list;
mod overview;
mod password;
mod provisioning;
mod reboot;
mod remove;
mod settings;
mod stand;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use wire::accounts::NoInput;
use wire::json::Json;
#[cfg(feature = "ssr")]
use wire::provisioning::ProvisionChoices;
use wire::provisioning::ProvisionInput;
#[cfg(feature = "ssr")]
use wire::servers::edit::ServerEdit;
use wire::servers::edit::{AcceptHostKeyInput, UpdateOutcome, UpdateServerInput};
use wire::servers::{
    CheckedConnection, HostKeyInput, HostKeyResource, NewServerInput, RemoveServerInput,
    RemovedServer, ServerInput, ServerResource, ServerSummary,
};
use wire::{ApiError, OperationId, ServerId};

pub use self::add::NewServerPage;
pub use self::detail::ServerPage;
pub use self::frame::ServerFrame;
pub use self::list::ServersPage;
pub use self::settings::ServerSettingsPage;

/// The caller's servers, by name.
#[server(prefix = "/api", endpoint = "servers/list", input = Json, output = Json)]
pub async fn list(input: NoInput) -> Result<Vec<ServerSummary>, ApiError> {
    let NoInput {} = input;
    let (panel, who) = crate::session::signed_in()?;
    Ok(domain::servers::list(&panel.db, &who).await?)
}

/// All that a server's own page shows.
#[server(prefix = "/api", endpoint = "servers/show", input = Json, output = Json)]
pub async fn show(input: ServerInput) -> Result<ServerResource, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::servers::show(&panel, &server).await?)
}

/// The host key that a server shows right now.
#[server(prefix = "/api", endpoint = "servers/host_key", input = Json, output = Json)]
pub async fn host_key(input: HostKeyInput) -> Result<HostKeyResource, ApiError> {
    let (panel, who) = crate::session::signed_in()?;
    let (address, port) = wire::servers::parse_host_key_input(&input)?;
    Ok(domain::servers::host_key(&panel, &who, &address, port).await?)
}

/// Adds a server and makes its key pair.
#[server(prefix = "/api", endpoint = "servers/create", input = Json, output = Json)]
pub async fn create(input: NewServerInput) -> Result<ServerId, ApiError> {
    let (panel, who) = crate::session::signed_in()?;
    let new = wire::servers::NewServer::parse(&input)?;
    Ok(domain::servers::add(&panel, &who, new).await?)
}

/// Tries to get in now; how it went is news to every page that shows the server.
#[server(prefix = "/api", endpoint = "servers/check", input = Json, output = Json)]
pub async fn check(input: ServerInput) -> Result<CheckedConnection, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::servers::check(&panel, &who, &server).await?)
}

/// Queues a provisioning.
#[server(prefix = "/api", endpoint = "servers/provision", input = Json, output = Json)]
pub async fn provision(input: ProvisionInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let choices = input.choices.as_ref().map(ProvisionChoices::parse);
    let choices = choices.transpose()?;
    Ok(domain::servers::request_provisioning(&panel.db, &who, &server, choices).await?)
}

/// Changes what the panel knows of a server.
#[server(prefix = "/api", endpoint = "servers/update", input = Json, output = Json)]
pub async fn update(input: UpdateServerInput) -> Result<UpdateOutcome, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let edit = ServerEdit::parse(&input.fields)?;
    let UpdateServerInput {
        shown, host_key, ..
    } = &input;
    Ok(domain::servers::update(&panel, &who, &server, &edit, shown, host_key).await?)
}

/// Pins the key that was found in place of the pinned one.
#[server(prefix = "/api", endpoint = "servers/accept_host_key", input = Json, output = Json)]
pub async fn accept_host_key(input: AcceptHostKeyInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::servers::accept_host_key(&panel, &who, &server, &input).await?)
}

/// Queues a reboot.
#[server(prefix = "/api", endpoint = "servers/reboot", input = Json, output = Json)]
pub async fn reboot(input: ServerInput) -> Result<OperationId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::servers::request_reboot(&panel.db, &who, &server).await?)
}

/// Takes a server out of the panel.
#[server(prefix = "/api", endpoint = "servers/remove", input = Json, output = Json)]
pub async fn remove(input: RemoveServerInput) -> Result<RemovedServer, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::servers::remove(&panel, &who, &server, &input.confirm_name).await?)
}

/// The server that the page's address names.
pub fn use_server_id() -> Memo<Option<ServerId>> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get("id")?.parse().ok()))
}
