//! Who is signed in; setting up, signing in and out.

mod gate;
mod pages;

use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use wire::ApiError;
use wire::accounts::{NoInput, SetupInput, SignInInput, Visitor};

pub use self::gate::{SessionGate, SignInDialog};
pub use self::pages::{SetupPage, SignInPage};

/// Who the page is for.
#[server(name = WhoIsHere, prefix = "/api", endpoint = "accounts/visitor", input = Json, output = Json)]
pub async fn visitor(input: NoInput) -> Result<Visitor, ApiError> {
    let NoInput {} = input;
    let (panel, caller) = (crate::session::panel()?, crate::session::caller()?);
    Ok(domain::accounts::visitor(&panel.db, &caller).await?)
}

/// Makes the first account and signs it in.
#[server(prefix = "/api", endpoint = "accounts/setup", input = Json, output = Json)]
pub async fn setup(input: SetupInput) -> Result<(), ApiError> {
    let (panel, caller) = (crate::session::panel()?, crate::session::caller()?);
    let account = wire::accounts::NewAccount::parse(&input)?;
    let token = domain::accounts::set_up(&panel, &caller, account).await?;
    crate::session::begin(&panel, &token);
    Ok(())
}

/// Signs somebody in.
#[server(prefix = "/api", endpoint = "accounts/sign_in", input = Json, output = Json)]
pub async fn sign_in(input: SignInInput) -> Result<(), ApiError> {
    let (panel, caller) = (crate::session::panel()?, crate::session::caller()?);
    let token = domain::accounts::sign_in(&panel, &caller, &input).await?;
    crate::session::begin(&panel, &token);
    Ok(())
}

/// Ends the caller's session.
#[server(prefix = "/api", endpoint = "accounts/sign_out", input = Json, output = Json)]
pub async fn sign_out(input: NoInput) -> Result<(), ApiError> {
    let NoInput {} = input;
    let (panel, who) = crate::session::signed_in()?;
    domain::accounts::sign_out(&panel.db, &who).await?;
    crate::session::end(&panel);
    Ok(())
}

/// The visitor of this page, asked once per document.
#[derive(Clone, Copy)]
pub struct PageVisitor(pub OnceResource<Result<Visitor, ApiError>>);

pub fn provide_visitor() {
    provide_context(PageVisitor(OnceResource::new(visitor(NoInput {}))));
}
