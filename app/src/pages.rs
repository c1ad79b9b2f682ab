//! Which code a browser fetches with the first page, and which when a page that needs it is first opened.
//!
//! The frame and the list of servers come at once. Each other group of pages is a file of its own, made by the bundler
//! from the functions below that carry `wasm_split`; the names of the groups are the names of the files.

#![allow(
    clippy::unnecessary_wraps,
    reason = "a page cannot fail, fetching its code can, and the macro puts that into the same result"
)]

use leptos::prelude::*;
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use leptos_meta::Title;
use leptos_router::ChooseView;
use leptos_router::hooks::use_location;

use crate::accounts::{AccountPage, AccountsPage, SetupPage, SignInForm, SignInPage};
use crate::browser;
use crate::firewall::FirewallPage;
use crate::invitations::InvitationPage;
use crate::operations::{OperationPage, OperationsPage, ServerOperationsPage};
use crate::programs::{BackgroundProgramPage, ProgramsPage};
use crate::scheduler::{ScheduledTaskPage, SchedulerPage};
use crate::servers::{NewServerPage, ServerFrame, ServerPage, ServerSettingsPage};

/// A page whose code comes when it is opened.
#[derive(Clone, Copy, Debug)]
pub enum Page {
    Entrance(Entrance),
    Server(OfServer),
    Operation(OfOperation),
    Account(OfAccount),
}

/// What one sees before being signed in.
#[derive(Clone, Copy, Debug)]
pub enum Entrance {
    Setup,
    SignIn,
    Invitation,
}

#[derive(Clone, Copy, Debug)]
pub enum OfServer {
    New,
    /// What the pages of one server share.
    Frame,
    Overview,
    Firewall,
    Scheduler,
    /// One scheduled task.
    Task,
    Programs,
    /// One background program.
    Program,
    Settings,
}

#[derive(Clone, Copy, Debug)]
pub enum OfOperation {
    All,
    OfServer,
    One,
}

#[derive(Clone, Copy, Debug)]
pub enum OfAccount {
    Own,
    All,
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        // The document then names the file, and the browser fetches it beside the first one.
        #[cfg(feature = "ssr")]
        leptos::prefetch_lazy_fn_on_server(self.group());
        let view = match self {
            Self::Entrance(page) => entrance(page).await,
            Self::Server(page) => server(page).await,
            Self::Operation(page) => operation(page).await,
            Self::Account(page) => account(page).await,
        };
        view.unwrap_or_else(|NotThere| view! { <NotLoaded/> }.into_any())
    }

    async fn preload(&self) {
        // A failure shows in `choose`, which tries again.
        let _: Result<(), SplitLoaderError> = match self {
            Self::Entrance(_) => fetch_entrance().await,
            Self::Server(_) => fetch_server().await,
            Self::Operation(_) => fetch_operation().await,
            Self::Account(_) => fetch_account().await,
        };
    }
}

#[cfg(feature = "ssr")]
impl Page {
    fn group(self) -> &'static str {
        match self {
            Self::Entrance(_) => "entrance",
            Self::Server(_) => "server",
            Self::Operation(_) => "operation",
            Self::Account(_) => "account",
        }
    }
}

/// The code of a page, or of a part of it, could not be fetched.
pub struct NotThere;

impl From<SplitLoaderError> for NotThere {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

#[wasm_split(entrance, wasm_split_path = ::leptos::wasm_split, preload(fetch_entrance), fallible)]
fn entrance(page: Entrance) -> Result<AnyView, NotThere> {
    Ok(match page {
        Entrance::Setup => view! { <SetupPage/> }.into_any(),
        Entrance::SignIn => view! { <SignInPage/> }.into_any(),
        Entrance::Invitation => view! { <InvitationPage/> }.into_any(),
    })
}

/// The form alone, for the dialog over any page.
#[wasm_split(entrance, wasm_split_path = ::leptos::wasm_split, fallible)]
pub fn sign_in_again(done: Callback<()>) -> Result<AnyView, NotThere> {
    // The dialog was open before its form was there, and has put the focus elsewhere.
    request_animation_frame(|| browser::focus("dialog-email"));
    Ok(view! { <SignInForm form="dialog" done/> }.into_any())
}

#[wasm_split(server, wasm_split_path = ::leptos::wasm_split, preload(fetch_server), fallible)]
fn server(page: OfServer) -> Result<AnyView, NotThere> {
    Ok(match page {
        OfServer::New => view! { <NewServerPage/> }.into_any(),
        OfServer::Frame => view! { <ServerFrame/> }.into_any(),
        OfServer::Overview => view! { <ServerPage/> }.into_any(),
        OfServer::Firewall => view! { <FirewallPage/> }.into_any(),
        OfServer::Scheduler => view! { <SchedulerPage/> }.into_any(),
        OfServer::Task => view! { <ScheduledTaskPage/> }.into_any(),
        OfServer::Programs => view! { <ProgramsPage/> }.into_any(),
        OfServer::Program => view! { <BackgroundProgramPage/> }.into_any(),
        OfServer::Settings => view! { <ServerSettingsPage/> }.into_any(),
    })
}

#[wasm_split(operation, wasm_split_path = ::leptos::wasm_split, preload(fetch_operation), fallible)]
fn operation(page: OfOperation) -> Result<AnyView, NotThere> {
    Ok(match page {
        OfOperation::All => view! { <OperationsPage/> }.into_any(),
        OfOperation::OfServer => view! { <ServerOperationsPage/> }.into_any(),
        OfOperation::One => view! { <OperationPage/> }.into_any(),
    })
}

#[wasm_split(account, wasm_split_path = ::leptos::wasm_split, preload(fetch_account), fallible)]
fn account(page: OfAccount) -> Result<AnyView, NotThere> {
    Ok(match page {
        OfAccount::Own => view! { <AccountPage/> }.into_any(),
        OfAccount::All => view! { <AccountsPage/> }.into_any(),
    })
}

/// Instead of a page whose code did not come: the panel was upgraded since the document was loaded, or is not reachable.
/// A new document names the files that there are now.
#[component]
fn NotLoaded() -> impl IntoView {
    let location = use_location();
    let address = move || {
        format!(
            "{}{}",
            location.pathname.get(),
            location.query.get().to_query_string()
        )
    };
    view! {
        <Title text="Not loaded"/>
        <section class="empty">
            <h1>"This page could not be loaded"</h1>
            <p>"The panel was upgraded in the meantime, or cannot be reached. Load the page again."</p>
            <p>
                <a class="button is-primary" rel="external" href=address>
                    "Load again"
                </a>
            </p>
        </section>
    }
}
