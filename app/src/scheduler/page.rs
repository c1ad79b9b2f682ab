//! The page of a server's tasks.

use leptos::prelude::*;
use leptos_meta::Title;
use wire::event::Channel;
use wire::scheduler::{SchedulerEvent, SchedulerResource};
use wire::servers::ServerInput;
use wire::{ServerId, Status};

use super::dialogs::{EditDialog, RemoveDialog};
use super::form::AddTask;
use super::installation::{InstallOffer, RemoveSchedulerDialog, StateLine, Waiting};
use super::show;
use super::tasks::Tasks;
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
    let status = Memo::new(move |_| {
        scheduler.with(|scheduler| scheduler.installation.as_ref().map(|it| it.status))
    });
    let is_active = Memo::new(move |_| status.get() == Some(Status::Active));
    // What is typed into the form outlives a repair, during which no task can be added.
    let has_form = Memo::new(move |had: Option<&bool>| {
        is_active.get() || (status.get().is_some() && had.copied().unwrap_or_default())
    });
    let tasks = Memo::new(move |_| scheduler.with(|scheduler| scheduler.tasks.clone()));
    let events = Memo::new(move |_| scheduler.with(|scheduler| scheduler.recent_events.clone()));
    let (edited, removed) = (RwSignal::new(None), RwSignal::new(None));
    let ends = RwSignal::new(false);
    view! {
        <Title text=move || format!("Scheduler of {}", name.get())/>
        <StateLine server=id scheduler ends/>
        <ClockNote scheduler/>
        {move || match status.get() {
            None => view! { <InstallOffer server=id scheduler/> }.into_any(),
            Some(Status::Active) => ().into_any(),
            Some(status) => view! { <Waiting status name/> }.into_any(),
        }}
        <Show when=move || has_form.get()>
            <div hidden=move || !is_active.get()>
                <AddTask server=id/>
            </div>
        </Show>
        <Show when=move || is_active.get() || !tasks.with(Vec::is_empty)>
            <Tasks server=id tasks edited removed/>
        </Show>
        <Events events/>
        <EditDialog server=id edited/>
        <RemoveDialog server=id removed/>
        <RemoveSchedulerDialog server=id scheduler open=ends/>
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
