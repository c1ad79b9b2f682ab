//! A panel without pages on a server in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::access::{self, Caller, OwnedServer, SignedIn};
use domain::broadcasting::App;
use domain::bus::Bus;
use domain::entities::{scheduler, user};
use domain::secrets::Secrets;
use domain::{Db, Panel, Prober, firewall, operations, servers, sessions};
use migrations::Migrator;
use provisioner::visitor::Visitor;
use provisioner::{SshProber, Worker};
use sea_orm::{ActiveValue::NotSet, Set};
use sea_orm_migration::MigratorTrait;
use ssh::Connector;
use ssh::fake::FakeConnector;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wire::firewall::{Action, NewRule, Protocol, RuleFields, RuleResource};
use wire::operations::{OperationResource, StepStatus};
use wire::servers::{NewServer, NewServerInput};
use wire::{OperationId, RuleId, UserId};

const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// A visitor who finds a web server everywhere.
pub struct Content;

#[async_trait::async_trait]
impl Visitor for Content {
    async fn visit(&self, _: &str, _: u16) -> Result<(), String> {
        Ok(())
    }
}

pub struct TestPanel {
    pub panel: Panel,
    pub connector: Arc<FakeConnector>,
    pub who: SignedIn,
    data: TempDir,
}

impl TestPanel {
    pub async fn new() -> Self {
        let data = folder();
        let db = Db::open_sqlite(&data.path().join("panel.db"), Bus::new())
            .await
            .unwrap();
        Migrator::up(db.writes(), None).await.unwrap();
        let connector = FakeConnector::new();
        let prober: Arc<dyn Prober> =
            Arc::new(SshProber::new(connector.clone(), ssh::Reach::everywhere()));
        let secrets = Secrets::create(&data.path().join("panel.key")).unwrap();
        let panel = Panel {
            app: App::at_start(&db, &secrets).await.unwrap(),
            db,
            prober,
            planner: Arc::new(provisioner::Plans),
            secrets,
            limits: Arc::default(),
            public_url: "http://127.0.0.1:3000".into(),
        };
        let who = sign_in(&panel).await;
        Self {
            panel,
            connector,
            who,
            data,
        }
    }

    /// Where its database is.
    pub fn file(&self) -> PathBuf {
        self.data.path().join("panel.db")
    }

    /// Begins to work off the queue.
    pub fn start_worker(&self) -> RunningWorker {
        start_worker(self.panel.clone(), self.connector.clone())
    }
}

/// Begins to work off the queue of a panel.
pub fn start_worker(panel: Panel, connector: Arc<dyn Connector>) -> RunningWorker {
    let (stop, stopping) = watch::channel(false);
    let worker = Worker::new(panel, connector, ssh::Reach::everywhere());
    // A runtime of its own: shutting that down ends everything at once, as `kill -9` does.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let task = runtime.spawn(worker.visited_by(Arc::new(Content)).run(stopping));
    RunningWorker {
        runtime: Some(runtime),
        task,
        stop,
    }
}

impl TestPanel {
    /// What a panel does that starts again: nobody else holds a lease.
    pub async fn restart_worker(&self) -> RunningWorker {
        domain::queue::expire_leases(&self.panel.db).await.unwrap();
        self.start_worker()
    }

    /// Queues a rule that opens a port.
    pub async fn add_rule(&self, server: &OwnedServer, port: &str) -> (RuleId, OperationId) {
        let fields = RuleFields {
            name: format!("Port {port}"),
            port: port.into(),
            protocol: Protocol::Tcp,
            source: String::new(),
            action: Action::Allow,
        };
        let rule = NewRule::parse(&fields).unwrap();
        let key = format!("request-{}-{port}", server.id());
        let id = firewall::request(&self.panel.db, &self.who, server, rule, &key)
            .await
            .unwrap();
        let rule = self.rule(server, id).await.unwrap();
        (id, rule.operation_id.unwrap())
    }

    pub async fn rule(&self, server: &OwnedServer, id: RuleId) -> Option<RuleResource> {
        let shown = firewall::show(&self.panel.db, server).await.unwrap();
        shown.rules.into_iter().find(|rule| rule.id == id)
    }

    /// Waits until a rule is as wanted.
    pub async fn until_rule(
        &self,
        server: &OwnedServer,
        id: RuleId,
        wanted: impl Fn(&RuleResource) -> bool,
    ) -> RuleResource {
        for _ in 0..3000 {
            let rule = self.rule(server, id).await.unwrap();
            if wanted(&rule) {
                return rule;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never became as wanted: {:#?}", self.rule(server, id).await);
    }

    pub async fn cancel(&self, id: OperationId) {
        let owned = access::owned_operation(&self.panel.db, &self.who, id)
            .await
            .unwrap();
        domain::queue::cancel(&self.panel.db, &self.who, &owned)
            .await
            .unwrap();
    }

    pub async fn output(&self, id: OperationId) -> String {
        let owned = access::owned_operation(&self.panel.db, &self.who, id)
            .await
            .unwrap();
        let page = operations::output(&self.panel.db, &owned, 0).await.unwrap();
        page.chunks.into_iter().map(|chunk| chunk.text).collect()
    }

    /// A server that lets the panel in and has a firewall and a scheduler.
    pub async fn server(&self, name: &str, address: &str) -> OwnedServer {
        let input = NewServerInput {
            name: name.into(),
            address: address.into(),
            port: "22".into(),
            user: "root".into(),
            host_key: HOST_KEY.into(),
        };
        let new = NewServer::parse(&input).unwrap();
        let id = servers::add(&self.panel, &self.who, new).await.unwrap();
        let row = servers::row(&self.panel.db, id).await.unwrap();
        let mut tx = self.panel.db.begin().await.unwrap();
        tx.update(&row, |row| {
            row.connection = "connected".into();
            row.firewall_installed = Some(true);
            row.firewall_enabled = Some(true);
            row.scheduler_running = Some(true);
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
        access::owned_server(&self.panel.db, &self.who, id)
            .await
            .unwrap()
    }

    pub async fn provision(&self, server: &OwnedServer) -> OperationResource {
        let id = servers::request_provisioning(&self.panel.db, &self.who, server, None)
            .await
            .unwrap();
        self.end_of(id).await
    }

    pub async fn show(&self, id: OperationId) -> OperationResource {
        let owned = access::owned_operation(&self.panel.db, &self.who, id)
            .await
            .unwrap();
        operations::show(&self.panel.db, &owned).await.unwrap()
    }

    pub async fn end_of(&self, id: OperationId) -> OperationResource {
        self.until(id, |operation| operation.state.is_over()).await
    }

    /// Waits until an operation is as wanted.
    pub async fn until(
        &self,
        id: OperationId,
        wanted: impl Fn(&OperationResource) -> bool,
    ) -> OperationResource {
        for _ in 0..3000 {
            let operation = self.show(id).await;
            if wanted(&operation) {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never became as wanted: {:#?}", self.show(id).await);
    }
}

/// A worker that can be killed.
pub struct RunningWorker {
    runtime: Option<Runtime>,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl RunningWorker {
    /// At once, whatever it is doing.
    pub fn kill(mut self) {
        self.task.abort();
        self.end_runtime();
    }

    /// As `SIGTERM` does: it ends in order.
    pub async fn drain(mut self) {
        self.stop.send(true).unwrap();
        (&mut self.task).await.unwrap();
        self.end_runtime();
    }

    fn end_runtime(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.end_runtime();
    }
}

/// Titles of the steps with this status.
pub fn titles(operation: &OperationResource, status: StepStatus) -> Vec<&str> {
    let steps = operation.steps.iter();
    let found = steps.filter(|step| step.status == status);
    found.map(|step| step.title.as_str()).collect()
}

/// In memory where there is such a file system: hundreds of panels wait for the disk otherwise.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

async fn sign_in(panel: &Panel) -> SignedIn {
    let caller = Caller {
        signed_in: None,
        peer: [127, 0, 0, 1].into(),
        user_agent: "test".into(),
    };
    let mut tx = panel.db.begin().await.unwrap();
    let user = tx
        .insert(user::ActiveModel {
            id: NotSet,
            name: Set("Ada".into()),
            email: Set("ada@example.com".into()),
            role: Set("administrator".into()),
            password_hash: Set("none".into()),
            created_at: Set(0),
        })
        .await
        .unwrap();
    let token = sessions::begin(&mut tx, UserId(user.id), &caller)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    sessions::find(&panel.db, token.expose())
        .await
        .unwrap()
        .unwrap()
}
