//! Operations: remote work with its steps, its output, and how it ended.

mod badge;
mod cancel;
mod failure;
mod feed;
mod page;
mod steps;
mod view;

use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use wire::ApiError;
use wire::operations::{OperationInput, OperationResource, OutputInput, OutputPage};

pub use self::badge::OperationBadge;
pub use self::cancel::CancelInRow;
pub use self::page::OperationPage;
pub use self::view::OperationView;

/// An operation with its steps.
#[server(prefix = "/api", endpoint = "operations/show", input = Json, output = Json)]
pub async fn show(input: OperationInput) -> Result<OperationResource, ApiError> {
    let (panel, operation) = crate::session::owned_operation(input.operation_id).await?;
    Ok(domain::operations::show(&panel.db, &operation).await?)
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
