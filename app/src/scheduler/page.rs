//! The page of a server's tasks.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::ServerId;
use wire::event::Channel;
use wire::scheduler::{SchedulerEvent, SchedulerResource};
use wire::servers::ServerInput;

use super::dialogs::{EditDialog, RemoveDialog};
use super::form::AddTask;
use super::show;
use super::tasks::Tasks;
use crate::lifecycle::Badge;
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{Ago, Icon, NotFound, Shape, duration, live_page};

/// The tasks of one server.
#[component]
pub fn SchedulerPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Scheduler id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Scheduler(id: ServerId) -> impl IntoView {
    let scheduler = live(Channel::Server(id), move || {
        show(ServerInput { server_id: id })
    });
    live_page(scheduler, move |scheduler| {
        view! { <Body id scheduler/> }.into_any()
    })
}

#[component]
fn Body(id: ServerId, scheduler: Signal<SchedulerResource>) -> impl IntoView {
    let name = Memo::new(move |_| scheduler.with(|scheduler| scheduler.server.name.clone()));
    let is_ready = Memo::new(move |_| scheduler.with(|scheduler| scheduler.is_ready));
    let tasks = Memo::new(move |_| scheduler.with(|scheduler| scheduler.tasks.clone()));
    let events = Memo::new(move |_| scheduler.with(|scheduler| scheduler.recent_events.clone()));
    let (edited, removed) = (RwSignal::new(None), RwSignal::new(None));
    view! {
        <Title text=move || format!("Scheduler of {}", name.get())/>
        <StateLine scheduler/>
        <ClockNote scheduler/>
        <Show
            when=move || is_ready.get()
            fallback=move || {
                view! {
                    <section class="empty">
                        <h2>"Provision this server first"</h2>
                        <p>"Provisioning installs cron and makes the user that tasks run as. After that you can add tasks here."</p>
                        <A href=format!("/servers/{id}") attr:class="button is-primary">
                            "Go to the server"
                        </A>
                    </section>
                }
            }
        >
            <AddTask server=id/>
        </Show>
        <Show when=move || is_ready.get() || !tasks.with(Vec::is_empty)>
            <Tasks server=id tasks edited removed/>
        </Show>
        <Events events/>
        <EditDialog server=id edited/>
        <RemoveDialog server=id removed/>
    }
}

#[component]
fn StateLine(scheduler: Signal<SchedulerResource>) -> impl IntoView {
    let is_running = Memo::new(move |_| scheduler.with(|scheduler| scheduler.is_running));
    let zone = Memo::new(move |_| scheduler.with(|scheduler| scheduler.time_zone.clone()));
    view! {
        <div class="page-head">
            <h2>"Scheduler"</h2>
            {move || match is_running.get() {
                Some(true) => {
                    view! { <Badge tone="active" shape=Shape::Check word="cron runs"/> }
                }
                Some(false) => {
                    view! { <Badge tone="failed" shape=Shape::Cross word="cron does not run"/> }
                }
                None => {
                    view! { <Badge tone="paused" shape=Shape::Minus word="Not checked yet"/> }
                }
            }}
            {move || zone.get().map(|zone| view! { <span class="field-note">"Time zone " {zone}</span> })}
        </div>
        <Show when=move || is_running.get() == Some(false)>
            <div class="callout is-error" role="status" data-testid="cron-stopped">
                <Icon shape=Shape::Warning/>
                <p>
                    "Cron does not run on this server, so none of its tasks will start. Provision the server again: that starts it, or says why it does not start."
                </p>
            </div>
        </Show>
    }
}

/// A clock that is off moves every run.
#[component]
fn ClockNote(scheduler: Signal<SchedulerResource>) -> impl IntoView {
    let ahead = Memo::new(move |_| scheduler.with(|scheduler| scheduler.clock_ahead));
    move || {
        ahead.get().map(|ahead| {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            let by = duration(ahead.unsigned_abs().saturating_mul(1000));
            view! {
                <div class="callout is-warning" role="status" data-testid="clock">
                    <Icon shape=Shape::Warning/>
                    <p>
                        {format!(
                            "The server's clock is {by} {way} the panel's. Tasks run by the server's clock, and times of runs are by it, too."
                        )}
                    </p>
                </div>
            }
        })
    }
}

#[component]
fn Events(events: Memo<Vec<SchedulerEvent>>) -> impl IntoView {
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
