//! Every route there is. The router is built from `ROUTES` and from the pages of the app; a test
//! walks both, so that nothing is reachable that no policy names.

use std::sync::{Arc, OnceLock};

use app::policy::Policy;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use domain::Panel;
use domain::access::Caller;
use leptos::config::LeptosOptions;
use leptos::context::{provide_context, use_context};
use leptos::nonce::use_nonce;
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list, render_route_with_context,
};
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;

use crate::broadcasting::auth;
use crate::proxies::TrustedProxies;
use crate::websocket::Sockets;
use crate::{callbacks, doorkeeper, websocket};

/// What handlers share.
#[derive(Clone, FromRef)]
pub struct AppState {
    pub panel: Panel,
    pub options: LeptosOptions,
    pub proxies: TrustedProxies,
    pub sockets: Arc<Sockets>,
    /// Pages of other addresses that may listen.
    pub allowed_origins: Arc<[String]>,
}

/// A route beside the pages.
pub struct Route {
    pub path: &'static str,
    pub policy: Policy,
    handler: fn(&AppState) -> MethodRouter<AppState>,
}

/// Routes beside the pages. `/api/` leads to server functions, each with a policy of its own in
/// `app::policy`; the socket decides per subscription.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/health",
        policy: Policy::Public,
        handler: |_| get(health),
    },
    Route {
        path: "/app/{key}",
        policy: Policy::SignedIn,
        handler: |_| get(websocket::connect),
    },
    Route {
        path: "/broadcasting/auth",
        policy: Policy::SignedIn,
        handler: |_| {
            let limit = DefaultBodyLimit::max(auth::LONGEST_BODY);
            post(auth::authorize).options(auth::preflight).layer(limit)
        },
    },
    Route {
        path: "/scheduler/report",
        policy: Policy::TaskToken,
        handler: |_| {
            let limit = DefaultBodyLimit::max(callbacks::LONGEST_BODY);
            post(callbacks::report).layer(limit)
        },
    },
    Route {
        path: "/api/{*function}",
        policy: Policy::Public,
        handler: calls,
    },
    Route {
        path: "/pkg/{*file}",
        policy: Policy::Public,
        handler: files,
    },
    #[cfg(feature = "bench")]
    Route {
        path: "/bench/publish",
        policy: Policy::Public,
        handler: |_| post(crate::bench::publish),
    },
];

/// The whole site.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that makes routes"
)]
pub fn router(state: AppState) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, (route.handler)(&state));
    }
    let pages = pages();
    let panel = state.panel.clone();
    let options = state.options.clone();
    // Not `leptos_routes_with_context`: that also registers every server function on a route of its
    // own, past the guard on `/api/`.
    let render = render_route_with_context::<AppState, _>(
        pages.to_vec(),
        move || page_context(&panel),
        move || app::shell(options.clone()),
    );
    router
        .leptos_routes_with_handler(pages.to_vec(), render)
        .fallback(page_not_found)
        .layer(CompressionLayer::new())
        .layer(from_fn(doorkeeper::harden))
        .layer(from_fn_with_state(state.clone(), doorkeeper::identify))
        .layer(DefaultBodyLimit::max(256 * 1024))
        .with_state(state)
}

/// The site map. Made once in a process: meanwhile the framework holds back the data of whatever page is rendered, and
/// such a page never ends.
pub fn pages() -> &'static [AxumRouteListing] {
    static PAGES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    PAGES.get_or_init(|| generate_route_list(app::rendered))
}

async fn health(State(state): State<AppState>) -> Response {
    match state.panel.db.reads().ping().await {
        Ok(()) => "ok".into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer",
            )
                .into_response()
        }
    }
}

fn calls(state: &AppState) -> MethodRouter<AppState> {
    any(call).layer(from_fn_with_state(state.clone(), doorkeeper::guard_calls))
}

async fn call(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let panel = state.panel;
    let context = move || {
        provide_context(panel.clone());
        provide_context(caller.clone());
    };
    let mut response = leptos_axum::handle_server_fns_with_context(context, request)
        .await
        .into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The script and style files. Their names change with their content when they were built for
/// release; a development build keeps its names and is asked for anew each time.
fn files(state: &AppState) -> MethodRouter<AppState> {
    let folder = format!("{}/{}", state.options.site_root, state.options.site_pkg_dir);
    let caching = if state.options.hash_files {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let files = ServeDir::new(folder).precompressed_br();
    any(move |request: Request| {
        let files = files.clone();
        async move { serve_file(files, request, caching).await }
    })
}

async fn serve_file(files: ServeDir, mut request: Request, caching: &'static str) -> Response {
    use tower::ServiceExt;
    let path = request
        .uri()
        .path()
        .strip_prefix("/pkg")
        .unwrap_or_default()
        .to_owned();
    let Ok(uri) = path.parse() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    *request.uri_mut() = uri;
    match files.oneshot(request).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
            response
        }
        Err(never) => match never {},
    }
}

/// What a page finds in its context, and the policy its browser must keep to.
fn page_context(panel: &Panel) {
    provide_context(panel.clone());
    if let Some(parts) = use_context::<axum::http::request::Parts>()
        && let Some(caller) = parts.extensions.get::<Caller>()
    {
        provide_context(caller.clone());
    }
    if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) {
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval' 'strict-dynamic'; \
             style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
        response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

async fn page_not_found(State(state): State<AppState>, request: Request) -> Response {
    let options = state.options.clone();
    let panel = state.panel.clone();
    let render = leptos_axum::render_app_to_stream_with_context(
        move || page_context(&panel),
        move || app::shell(options.clone()),
    );
    let mut response = render(request).await.into_response();
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
