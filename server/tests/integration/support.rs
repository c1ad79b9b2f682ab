//! One panel for one test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use domain::access::{Caller, SignedIn};
use domain::bus::{Listener, Topic};
use domain::entities::scheduler;
use domain::{Panel, Prober, accounts, sessions};
use provisioner::{SshProber, Worker};
use sea_orm::{ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, Set};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use server::config::ServeOptions;
use server::database::Database;
use server::proxies::TrustedProxies;
use server::router::{AppState, router};
use server::websocket::Sockets;
use ssh::Reach;
use ssh::fake::FakeConnector;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;
use wire::accounts::{NewAccount, SetupInput};
use wire::{ServerId, UserId};

use crate::databases;

pub const ORIGIN: &str = "http://127.0.0.1:3000";
/// A page of another address that may listen.
pub const ALLOWED_ORIGIN: &str = "https://status.example.com";
pub const PASSWORD: &str = "correct horse battery";
pub const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

pub struct TestApp {
    pub panel: Panel,
    pub connector: Arc<FakeConnector>,
    pub site: Router,
    data: TempDir,
}

/// Somebody with a session cookie.
#[derive(Clone)]
pub struct Visitor {
    pub cookie: String,
    pub who: SignedIn,
}

pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
    pub cookie: Option<String>,
}

impl TestApp {
    pub async fn start() -> Self {
        let connector = FakeConnector::new();
        let prober: Arc<dyn Prober> =
            Arc::new(SshProber::new(connector.clone(), Reach::everywhere()));
        Self::start_with(connector, prober).await
    }

    /// Looks at servers over real SSH; operations still run on the fake one.
    pub async fn start_over_ssh() -> Self {
        let prober: Arc<dyn Prober> = Arc::new(SshProber::new(
            Arc::new(ssh::Client::new(Reach::everywhere())),
            Reach::everywhere(),
        ));
        Self::start_with(FakeConnector::new(), prober).await
    }

    async fn start_with(connector: Arc<FakeConnector>, prober: Arc<dyn Prober>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = databases::of(data.path());
        Self::open(data, &database, connector, prober).await
    }

    /// A further panel on the same database, with the same key file.
    pub async fn beside(&self) -> Self {
        let (data, connector) = (tempfile::tempdir().unwrap(), FakeConnector::new());
        let key = "brokeforge.key";
        std::fs::copy(self.data().join(key), data.path().join(key)).unwrap();
        let prober: Arc<dyn Prober> =
            Arc::new(SshProber::new(connector.clone(), Reach::everywhere()));
        let database = databases::of(self.data());
        Self::open(data, &database, connector, prober).await
    }

    async fn open(
        data: TempDir,
        database: &Database,
        connector: Arc<FakeConnector>,
        prober: Arc<dyn Prober>,
    ) -> Self {
        let panel = server::start::open_panel(data.path(), database, ORIGIN, prober)
            .await
            .unwrap();
        let site = site(&panel, &data, TrustedProxies::default());
        Self {
            panel,
            connector,
            site,
            data,
        }
    }

    /// Looks at servers over SSH anew, as after a restart: no connection is kept.
    pub fn forget_connections(&mut self) {
        self.panel.prober = Arc::new(SshProber::new(
            Arc::new(ssh::Client::new(Reach::everywhere())),
            Reach::everywhere(),
        ));
        self.site = site(&self.panel, &self.data, TrustedProxies::default());
    }

    /// Looks at servers over SSH, and at nothing that only this machine reaches: as a panel does that is told nothing else.
    pub fn keep_off_this_machine(&mut self) {
        let reach = Reach::not_here(([127, 0, 0, 1], 3000).into());
        let connector = Arc::new(ssh::Client::new(reach.clone()));
        self.panel.prober = Arc::new(SshProber::new(connector, reach));
        self.site = site(&self.panel, &self.data, TrustedProxies::default());
    }

    /// Stands behind proxies.
    pub fn trust_proxies(&mut self, networks: &str) {
        let proxies = TrustedProxies::parse(networks).unwrap();
        self.site = site(&self.panel, &self.data, proxies);
    }

    /// The site with sockets of another pace.
    pub fn site_with(&self, sockets: Arc<Sockets>) -> Router {
        let state = state(&self.panel, &self.data);
        router(AppState { sockets, ..state })
    }

    /// Begins to work off the queue, as the process does.
    pub fn start_worker(&self) {
        let (stop, stopping) = watch::channel(false);
        let worker = Worker::new(
            self.panel.clone(),
            self.connector.clone(),
            Reach::everywhere(),
        );
        tokio::spawn(async move {
            worker.run(stopping).await;
            drop(stop);
        });
    }

    pub async fn owner(&self) -> Visitor {
        let token = accounts::new_setup_token(&self.panel.db)
            .await
            .unwrap()
            .unwrap();
        let input = SetupInput {
            token: token.expose_secret().into(),
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: PASSWORD.into(),
        };
        let new = NewAccount::parse(&input).unwrap();
        let session = accounts::set_up(&self.panel, &caller(), new).await.unwrap();
        self.visitor(session.expose()).await
    }

    /// What somebody is told, from now on.
    pub fn listen_as(&self, who: &Visitor) -> Listener {
        let mut listener = self.panel.db.bus().listen();
        listener.join(Topic::User(who.who.user()));
        listener
    }

    /// An account beside the first one.
    pub async fn other_owner(&self) -> Visitor {
        self.member("Bob").await
    }

    /// An account of this name, with an e-mail to fit.
    pub async fn member(&self, name: &str) -> Visitor {
        let mut tx = self.panel.db.begin().await.unwrap();
        let at = tx.at().0;
        let user = tx
            .insert(domain::entities::user::ActiveModel {
                id: NotSet,
                name: Set(name.into()),
                email: Set(format!("{}@example.com", name.to_lowercase())),
                password_hash: Set("none".into()),
                created_at: Set(at),
                role: Set("member".into()),
            })
            .await
            .unwrap();
        let token = sessions::begin(&mut tx, UserId(user.id), &caller())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.visitor(token.expose()).await
    }

    /// Somebody signed in once more.
    pub async fn another_session(&self, of: &Visitor) -> Visitor {
        let mut tx = self.panel.db.begin().await.unwrap();
        let token = sessions::begin(&mut tx, of.who.user(), &caller())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.visitor(token.expose()).await
    }

    /// The folder with database and key.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Another browser of somebody who has an account.
    pub async fn sign_in(&self, email: &str, password: &str) -> Visitor {
        let answer = self
            .call(
                None,
                "/api/accounts/sign_in",
                json!({ "email": email, "password": password }),
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        self.with_cookie(&answer.cookie.unwrap()).await
    }

    /// Whoever holds a cookie that an answer has set.
    pub async fn with_cookie(&self, cookie: &str) -> Visitor {
        let (_, token) = cookie.split_once('=').unwrap();
        self.visitor(token).await
    }

    async fn visitor(&self, token: &str) -> Visitor {
        let who = sessions::find(&self.panel.db, token)
            .await
            .unwrap()
            .unwrap();
        Visitor {
            cookie: format!("{}={token}", app::session::COOKIE),
            who,
        }
    }

    /// A server that is connected and has a firewall, as after provisioning.
    pub async fn provisioned_server(&self, owner: &Visitor) -> ServerId {
        let answer = self
            .call(Some(owner), "/api/servers/create", json!({
                "name": "web-1", "address": "203.0.113.7", "port": "22", "user": "root", "host_key": HOST_KEY,
            }))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let id = ServerId(answer.body.as_i64().unwrap());
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = domain::servers::row(&self.panel.db, id).await.unwrap();
        tx.update(&row, |row| {
            row.connection = "connected".into();
            row.provision_status = Some("active".into());
            row.firewall_installed = Some(true);
            row.firewall_enabled = Some(true);
        })
        .await
        .unwrap();
        tx.insert(scheduler::ActiveModel {
            id: NotSet,
            server_id: Set(id.0),
            status: Set("active".into()),
            error_log: Set(None),
            created_at: Set(0),
            updated_at: Set(0),
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A server that is connected, and no more.
    pub async fn bare_server(&self, owner: &Visitor) -> ServerId {
        let id = self.provisioned_server(owner).await;
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = domain::servers::row(&self.panel.db, id).await.unwrap();
        tx.update(&row, |row| {
            row.provision_status = None;
            row.firewall_installed = None;
            row.firewall_enabled = None;
        })
        .await
        .unwrap();
        let row = scheduler::Entity::find()
            .filter(scheduler::Column::ServerId.eq(id.0))
            .one(tx.reads())
            .await
            .unwrap();
        tx.delete(row.unwrap()).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn call(&self, who: Option<&Visitor>, path: &str, input: Value) -> Answer {
        self.call_as(
            who,
            path,
            json!({ "input": input }),
            &[(header::ORIGIN.as_str(), ORIGIN)],
        )
        .await
    }

    pub async fn call_as(
        &self,
        who: Option<&Visitor>,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(who) = who {
            request = request.header(header::COOKIE, &who.cookie);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
        let response = self.site.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let cookie = response.headers().get(header::SET_COOKIE).map(|value| {
            value
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        });
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            status,
            body,
            cookie,
        }
    }

    /// Looks at a resource until it is as wanted.
    pub async fn wait_for(
        &self,
        who: &Visitor,
        path: &str,
        input: Value,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        for _ in 0..200 {
            let answer = self.call(Some(who), path, input.clone()).await;
            if wanted(&answer.body) {
                return answer.body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "{path} never became as wanted: {}",
            self.call(Some(who), path, input).await.body
        );
    }
}

fn site(panel: &Panel, data: &TempDir, trusted_proxies: TrustedProxies) -> Router {
    router(AppState {
        proxies: trusted_proxies,
        ..state(panel, data)
    })
}

fn state(panel: &Panel, data: &TempDir) -> AppState {
    let options = ServeOptions {
        listen: ([127, 0, 0, 1], 3000).into(),
        data: data.path().into(),
        database_url: None,
        site: data.path().join("site"),
        public_url: None,
        trusted_proxies: TrustedProxies::default(),
        allow_local_addresses: true,
        allowed_origins: ALLOWED_ORIGIN.to_owned(),
    };
    server::start::state(panel.clone(), &options).unwrap()
}

/// The sentence that an answer has for a field.
pub fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.body["fields"]
        .as_array()?
        .iter()
        .find(|error| error["field"] == name)?["message"]
        .as_str()
}

pub fn rule(name: &str, port: &str) -> Value {
    json!({ "name": name, "port": port, "protocol": "tcp", "source": "", "action": "allow" })
}

pub fn task(name: &str, command: &str) -> Value {
    json!({
        "name": name, "command": command, "run_as": "app", "frequency": "custom", "expression": "*/5 * * * *",
        "timeout": "300", "overlap": "skip", "notify": true,
    })
}

pub fn program(name: &str, command: &str) -> Value {
    json!({
        "name": name, "command": command, "directory": "", "run_as": "app", "processes": "1", "auto_restart": true,
        "stop_signal": "term", "stop_wait": "10", "environment": [],
    })
}

fn caller() -> Caller {
    Caller {
        signed_in: None,
        peer: [127, 0, 0, 1].into(),
        user_agent: "test".into(),
    }
}
