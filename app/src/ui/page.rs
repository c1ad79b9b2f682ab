//! A page's body around a live value, and what stands there when there is none.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::ApiError;

use super::{Icon, Shape};
use crate::accounts::SessionGate;
use crate::browser;
use crate::live::Live;

/// Renders `body` once, when the first value is there. Later values reach it through its signal.
pub fn live_page<T>(
    live: Live<T>,
    body: impl FnOnce(Signal<T>) -> AnyView + Send + 'static,
) -> impl IntoView
where
    T: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    view! {
        <Suspense fallback=|| view! { <p class="loading">"Loading..."</p> }>
            {Suspend::new(async move {
                match live.first().await {
                    Ok(value) => view! {
                        <LostNote lost=live.lost()/>
                        // Nothing can be done any more to what is gone.
                        <div class="page-body" inert=move || live.lost().get().is_some()>
                            {body(value)}
                        </div>
                    }
                        .into_any(),
                    Err(error) => view! { <ErrorView error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// Says that what the page shows is no longer there.
#[component]
fn LostNote(lost: Signal<Option<ApiError>>) -> impl IntoView {
    view! {
        <Show when=move || lost.get().is_some()>
            <div class="callout is-warning" role="alert">
                <Icon shape=Shape::Warning/>
                <p>"This has been removed. You are looking at its last state."</p>
                <A href="/servers">"Go to servers"</A>
            </div>
        </Show>
    }
}

/// In place of a page that could not be loaded.
#[component]
pub fn ErrorView(error: ApiError) -> impl IntoView {
    match error {
        ApiError::NotFound => view! { <NotFound/> }.into_any(),
        ApiError::SignedOut => {
            let gate = expect_context::<SessionGate>();
            gate.reload_afterwards();
            view! {
                <section class="empty">
                    <h1>"Sign in to see this"</h1>
                    <p>"Your session has ended."</p>
                    <button type="button" class="button is-primary" on:click=move |_| gate.ask()>
                        "Sign in"
                    </button>
                </section>
            }
            .into_any()
        }
        ApiError::Invalid { .. }
        | ApiError::Conflict { .. }
        | ApiError::TooMany { .. }
        | ApiError::Remote { .. }
        | ApiError::Refused { .. }
        | ApiError::Internal => view! {
            <Title text="Could not be loaded"/>
            <section class="empty">
                <h1>"This page could not be loaded"</h1>
                <p>{error.to_string()}</p>
                <button type="button" class="button is-primary" on:click=|_| browser::reload()>
                    "Try again"
                </button>
            </section>
        }
        .into_any(),
    }
}

/// In place of a page that does not exist, or is somebody else's: the same words for both.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Not found"/>
        <section class="empty">
            <h1>"Page not found"</h1>
            <p>"The page does not exist, was removed, or belongs to another account."</p>
            <p>
                <A href="/servers" attr:class="button is-primary">
                    "Go to servers"
                </A>
            </p>
        </section>
    }
}
