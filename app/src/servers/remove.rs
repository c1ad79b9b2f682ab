//! Taking a server out of the panel.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wire::servers::{RemoveServerInput, RemovedServer, ServerSummary};

use super::remove;
use crate::ui::{
    Cancel, Dialog, Field, FormMessage, Icon, Shape, Submission, SubmitButton, TextField, Toasts,
};

/// The button, and the dialog that asks for the name.
#[component]
pub fn RemoveServer(#[prop(into)] server: Signal<ServerSummary>) -> impl IntoView {
    let open = RwSignal::new(false);
    let is_busy = Memo::new(move |_| server.with(|server| server.busy_with.is_some()));
    view! {
        <section class="danger" aria-labelledby="danger">
            <h2 id="danger">"Remove this server"</h2>
            <p>
                "Removes it from the panel, with its rules and operation history. What runs on the server keeps running; the "
                "panel's key and sudo rule are removed from it if it can be reached."
            </p>
            <button
                type="button"
                class="button is-danger"
                disabled=move || is_busy.get()
                on:click=move |_| open.set(true)
            >
                <Icon shape=Shape::Trash/>
                "Remove server"
            </button>
            <Show when=move || is_busy.get()>
                <span class="field-note">"An operation is running. Wait until it has finished."</span>
            </Show>
            <Dialog
                open
                title=Signal::derive(move || {
                    format!("Remove {}?", server.with(|server| server.name.clone()))
                })
                id="remove-server-title"
            >
                // Made anew each time: a name typed yesterday must not wait for one click.
                {move || open.get().then(|| view! { <RemoveForm server open/> })}
            </Dialog>
        </section>
    }
}

#[component]
fn RemoveForm(server: Signal<ServerSummary>, open: RwSignal<bool>) -> impl IntoView {
    let id = server.with_untracked(|server| server.id);
    let confirm_name = TextField::new("remove-server", "confirm_name", "", |text| {
        if text.trim().is_empty() {
            Err("Enter the server's name.".to_owned())
        } else {
            Ok(())
        }
    });
    let submission = Submission::of(&[confirm_name]);
    let toasts = expect_context::<Toasts>();
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if submission.check() {
            let input = RemoveServerInput {
                server_id: id,
                confirm_name: confirm_name.peek(),
            };
            let (navigate, name) = (navigate.clone(), confirm_name.peek());
            let user = server.with_untracked(|server| server.user.clone());
            submission.run(remove(input), move |removed: RemovedServer| {
                navigate("/servers", NavigateOptions::default());
                let name = name.trim();
                match removed.key_stays {
                    None => toasts.say(format!("{name} was removed.")),
                    Some(reason) => toasts.complain(format!(
                        "{name} was removed, but the panel's key is still on it ({reason}). Take the line that ends in \
                         \"brokeforge\" out of ~/.ssh/authorized_keys of {user}, and the file \
                         /etc/sudoers.d/brokeforge-{user} if there is one."
                    )),
                }
            });
        }
    };
    view! {
        <form on:submit=submit novalidate method="post">
            <p>
                "The panel forgets the server, its rules, tasks, programs and operations. On the server all of them stay and go on: scheduled tasks still run, ports stay open. Remove first what is not to stay. To confirm, type "
                <strong>{move || server.with(|server| server.name.clone())}</strong> "."
            </p>
            <FormMessage submission/>
            <Field field=confirm_name label="Server name"/>
            <div class="form-actions">
                <Cancel open/>
                <SubmitButton submission label="Remove server" busy="Removing server..." is_danger=true/>
            </div>
        </form>
    }
}
