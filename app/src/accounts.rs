//! Who is signed in; setting up, signing in and out.

mod everyone;
mod gate;
mod pages;
mod settings;
mod tabs;
mod way_back;

use leptos::prelude::*;
use wire::ApiError;
use wire::accounts::{
    AccountResource, AccountSummary, ChangePasswordInput, NoInput, RemoveAccountInput, SetupInput,
    SignInInput, UpdateAccountInput, Visitor,
};
use wire::json::Json;

pub use self::everyone::AccountsPage;
pub use self::gate::{SessionGate, SignInDialog, SignedOutNote};
pub use self::pages::{Brand, SetupPage, SignInForm, SignInPage};
pub use self::settings::AccountPage;
pub use self::way_back::WayBack;

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
    domain::sessions::end(&panel.db, &who).await?;
    crate::session::end(&panel);
    Ok(())
}

/// The caller's account.
#[server(prefix = "/api", endpoint = "accounts/show", input = Json, output = Json)]
pub async fn show(input: NoInput) -> Result<AccountResource, ApiError> {
    let NoInput {} = input;
    let (_, who) = crate::session::signed_in()?;
    Ok(who.account)
}

/// Changes the caller's name and e-mail.
#[server(prefix = "/api", endpoint = "accounts/update", input = Json, output = Json)]
pub async fn update(input: UpdateAccountInput) -> Result<(), ApiError> {
    let (panel, who) = crate::session::signed_in()?;
    let change = wire::accounts::AccountChange::parse(&input)?;
    Ok(domain::accounts::update(&panel, &who, change).await?)
}

/// Changes the caller's password; their other sessions end.
#[server(prefix = "/api", endpoint = "accounts/change_password", input = Json, output = Json)]
pub async fn change_password(input: ChangePasswordInput) -> Result<(), ApiError> {
    let (panel, who) = crate::session::signed_in()?;
    let change = wire::accounts::PasswordChange::parse(&input)?;
    let token = domain::accounts::change_password(&panel, &who, change).await?;
    crate::session::begin(&panel, &token);
    Ok(())
}

/// Everybody's accounts.
#[server(prefix = "/api", endpoint = "accounts/list", input = Json, output = Json)]
pub async fn list(input: NoInput) -> Result<Vec<AccountSummary>, ApiError> {
    let NoInput {} = input;
    let (panel, administrator) = crate::session::administrator()?;
    Ok(domain::accounts::list(&panel.db, &administrator).await?)
}

/// Removes somebody's account.
#[server(prefix = "/api", endpoint = "accounts/remove", input = Json, output = Json)]
pub async fn remove(input: RemoveAccountInput) -> Result<(), ApiError> {
    let (panel, administrator) = crate::session::administrator()?;
    let RemoveAccountInput {
        user_id,
        confirm_email,
    } = input;
    Ok(domain::accounts::remove(&panel.db, &administrator, user_id, &confirm_email).await?)
}

/// The visitor of this page, asked once per document.
#[derive(Clone, Copy)]
pub struct PageVisitor(pub OnceResource<Result<Visitor, ApiError>>);

pub fn provide_visitor() {
    provide_context(PageVisitor(OnceResource::new(visitor(NoInput {}))));
}
