//! Rebooting a server.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wire::plan::{PreviewInput, PreviewWork};
use wire::servers::{Connection, ServerInput, ServerSummary};

use super::reboot;
use crate::lifecycle::operation_path;
use crate::operations::{Steps, Wanted};
use crate::ui::{Cancel, Dialog, FormMessage, Icon, Shape, Submission};

/// The button, and the dialog that names the server.
#[component]
pub fn RebootServer(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let open = RwSignal::new(false);
    let id = server.with_untracked(|server| server.id);
    let name = Memo::new(move |_| server.with(|server| server.name.clone()));
    let has_a_way_in = Memo::new(move |_| {
        server.with(|server| match server.connection {
            Connection::Connected | Connection::Failed => true,
            Connection::AwaitingKey | Connection::HostKeyChanged => false,
        })
    });
    let is_busy = Memo::new(move |_| server.with(|server| server.busy_with.is_some()));
    let submission = Submission::bare();
    let navigate = use_navigate();
    let start = move |_| {
        let navigate = navigate.clone();
        submission.run(reboot(ServerInput { server_id: id }), move |operation| {
            open.set(false);
            navigate(&operation_path(id, operation), NavigateOptions::default());
        });
    };
    view! {
        <Show when=move || has_a_way_in.get()>
            <button type="button" class="button" on:click=move |_| open.set(true)>
                <Icon shape=Shape::Power/>
                "Reboot"
            </button>
        </Show>
        <Dialog
            open
            title=Signal::derive(move || format!("Reboot {}?", name.get()))
            id="reboot-server-title"
        >
            <p>
                "Everything on " <strong>{name}</strong>
                " restarts, and its sites are unavailable until it is back. The panel waits for it and reports what did not start."
            </p>
            <Show when=move || is_busy.get()>
                <p class="field-note">"It starts when the running operation has finished."</p>
            </Show>
            <Steps
                summary="Exact steps and commands"
                wanted=Signal::stored(
                    Some(
                        Wanted::Preview(PreviewInput {
                            server_id: id,
                            work: PreviewWork::Reboot {},
                        }),
                    ),
                )
            />
            <FormMessage submission/>
            <div class="form-actions">
                <Cancel open/>
                <button
                    type="button"
                    class="button is-danger"
                    aria-disabled=move || submission.aria_disabled()
                    on:click=start
                >
                    {move || {
                        if submission.is_busy() {
                            "Rebooting...".to_owned()
                        } else {
                            format!("Reboot {}", name.get())
                        }
                    }}
                </button>
            </div>
        </Dialog>
    }
}
