//! A server's own page. It leads from the pasted key over the first provisioning to everyday use
//! without being asked to.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use wire::event::Channel;
use wire::operations::list::ListedOperation;
use wire::operations::{OutputInput, OutputPage};
use wire::servers::{Connection, ServerInput, ServerResource};
use wire::{ApiError, ServerId};

use super::checking::Checking;
use super::connection::{CannotConnect, LetThePanelIn};
use super::host_key::HostKeyChanged;
use super::overview::{Facts, NotesView, RebootWanted};
use super::provisioning::{FirstProvisioning, InstalledSoftware, Provisioning};
use super::{show, use_server_id};
use crate::lifecycle::operation_path;
use crate::live::live;
use crate::operations::{self, OperationBadge};
use crate::ui::{Ago, NotFound, live_page};

/// A server's overview.
#[component]
pub fn ServerPage() -> impl IntoView {
    let id = use_server_id();
    move || match id.get() {
        Some(id) => view! { <Overview id/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn Overview(id: ServerId) -> impl IntoView {
    let server = live(Channel::Server(id), move || {
        show(ServerInput { server_id: id })
    });
    // What an operation printed before the page was asked for arrives with the page.
    let printed = OnceResource::new(async move {
        match show(ServerInput { server_id: id }).await?.provisioning {
            Some(operation) => {
                operations::output(OutputInput {
                    operation_id: operation.id,
                    after: 0,
                })
                .await
            }
            None => Ok::<OutputPage, ApiError>(OutputPage::default()),
        }
    });
    live_page(server, move |server| {
        view! { <OverviewBody id server printed/> }.into_any()
    })
}

#[component]
fn OverviewBody(
    id: ServerId,
    server: Signal<ServerResource>,
    printed: OnceResource<Result<OutputPage, ApiError>>,
) -> impl IntoView {
    let summary = Memo::new(move |_| server.with(|server| server.summary.clone()));
    let connection = Memo::new(move |_| summary.with(|summary| summary.connection));
    let checking = Checking::of(id, summary);
    let provisioning = Memo::new(move |_| server.with(|server| server.provisioning.clone()));
    let software = Memo::new(move |_| server.with(|server| server.software.clone()));
    let stage = Memo::new(
        move |_| match (provisioning.with(Option::is_some), connection.get()) {
            (true, _) => Stage::Provisioning,
            (false, Connection::AwaitingKey | Connection::HostKeyChanged | Connection::Failed) => {
                Stage::NoWayIn
            }
            (false, Connection::Connected) => Stage::Plain,
        },
    );
    view! {
        <Title text=move || summary.with(|summary| summary.name.clone())/>
        {move || match connection.get() {
            Connection::AwaitingKey => view! { <LetThePanelIn server/> }.into_any(),
            Connection::Failed => view! { <CannotConnect server checking/> }.into_any(),
            Connection::HostKeyChanged => view! { <HostKeyChanged id server checking/> }.into_any(),
            Connection::Connected => ().into_any(),
        }}
        <RebootWanted server/>
        {move || match stage.get() {
            Stage::Provisioning => {
                view! {
                    <Suspense>
                        {Suspend::new(async move {
                            let printed = printed.await;
                            view! { <Provisioning id software provisioning printed/> }
                        })}
                    </Suspense>
                }
                    .into_any()
            }
            Stage::Plain => {
                let name = summary.with_untracked(|it| it.name.clone());
                view! { <FirstProvisioning id name software/> }.into_any()
            },
            Stage::NoWayIn => ().into_any(),
        }}
        <InstalledSoftware software/>
        <NotesView server/>
        <RecentOperations id server/>
        <Facts server summary checking/>
    }
}

/// How far a server has come; the page changes its main part with it and with nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    NoWayIn,
    Plain,
    Provisioning,
}

#[component]
fn RecentOperations(id: ServerId, server: Signal<ServerResource>) -> impl IntoView {
    let operations = Memo::new(move |_| server.with(|server| server.recent_operations.clone()));
    let ids =
        move || operations.with(|all| all.iter().map(|operation| operation.id).collect::<Vec<_>>());
    view! {
        <Show when=move || !operations.with(Vec::is_empty)>
            <section aria-labelledby="recent">
                <div class="section-head">
                    <h2 id="recent">"Recent operations"</h2>
                    <A href=format!("/servers/{id}/operations")>"All operations"</A>
                </div>
                <ul class="lines">
                    <For each=ids key=|id| *id let:id>
                        <RecentOperation
                            operation=Memo::new(move |_| {
                                operations.with(|all| all.iter().find(|it| it.id == id).cloned())
                            })
                        />
                    </For>
                </ul>
            </section>
        </Show>
    }
}

#[component]
fn RecentOperation(operation: Memo<Option<ListedOperation>>) -> impl IntoView {
    move || {
        operation.get().map(|operation| {
            view! {
                <li>
                    <OperationBadge state=operation.state/>
                    <A href=operation_path(operation.server_id, operation.id)>{operation.title}</A>
                    <span class="line-end">
                        {operation.requested_by} ", " <Ago at=Signal::stored(operation.created_at)/>
                    </span>
                </li>
            }
        })
    }
}
