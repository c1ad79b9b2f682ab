//! The page of a server's programs.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::ServerId;
use wire::event::Channel;
use wire::programs::{ProgramEvent, ProgramsResource};
use wire::servers::ServerInput;

use super::dialogs::{Asked, Dialogs};
use super::form::AddProgram;
use super::show;
use super::table::Programs;
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{Ago, NotFound, live_page};

/// The programs of one server.
#[component]
pub fn ProgramsPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Followed id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Followed(id: ServerId) -> impl IntoView {
    let programs = live(Channel::Server(id), move || {
        show(ServerInput { server_id: id })
    });
    live_page(programs, move |shown| view! { <Body id shown/> }.into_any())
}

#[component]
fn Body(id: ServerId, shown: Signal<ProgramsResource>) -> impl IntoView {
    let name = Memo::new(move |_| shown.with(|shown| shown.server.name.clone()));
    let is_ready = Memo::new(move |_| shown.with(|shown| shown.is_ready));
    let programs = Memo::new(move |_| shown.with(|shown| shown.programs.clone()));
    let events = Memo::new(move |_| shown.with(|shown| shown.recent_events.clone()));
    let asked = Asked::nothing();
    view! {
        <Title text=move || format!("Programs of {}", name.get())/>
        <div class="page-head">
            <h2>"Programs"</h2>
        </div>
        <Show
            when=move || is_ready.get()
            fallback=move || {
                view! {
                    <section class="empty">
                        <h2>"Programs need a user to run as"</h2>
                        <p>
                            "Provisioning this server makes that user, and so does installing its scheduler. After either you can add programs here."
                        </p>
                        <div class="form-actions">
                            <A href=format!("/servers/{id}") attr:class="button is-primary">
                                "Go to the server"
                            </A>
                            <A href=format!("/servers/{id}/scheduler") attr:class="button">
                                "Go to the scheduler"
                            </A>
                        </div>
                    </section>
                }
            }
        >
            <AddProgram server=id/>
        </Show>
        <Show when=move || is_ready.get() || !programs.with(Vec::is_empty)>
            <Programs server=id programs asked/>
        </Show>
        <Events events/>
        <Dialogs server=id asked/>
    }
}

#[component]
fn Events(events: Memo<Vec<ProgramEvent>>) -> impl IntoView {
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
