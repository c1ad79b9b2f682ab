//! The frame around every page: where to go, where one is, and whether it is live.

use leptos::prelude::*;
use leptos_router::components::{A, Outlet, Redirect};
use leptos_router::hooks::use_location;
use wire::accounts::{AccountResource, NoInput, Visitor};
use wire::event::Channel;
use wire::servers::ServerSummary;

use crate::accounts::{PageVisitor, SessionGate, SignedOutNote, WayBack, show, sign_out};
use crate::breadcrumbs::{Breadcrumbs, Names};
use crate::live::{self, Live, LiveStatus, Pulse, live};
use crate::operations::tell_of_endings;
use crate::search::Search;
use crate::ui::{Icon, Shape, Submission};
use crate::{browser, landing, servers};

/// The servers of the account, kept once for the side bar, the path and the list.
#[derive(Clone, Copy)]
pub struct AllServers(pub Live<Vec<ServerSummary>>);

/// The account behind the page, kept once for the side bar and its own page.
#[derive(Clone, Copy)]
pub struct OwnAccount(pub Live<AccountResource>);

/// Frame and page.
#[component]
pub fn Frame() -> impl IntoView {
    let PageVisitor(visitor) = expect_context();
    let pulse = Pulse::new();
    provide_context(pulse);
    let all = AllServers(live(Channel::Servers, || servers::list(NoInput {})));
    provide_context(all);
    let own = OwnAccount(live(Channel::Account, || show(NoInput {})));
    provide_context(own);
    provide_context(Names::default());
    landing::follow_the_path();
    let here = use_location();
    let way_in = here.pathname.with_untracked(|path| {
        here.search
            .with_untracked(|query| WayBack::to(path, query).sign_in())
    });
    view! {
        <a class="skip-link" href="#content">
            "Skip to content"
        </a>
        <div class="frame">
            <nav class="side" aria-label="Main">
                <A href="/servers" attr:class="brand">
                    <Icon shape=Shape::Hammer/>
                    "BrokeForge"
                </A>
                <Suspense>
                    {Suspend::new(async move {
                        let servers = all.0.first().await;
                        let is_known = servers.is_ok();
                        view! { <SideLinks servers=servers.unwrap_or_default() is_known/> }
                    })}
                </Suspense>
                <Suspense>
                    {Suspend::new(async move {
                        match visitor.await {
                            Ok(Visitor::SignedIn(_)) => {
                                own.0
                                    .first()
                                    .await
                                    .ok()
                                    .map(|account| view! { <AccountMenu account pulse/> })
                                    .into_any()
                            }
                            Ok(Visitor::SignedOut) => view! { <Redirect path=way_in/> }.into_any(),
                            Ok(Visitor::SetupNeeded) => view! { <Redirect path="/setup"/> }.into_any(),
                            Err(_) => ().into_any(),
                        }
                    })}
                </Suspense>
            </nav>
            <div class="main">
                <header class="top">
                    <Suspense>
                        {Suspend::new(async move {
                            let servers = all.0.first().await.unwrap_or_default();
                            view! {
                                <Breadcrumbs servers/>
                                <Search servers/>
                            }
                        })}
                    </Suspense>
                    <LiveIndicator pulse/>
                </header>
                <SignedOutNote/>
                <LiveTrouble pulse/>
                <main id="content" tabindex="-1">
                    <Outlet/>
                </main>
            </div>
        </div>
    }
}

/// Where to go. The sign of the operations turns while anything is under way on any server.
#[component]
fn SideLinks(servers: Signal<Vec<ServerSummary>>, is_known: bool) -> impl IntoView {
    let count = Signal::derive(move || servers.with(Vec::len).to_string());
    let is_busy = Memo::new(move |_| {
        servers.with(|servers| servers.iter().any(|server| server.busy_with.is_some()))
    });
    let sign = Signal::derive(move || {
        if is_busy.get() {
            Shape::Loader
        } else {
            Shape::Activity
        }
    });
    view! {
        <ul class="side-links">
            <li>
                <A href="/servers">
                    <Icon shape=Shape::Server/>
                    "Servers"
                    {is_known.then(|| view! { <span class="count">{count}</span> })}
                </A>
            </li>
            <li>
                <A href="/operations">
                    <Icon shape=sign/>
                    "Operations"
                </A>
            </li>
        </ul>
    }
}

/// Who is signed in, and the way out. With a session there is something to listen to, so the socket
/// opens here.
#[component]
fn AccountMenu(account: Signal<AccountResource>, pulse: Pulse) -> impl IntoView {
    let gate = expect_context::<SessionGate>();
    Effect::new(move || live::start(pulse, gate));
    tell_of_endings(account.with_untracked(|account| account.id));
    let submission = Submission::bare();
    let name = Signal::derive(move || account.with(|account| account.name.clone()));
    let email = Signal::derive(move || account.with(|account| account.email.clone()));
    let leave = move |_| submission.run(sign_out(NoInput {}), |()| browser::go_to("/sign-in"));
    view! {
        <div class="account">
            <A
                href="/account"
                attr:class="account-link"
                attr:title=email
            >
                <Icon shape=Shape::User/>
                <span class="account-name">{name}</span>
            </A>
            <button
                type="button"
                class="icon-button"
                aria-label="Sign out"
                title="Sign out"
                aria-disabled=move || submission.aria_disabled()
                on:click=leave
            >
                <Icon shape=Shape::SignOut/>
            </button>
        </div>
    }
}

/// Never a false green.
#[component]
fn LiveIndicator(pulse: Pulse) -> impl IntoView {
    let Pulse { status, counts } = pulse;
    Effect::new(move || {
        let counts = counts.get();
        browser::mark("data-events", counts.events);
        browser::mark("data-refetches", counts.refetches);
        browser::mark("data-catch-ups", counts.catch_ups);
        browser::mark("data-fallback-refetches", counts.fallback_refetches);
    });
    let words = Signal::derive(move || match status.get() {
        LiveStatus::Connecting => "connecting".to_owned(),
        LiveStatus::Live => "live".to_owned(),
        LiveStatus::Stale { since } => format!("out of date since {}", browser::time_of_day(since)),
        LiveStatus::SignedOut { since } => {
            format!("signed out, as of {}", browser::time_of_day(since))
        }
        LiveStatus::Reconnecting { since } => {
            format!("reconnecting, as of {}", browser::time_of_day(since))
        }
        LiveStatus::Polling { .. } => "updating every 30 s".to_owned(),
    });
    let reason = move || match status.get() {
        LiveStatus::Connecting => "Opening the live connection.",
        LiveStatus::Live => "Changes appear as they happen.",
        LiveStatus::Stale { .. } => {
            "The panel reports changes, but loading them fails: what you see may be old. Trying again every few seconds."
        }
        LiveStatus::SignedOut { .. } => "You are signed out: what you see may be old.",
        LiveStatus::Reconnecting { .. } => "The connection to the panel was lost; trying again.",
        LiveStatus::Polling { obstacle } => obstacle.sentence(),
    };
    let reason = Signal::derive(move || reason().to_owned());
    let is = Signal::derive(move || status.with(LiveStatus::as_str).to_owned());
    view! {
        <p
            class="live"
            role="status"
            data-testid="live"
            data-live=is
            title=reason
        >
            <span class="live-dot" aria-hidden="true"></span>
            {words}
        </p>
    }
}

/// Why nothing is live, where the panel answers and only its socket does not open.
#[component]
fn LiveTrouble(pulse: Pulse) -> impl IntoView {
    let obstacle = Memo::new(move |_| match pulse.status.get() {
        LiveStatus::Polling { obstacle } => Some(obstacle),
        LiveStatus::Connecting
        | LiveStatus::Live
        | LiveStatus::Stale { .. }
        | LiveStatus::SignedOut { .. }
        | LiveStatus::Reconnecting { .. } => None,
    });
    move || {
        obstacle.get().map(|obstacle| {
            view! {
                <div class="callout is-warning live-trouble" role="alert" data-testid="live-trouble">
                    <Icon shape=Shape::Warning/>
                    <p>{obstacle.sentence()} " Until then this page asks every 30 s."</p>
                </div>
            }
        })
    }
}
