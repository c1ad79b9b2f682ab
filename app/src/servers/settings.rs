//! A server's settings: what the panel knows of it, and taking it out of the panel.

mod form;

use leptos::prelude::*;
use leptos_meta::Title;
use wire::ServerId;
use wire::event::Channel;
use wire::servers::{ServerInput, ServerResource};

use self::form::DetailsForm;
use super::remove::RemoveServer;
use super::{show, use_server_id};
use crate::live::live;
use crate::ui::{NotFound, live_page};

/// The settings of one server.
#[component]
pub fn ServerSettingsPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Settings id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Settings(id: ServerId) -> impl IntoView {
    let server = live(Channel::Server(id), move || {
        show(ServerInput { server_id: id })
    });
    live_page(server, move |server| view! { <Body id server/> }.into_any())
}

#[component]
fn Body(id: ServerId, server: Signal<ServerResource>) -> impl IntoView {
    let summary = Memo::new(move |_| server.with(|server| server.summary.clone()));
    view! {
        <Title text=move || format!("Settings of {}", summary.with(|summary| summary.name.clone()))/>
        <DetailsForm id server/>
        <RemoveServer server=summary/>
    }
}
