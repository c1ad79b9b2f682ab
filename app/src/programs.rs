//! The background programs of a server, live.

mod dialogs;
mod form;
mod log;
mod page;
mod processes;
mod program_page;
mod table;
mod variables;

use leptos::prelude::*;
use wire::json::Json;
use wire::programs::{
    ControlInput, CreateProgramInput, LogInput, LogResource, ProgramInput, ProgramPage,
    ProgramsResource, UpdateProgramInput,
};
use wire::servers::ServerInput;
use wire::{ApiError, OperationId, ProgramId};

pub use self::page::ProgramsPage;
pub use self::program_page::BackgroundProgramPage;

/// All that the page of a server's programs shows.
#[server(prefix = "/api", endpoint = "programs/show", input = Json, output = Json)]
pub async fn show(input: ServerInput) -> Result<ProgramsResource, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::programs::show(&panel.db, &server).await?)
}

/// Adds a program.
#[server(prefix = "/api", endpoint = "programs/create", input = Json, output = Json)]
pub async fn create(input: CreateProgramInput) -> Result<ProgramId, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let program = wire::programs::NewProgram::parse(&input.program)?;
    Ok(domain::programs::request(&panel, &who, &server, program, &input.request_key).await?)
}

/// Changes a program.
#[server(prefix = "/api", endpoint = "programs/update", input = Json, output = Json)]
pub async fn update(input: UpdateProgramInput) -> Result<(), ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let program = wire::programs::NewProgram::parse(&input.program)?;
    let (id, shown) = (input.program_id, Some(&input.shown));
    domain::programs::request_edit(&panel, &who, &server, id, program, shown).await?;
    Ok(())
}

/// Starts, stops or restarts a program; answers with the operation, if that takes one.
#[server(prefix = "/api", endpoint = "programs/control", input = Json, output = Json)]
pub async fn control(input: ControlInput) -> Result<Option<OperationId>, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    let change = domain::programs::ProgramChange::Control(input.act);
    let id = input.program_id;
    Ok(domain::programs::request_change(&panel, &who, &server, id, change, None).await?)
}

/// A program with its processes.
#[server(prefix = "/api", endpoint = "programs/program", input = Json, output = Json)]
pub async fn program(input: ProgramInput) -> Result<ProgramPage, ApiError> {
    let (panel, _, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::programs::show_program(&panel.db, &server, input.program_id).await?)
}

/// What the processes of a program printed last, asked of the server now.
#[server(prefix = "/api", endpoint = "programs/log", input = Json, output = Json)]
pub async fn log(input: LogInput) -> Result<LogResource, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::programs::log(&panel, &who, &server, input.program_id).await?)
}
