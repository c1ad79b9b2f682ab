//! Operations: remote work with its steps, its output, and how it ended.

mod badge;
mod cancel;
mod endings;
mod failure;
mod feed;
mod follow;
mod list;
mod page;
mod plan;
mod printed;
mod retry;
mod row;
mod steps;
mod view;

#[cfg(feature = "ssr")]
use domain::operations::Scope;
use leptos::prelude::*;
use wire::json::Json;
use wire::operations::list::{OperationList, OperationListInput};
use wire::operations::{OperationInput, OperationResource, OutputInput, OutputPage};
use wire::plan::{PlanResource, PreviewInput};
use wire::{ApiError, OperationId};

pub use self::badge::OperationBadge;
pub use self::cancel::CancelInRow;
pub use self::endings::tell_of_endings;
pub use self::follow::UnderWay;
pub use self::list::{OperationsPage, ServerOperationsPage};
pub use self::page::OperationPage;
pub use self::plan::{Steps, Wanted};
pub use self::printed::Printed;
pub use self::view::OperationView;

/// A page of a list of operations: of one server, or of all that are the caller's.
#[server(prefix = "/api", endpoint = "operations/list", input = Json, output = Json)]
pub async fn list(input: OperationListInput) -> Result<OperationList, ApiError> {
    let OperationListInput {
        server_id,
        filter,
        page,
    } = input;
    let (panel, who) = crate::session::signed_in()?;
    Ok(match server_id {
        Some(id) => {
            let (_, _, server) = crate::session::owned_server(id).await?;
            domain::operations::list(&panel.db, Scope::Server(&server), filter, page).await?
        }
        None => domain::operations::list(&panel.db, Scope::Account(&who), filter, page).await?,
    })
}

/// An operation with its steps.
#[server(prefix = "/api", endpoint = "operations/show", input = Json, output = Json)]
pub async fn show(input: OperationInput) -> Result<OperationResource, ApiError> {
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::operations::show(&panel.db, &operation).await?)
}

/// The steps of an operation as one script: what is going to run, or what ran.
#[server(prefix = "/api", endpoint = "operations/plan", input = Json, output = Json)]
pub async fn plan(input: OperationInput) -> Result<PlanResource, ApiError> {
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::operations::plan(&panel.db, &operation).await?)
}

/// The steps that work would take, without asking for it.
#[server(prefix = "/api", endpoint = "operations/preview", input = Json, output = Json)]
pub async fn preview(input: PreviewInput) -> Result<PlanResource, ApiError> {
    let (panel, who, server) = crate::session::owned_server(input.server_id).await?;
    Ok(domain::planner::preview(&panel, &who, &server, &input.work).await?)
}

/// What an operation printed after the last chunk that the reader has.
#[server(prefix = "/api", endpoint = "operations/output", input = Json, output = Json)]
pub async fn output(input: OutputInput) -> Result<OutputPage, ApiError> {
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::operations::output(&panel.db, &operation, input.after).await?)
}

/// Ends an operation before its time: nothing of it runs on its server afterwards.
#[server(prefix = "/api", endpoint = "operations/cancel", input = Json, output = Json)]
pub async fn cancel(input: OperationInput) -> Result<(), ApiError> {
    let (_, who) = crate::session::signed_in()?;
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::queue::cancel(&panel.db, &who, &operation).await?)
}

/// Queues what has failed again.
#[server(prefix = "/api", endpoint = "operations/retry", input = Json, output = Json)]
pub async fn retry(input: OperationInput) -> Result<OperationId, ApiError> {
    let (_, who) = crate::session::signed_in()?;
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::operations::retry(&panel, &who, &operation).await?)
}
