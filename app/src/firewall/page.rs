//! The firewall page.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::event::Channel;
use wire::firewall::{FirewallEvent, FirewallResource};
use wire::servers::ServerInput;
use wire::{ServerId, Status};

use super::dialogs::{EditDialog, RemoveDialog};
use super::form::AddRule;
use super::rules::Rules;
use super::show;
use crate::lifecycle::Badge;
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{Ago, NotFound, Shape, live_page};

/// The firewall of one server.
#[component]
pub fn FirewallPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Firewall id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Firewall(id: ServerId) -> impl IntoView {
    let firewall = live(Channel::Server(id), move || {
        show(ServerInput { server_id: id })
    });
    live_page(firewall, move |firewall| {
        view! { <Body id firewall/> }.into_any()
    })
}

#[component]
fn Body(id: ServerId, firewall: Signal<FirewallResource>) -> impl IntoView {
    let server = Memo::new(move |_| firewall.with(|firewall| firewall.server.clone()));
    let is_ready = Memo::new(move |_| firewall.with(is_ready));
    let rules = Memo::new(move |_| firewall.with(|firewall| firewall.rules.clone()));
    let base_ports = Memo::new(move |_| firewall.with(|firewall| firewall.base_ports.clone()));
    let events = Memo::new(move |_| firewall.with(|firewall| firewall.recent_events.clone()));
    let (edited, removed) = (RwSignal::new(None), RwSignal::new(None));
    view! {
        <Title text=move || format!("Firewall of {}", server.with(|server| server.name.clone()))/>
        <StateLine firewall/>
        <Show
            when=move || is_ready.get()
            fallback=move || {
                view! {
                    <section class="empty">
                        <h2>"Provision this server first"</h2>
                        <p>"Provisioning sets up the firewall. After that you can add rules here."</p>
                        <A href=format!("/servers/{id}") attr:class="button is-primary">
                            "Go to the server"
                        </A>
                    </section>
                }
            }
        >
            <AddRule server=id/>
        </Show>
        <Show when=move || is_ready.get() || !rules.with(Vec::is_empty)>
            <Rules server=id rules base_ports edited removed/>
        </Show>
        <Events events/>
        <EditDialog server=id edited/>
        <RemoveDialog server=id removed/>
    }
}

/// Rules need a server that has been provisioned once; whether it works right now is said beside.
fn is_ready(firewall: &FirewallResource) -> bool {
    firewall.installed.is_some()
        || matches!(
            firewall.server.provision_status,
            Some(Status::Active | Status::Paused)
        )
}

#[component]
fn StateLine(firewall: Signal<FirewallResource>) -> impl IntoView {
    let state =
        Memo::new(move |_| firewall.with(|firewall| (firewall.installed, firewall.enabled)));
    view! {
        <div class="page-head">
            <h2>"Firewall"</h2>
            {move || {
                match state.get() {
                    (Some(true), Some(true)) => {
                        view! { <Badge tone="active" shape=Shape::Check word="Enabled"/> }
                    }
                    (Some(true), Some(false) | None) => {
                        view! { <Badge tone="failed" shape=Shape::Cross word="Installed, not enabled"/> }
                    }
                    (Some(false), _) => {
                        view! { <Badge tone="failed" shape=Shape::Cross word="Not installed"/> }
                    }
                    (None, _) => {
                        view! { <Badge tone="paused" shape=Shape::Minus word="Not checked yet"/> }
                    }
                }
            }}
        </div>
    }
}

#[component]
fn Events(events: Memo<Vec<FirewallEvent>>) -> impl IntoView {
    view! {
        <Show when=move || !events.with(Vec::is_empty)>
            <section aria-labelledby="events">
                <h2 id="events">"Recent events"</h2>
                <ul class="lines">
                    <For each=move || events.get() key=|event| event.id let:event>
                        <li>
                            <span>{event.sentence}</span>
                            <span class="line-end">
                                {event.actor} ", " <Ago at=Signal::stored(event.at)/>
                            </span>
                        </li>
                    </For>
                </ul>
            </section>
        </Show>
    }
}
