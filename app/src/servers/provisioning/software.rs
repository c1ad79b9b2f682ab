//! What the latest provisioning found on a server, with versions.

use std::collections::BTreeMap;

use leptos::prelude::*;
use wire::provisioning::SoftwareResource;

/// A line per program; nothing before the first provisioning has looked.
#[component]
pub fn InstalledSoftware(#[prop(into)] software: Signal<SoftwareResource>) -> impl IntoView {
    let installed = Memo::new(move |_| software.with(|software| software.installed.clone()));
    view! {
        <Show when=move || !installed.with(BTreeMap::is_empty)>
            <section aria-labelledby="software">
                <h2 id="software">"Software"</h2>
                <dl class="facts" data-testid="software">
                    <For each=move || installed.get() key=|pair| pair.clone() let((software, version))>
                        <dt>{software.title()}</dt>
                        <dd class="is-code">{version}</dd>
                    </For>
                </dl>
            </section>
        </Show>
    }
}
