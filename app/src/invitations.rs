//! Invitations: the administrator makes a link, whoever gets it makes an account with it.

mod invite;
mod page;

use leptos::prelude::*;
use wire::ApiError;
use wire::accounts::NoInput;
use wire::invitations::{
    AcceptInvitationInput, InvitationInput, InvitationLink, InvitationResource, InvitationState,
    InvitationTokenInput, InviteInput,
};
use wire::json::Json;

pub use self::invite::Invitations;
pub use self::page::InvitationPage;

/// The invitations that nobody has used yet.
#[server(prefix = "/api", endpoint = "invitations/list", input = Json, output = Json)]
pub async fn list(input: NoInput) -> Result<Vec<InvitationResource>, ApiError> {
    let NoInput {} = input;
    let (panel, administrator) = crate::session::administrator()?;
    Ok(domain::invitations::list(&panel.db, &administrator).await?)
}

/// Invites somebody; the answer holds the link, this once.
#[server(prefix = "/api", endpoint = "invitations/create", input = Json, output = Json)]
pub async fn create(input: InviteInput) -> Result<InvitationLink, ApiError> {
    let (panel, administrator) = crate::session::administrator()?;
    let email = wire::accounts::Email::parse(&input.email)
        .map_err(|message| ApiError::field("email", message))?;
    Ok(domain::invitations::create(&panel, &administrator, &email).await?)
}

/// Withdraws an invitation.
#[server(prefix = "/api", endpoint = "invitations/revoke", input = Json, output = Json)]
pub async fn revoke(input: InvitationInput) -> Result<(), ApiError> {
    let (panel, administrator) = crate::session::administrator()?;
    Ok(domain::invitations::revoke(&panel.db, &administrator, input.invitation_id).await?)
}

/// What a link is good for.
#[server(prefix = "/api", endpoint = "invitations/show", input = Json, output = Json)]
pub async fn show(input: InvitationTokenInput) -> Result<InvitationState, ApiError> {
    let (panel, caller) = (crate::session::panel()?, crate::session::caller()?);
    Ok(domain::invitations::show(&panel, &caller, &input.token).await?)
}

/// Makes the invited account and signs it in.
#[server(prefix = "/api", endpoint = "invitations/accept", input = Json, output = Json)]
pub async fn accept(input: AcceptInvitationInput) -> Result<(), ApiError> {
    let (panel, caller) = (crate::session::panel()?, crate::session::caller()?);
    let acceptance = wire::invitations::Acceptance::parse(&input)?;
    let token = domain::invitations::accept(&panel, &caller, acceptance).await?;
    crate::session::begin(&panel, &token);
    Ok(())
}
