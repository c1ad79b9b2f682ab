//! One's own account, and for an administrator everybody's.

use leptos::prelude::*;
use leptos_router::components::A;

/// The way from one to the other. Whoever sees it is an administrator.
#[component]
pub fn AccountTabs() -> impl IntoView {
    view! {
        <nav class="tabs" aria-label="Accounts">
            <A href="/account" exact=true>
                "Your account"
            </A>
            <A href="/accounts" exact=true>
                "All accounts"
            </A>
        </nav>
    }
}
