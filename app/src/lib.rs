//! What users see, and the calls they can make.

pub mod accounts;
mod breadcrumbs;
pub mod broadcasting;
mod browser;
pub mod firewall;
pub mod invitations;
mod landing;
mod layout;
pub mod lifecycle;
pub mod live;
pub mod operations;
mod pages;
pub mod policy;
pub mod programs;
pub mod scheduler;
mod search;
pub mod servers;
#[cfg(feature = "ssr")]
pub mod session;
pub mod sessions;
mod ui;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Redirect, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::accounts::{SessionGate, SignInDialog};
use crate::layout::Frame;
use crate::pages::{Entrance, OfAccount, OfOperation, OfServer, Page};
use crate::servers::ServersPage;
use crate::ui::{Clock, NotFound, ToastRegion, Toasts};

/// Whether the program has taken over the page that the server rendered. What changes with it must not have changed
/// before that: attributes are taken as they are.
#[derive(Clone, Copy)]
pub struct Hydrated(RwSignal<bool>);

impl Hydrated {
    pub fn not_yet() -> Self {
        Self(RwSignal::new(false))
    }

    pub fn get(self) -> bool {
        self.0.get()
    }

    /// All of the page is taken over, also the part whose code came last.
    pub fn done(self) {
        self.0.set(true);
        browser::mark("data-hydrated", true);
    }
}

/// The document around the app, as the server sends it.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use leptos::nonce::use_nonce;
    use leptos_meta::{HashedStylesheet, MetaTags};
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href=FAVICON/>
                <HashedStylesheet options=options.clone()/>
                <script nonce=use_nonce() inner_html=include_str!("starting.js")></script>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                {rendered()}
            </body>
        </html>
    }
}

/// The app as the server renders it.
#[cfg(feature = "ssr")]
pub fn rendered() -> impl IntoView {
    view! { <App hydrated=Hydrated::not_yet()/> }
}

/// The app: what every page shares, and the site map, one line per page. Pages arrive whole, with
/// their data: `SsrMode::Async`.
#[component]
pub fn App(hydrated: Hydrated) -> impl IntoView {
    provide_meta_context();
    provide_context(hydrated);
    Clock::provide();
    Toasts::provide();
    SessionGate::provide();
    accounts::provide_visitor();

    view! {
        <Title formatter=in_the_tab/>
        <Router>
            <Routes fallback=|| view! { <main class="bare"><NotFound/></main> }>
                <Route path=path!("/setup") view=Page::Entrance(Entrance::Setup) ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=Page::Entrance(Entrance::SignIn) ssr=SsrMode::Async/>
                <Route path=path!("/invitation") view=Page::Entrance(Entrance::Invitation) ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=Frame ssr=SsrMode::Async>
                    <Route path=path!("/") view=|| view! { <Redirect path="/servers"/> } ssr=SsrMode::Async/>
                    <Route path=path!("/servers") view=ServersPage ssr=SsrMode::Async/>
                    <Route path=path!("/servers/new") view=Page::Server(OfServer::New) ssr=SsrMode::Async/>
                    <ParentRoute path=path!("/servers/:id") view=Page::Server(OfServer::Frame) ssr=SsrMode::Async>
                        <Route path=path!("") view=Page::Server(OfServer::Overview) ssr=SsrMode::Async/>
                        <Route path=path!("/firewall") view=Page::Server(OfServer::Firewall) ssr=SsrMode::Async/>
                        <Route path=path!("/scheduler") view=Page::Server(OfServer::Scheduler) ssr=SsrMode::Async/>
                        <Route path=path!("/scheduler/:task") view=Page::Server(OfServer::Task) ssr=SsrMode::Async/>
                        <Route path=path!("/programs") view=Page::Server(OfServer::Programs) ssr=SsrMode::Async/>
                        <Route path=path!("/programs/:program") view=Page::Server(OfServer::Program) ssr=SsrMode::Async/>
                        <Route path=path!("/settings") view=Page::Server(OfServer::Settings) ssr=SsrMode::Async/>
                        <Route path=path!("/operations") view=Page::Operation(OfOperation::OfServer) ssr=SsrMode::Async/>
                        <Route path=path!("/operations/:operation") view=Page::Operation(OfOperation::One) ssr=SsrMode::Async/>
                    </ParentRoute>
                    <Route path=path!("/operations") view=Page::Operation(OfOperation::All) ssr=SsrMode::Async/>
                    <Route path=path!("/account") view=Page::Account(OfAccount::Own) ssr=SsrMode::Async/>
                    <Route path=path!("/accounts") view=Page::Account(OfAccount::All) ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
            <SignInDialog/>
        </Router>
        <ToastRegion/>
    }
}

fn in_the_tab(title: String) -> String {
    // leptos_meta writes a title into the document as it is; in the browser it is set as text.
    let title = if cfg!(feature = "ssr") {
        title
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    } else {
        title
    };
    if title.is_empty() {
        "BrokeForge".to_owned()
    } else {
        format!("{title} - BrokeForge")
    }
}

/// A hammer, so that browsers do not ask for /favicon.ico.
#[cfg(feature = "ssr")]
const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' \
                       fill='none' stroke='%23c2570c' stroke-width='2.5' stroke-linecap='round'%3E%3Cpath \
                       d='m15 12-8.4 8.4a1 1 0 1 1-3-3L12 9M18 15l4-4M21.5 11.5l-1.9-1.9V7l-2.3-2.3A6 6 0 0 \
                       0 9 3l3 5v2l2 2h1.2l3.3 2.5'/%3E%3C/svg%3E";
