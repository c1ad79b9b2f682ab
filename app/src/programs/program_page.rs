//! The page of one program: what it says, how its processes stand, and what they printed last.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use wire::event::Channel;
use wire::programs::{ProgramInput, ProgramPage, ProgramResource};
use wire::{ProgramId, ServerId};

use super::dialogs::{Asked, Dialogs};
use super::log::Log;
use super::processes::{Processes, ProgramBadge, Trouble};
use super::program;
use super::table::ProgramActions;
use crate::breadcrumbs::PageName;
use crate::live::live;
use crate::servers::use_server_id;
use crate::ui::{NotFound, live_page};

/// One program of a server, followed live.
#[component]
pub fn BackgroundProgramPage() -> impl IntoView {
    let params = use_params_map();
    let server = use_server_id();
    let id =
        Memo::new(move |_| params.with(|params| params.get("program")?.parse::<ProgramId>().ok()));
    move || match (server.get(), id.get()) {
        (Some(server), Some(id)) => view! { <Followed server id/> }.into_any(),
        (None, _) | (_, None) => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Followed(server: ServerId, id: ProgramId) -> impl IntoView {
    let page = live(Channel::Server(server), move || {
        program(ProgramInput {
            server_id: server,
            program_id: id,
        })
    });
    live_page(page, move |page| {
        view! { <Body server id page/> }.into_any()
    })
}

#[component]
fn Body(server: ServerId, id: ProgramId, page: Signal<ProgramPage>) -> impl IntoView {
    let program = Memo::new(move |_| page.with(|page| page.program.clone()));
    let name = Signal::derive(move || program.with(|program| program.settings.name.clone()));
    let processes = Memo::new(move |_| program.with(|program| program.processes.clone()));
    let asked = Asked::nothing();
    view! {
        <PageName name/>
        <article
            data-program-id=id.0
            data-status=move || program.with(|program| program.status.as_str())
        >
            <div class="page-head">
                <h2>{name}</h2>
                <ProgramBadge program/>
                <div class="row-actions">
                    <ProgramActions server program asked/>
                </div>
            </div>
            {move || {
                program
                    .with(|program| program.error_log.clone())
                    .map(|error| view! { <p class="row-error">{error}</p> })
            }}
            <Trouble program/>
            <Facts program/>
            <Processes program/>
            <Log server program=id processes/>
            <p class="after">
                <A href=format!("/servers/{server}/programs")>"All programs of this server"</A>
            </p>
        </article>
        <Dialogs server asked/>
    }
}

#[component]
fn Facts(program: Memo<ProgramResource>) -> impl IntoView {
    let settings = Memo::new(move |_| program.with(|program| program.settings.clone()));
    view! {
        <section class="panel" aria-label="What it does">
            <pre class="output" tabindex="0">
                {move || settings.with(|settings| settings.command.clone())}
            </pre>
            <dl class="facts">
                <dt>"Runs as"</dt>
                <dd>{move || settings.with(|settings| settings.run_as.as_str())}</dd>
                <dt>"Directory"</dt>
                <dd class="is-code">
                    {move || match settings.with(|settings| settings.directory.clone()) {
                        directory if directory.is_empty() => "the home of the user".to_owned(),
                        directory => directory,
                    }}
                </dd>
                <dt>"Processes"</dt>
                <dd>{move || settings.with(|settings| settings.processes.get())}</dd>
                <dt>"When it ends"</dt>
                <dd>
                    {move || {
                        if settings.with(|settings| settings.auto_restart) {
                            "is started again"
                        } else {
                            "stays ended"
                        }
                    }}
                </dd>
                <dt>"Is stopped by"</dt>
                <dd>
                    {move || {
                        settings
                            .with(|settings| {
                                format!(
                                    "{}, and killed after {} s",
                                    settings.stop_signal.as_str(),
                                    settings.stop_wait.seconds(),
                                )
                            })
                    }}
                </dd>
                <dt>"Environment"</dt>
                <dd class="is-code">
                    {move || match program.with(|program| program.variables.join(", ")) {
                        names if names.is_empty() => "no variables of its own".to_owned(),
                        names => names,
                    }}
                </dd>
            </dl>
        </section>
    }
}
