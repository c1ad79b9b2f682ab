//! Opens everything, serves, and stops in order.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::secrets::Secrets;
use domain::{Panel, Prober, accounts, broadcasting, db, key_check, queue};
use leptos::config::{Env, LeptosOptions};
use provisioner::{Plans, SshProber, Worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::ServeOptions;
use crate::database::Database;
use crate::router::{AppState, router};
use crate::{data_folder, hardening};

/// What must not be left half-way, as a change that is about to be confirmed, gets this long to end.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs the panel until it is told to stop.
///
/// # Errors
/// A sentence on what could not be opened, and what to do.
pub async fn serve(options: ServeOptions) -> Result<()> {
    hardening::allow_many_files()?;
    let origin = options.origin()?;
    let reach = options.reach();
    options.allowed_origins()?;
    let connector = Arc::new(ssh::Client::new(reach.clone()));
    let prober = Arc::new(SshProber::new(connector.clone(), reach.clone()));
    // First of all: a second panel on the same folder must not disturb the first before it fails.
    let _lock = data_folder::lock(&options.data)?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}. If another program has the port, stop it or choose another one \
             with --listen",
            options.listen
        )
    })?;
    let panel = open_panel(&options.data, &options.database(), &origin, prober).await?;
    data_folder::end_work_of_a_backup(&panel, &options.data).await?;
    if panel.db.is_shared() {
        tokio::spawn(db::hear_other_panels(panel.db.clone()));
    } else {
        // This process is the only worker on an embedded database: what runs there is from a former life,
        // and is gone on with at once.
        queue::expire_leases(&panel.db).await?;
    }
    tokio::spawn(data_folder::remember(
        panel.db.clone(),
        options.data.clone(),
    ));
    let state = state(panel.clone(), &options)?;
    let sockets = state.sockets.clone();
    let site = router(state);
    print_welcome(&panel, &origin).await?;
    let (stop, stopping) = watch::channel(false);
    let workers = tokio::spawn(Worker::new(panel, connector, reach).run(stopping.clone()));
    let mut until = stopping.clone();
    let server = axum::serve(
        listener,
        site.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move {
        let _ = until.wait_for(|stop| *stop).await;
    });
    let server = tokio::spawn(async move { server.await });
    wait_for_signal().await?;
    tracing::info!("stopping: steps on servers run on, the next start follows them");
    let _ = stop.send(true);
    // Sockets of open pages never end by themselves, so the server is not waited for.
    let _ = tokio::time::timeout(DRAIN, workers).await;
    sockets.close_all().await;
    server.abort();
    Ok(())
}

/// Opens database and key file, making both for a new panel.
///
/// # Errors
/// When either is missing without the other, or does not fit the other.
pub async fn open_panel(
    data: &Path,
    database: &Database,
    origin: &str,
    prober: Arc<dyn Prober>,
) -> Result<Panel> {
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot close the folder {} to others", data.display()))?;
    let key = data.join("brokeforge.key");
    let secrets = match (database.is_used().await?, key.exists()) {
        (false, false) => Secrets::create(&key)?,
        (_, true) => Secrets::open_file(&key)?,
        (true, false) => bail!(no_key_file(&key, database)),
    };
    let db = database.open_migrated().await?;
    key_check::at_start(&db, &secrets).await.with_context(|| {
        format!(
            "{} is not the key file of this database; put the right one there",
            key.display()
        )
    })?;
    let app = broadcasting::App::at_start(&db, &secrets)
        .await
        .context("cannot make the key that other programs connect with")?;
    Ok(Panel {
        db,
        app,
        prober,
        planner: Arc::new(Plans),
        secrets,
        limits: Arc::default(),
        public_url: origin.into(),
    })
}

fn no_key_file(key: &Path, database: &Database) -> String {
    let advice = match database {
        Database::File(_) => "put it back and start again",
        Database::Postgres(_) => {
            "copy it from the folder of another panel on this database, or put it back, and start again"
        }
    };
    format!(
        "the key file {} is missing. Without it the SSH keys in the database cannot be opened; {advice}",
        key.display()
    )
}

/// What the site of a panel is made of.
///
/// # Errors
/// When an allowed origin is none.
pub fn state(panel: Panel, options: &ServeOptions) -> Result<AppState> {
    let pkg = options.site.join("pkg");
    let leptos = LeptosOptions::builder()
        .output_name("brokeforge")
        .site_root(options.site.display().to_string())
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .site_addr(options.listen)
        .hash_file(Arc::<str>::from(
            options.site.join("hash.txt").display().to_string(),
        ))
        .hash_files(options.site.join("hash.txt").exists())
        .build();
    if !pkg.exists() {
        tracing::warn!(folder = %pkg.display(), "there is no browser code; run script/build");
    }
    Ok(AppState {
        panel,
        options: leptos,
        proxies: options.trusted_proxies.clone(),
        sockets: Arc::default(),
        allowed_origins: options.allowed_origins()?.into(),
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the address and the token are what a first start is for"
)]
async fn print_welcome(panel: &Panel, origin: &str) -> Result<()> {
    println!("BrokeForge is at {origin}");
    if let Some(token) = accounts::new_setup_token(&panel.db).await? {
        println!(
            "Setup token: {}",
            secrecy::ExposeSecret::expose_secret(&token)
        );
        println!("Open {origin}/setup and paste it to make the first account.");
    }
    Ok(())
}

async fn wait_for_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
