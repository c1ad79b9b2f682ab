//! The panel without its pages: database, queue, worker, SSH.

use std::sync::Arc;
use std::time::Duration;

use domain::access::{self, Caller, OwnedServer, SignedIn};
use domain::broadcasting::App;
use domain::bus::Bus;
use domain::entities::{firewall_rule, program, scheduled_task, scheduler as scheduler_row, user};
use domain::secrets::{Place, Secrets};
use domain::{
    Db, Panel, Prober, authorize, firewall, operations, programs, scheduler, servers, sessions,
};
use migrations::Migrator;
use provisioner::{SshProber, Worker};
use sea_orm::{ActiveValue::NotSet, EntityTrait, Set};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;
use tokio::sync::watch;
use wire::authorize::LoginPassword;
use wire::firewall::{Action, NewRule, RuleFields, RuleResource};
use wire::operations::OperationResource;
use wire::programs::{NewProgram, ProgramFields, ProgramResource};
use wire::provisioning::{ProvisionChoices, SoftwareResource};
use wire::scheduler::{InstallationResource, NewTask, TaskFields, TaskResource};
use wire::servers::{Address, NewServer, NewServerInput, SshPort};
use wire::{OperationId, ProgramId, RuleId, SchedulerId, Status, TaskId, UserId};

use crate::host::Host;

pub struct TestPanel {
    pub panel: Panel,
    pub who: SignedIn,
    _stop: watch::Sender<bool>,
    _data: TempDir,
}

impl TestPanel {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&data.path().join("panel.db"), Bus::new())
            .await
            .unwrap();
        Migrator::up(db.writes(), None).await.unwrap();
        let connector = Arc::new(ssh::Client::new(ssh::Reach::everywhere()));
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
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(Worker::new(panel.clone(), connector, ssh::Reach::everywhere()).run(stopping));
        Self {
            panel,
            who,
            _stop: stop,
            _data: data,
        }
    }

    /// Adds a host as a user does: confirms its key, pastes the shown line.
    pub async fn add(&self, host: &Host) -> OwnedServer {
        let server = self.add_without_key(host, "22", "root").await;
        let id = server.id();
        let shown = servers::show(&self.panel, &server).await.unwrap();
        host.sh(&shown.authorize_command);
        servers::check(&self.panel, &self.who, &server)
            .await
            .unwrap();
        access::owned_server(&self.panel.db, &self.who, id)
            .await
            .unwrap()
    }

    /// Adds a host and confirms its key; the panel cannot log in yet.
    pub async fn add_without_key(&self, host: &Host, port: &str, user: &str) -> OwnedServer {
        let (address, ssh_port) = (
            Address::parse(&host.address).unwrap(),
            SshPort::parse(port).unwrap(),
        );
        let key = servers::host_key(&self.panel, &self.who, &address, ssh_port)
            .await
            .unwrap();
        let input = NewServerInput {
            name: "web-1".into(),
            address: host.address.clone(),
            port: port.into(),
            user: user.into(),
            host_key: key.host_key,
        };
        let id = servers::add(&self.panel, &self.who, NewServer::parse(&input).unwrap())
            .await
            .unwrap();
        access::owned_server(&self.panel.db, &self.who, id)
            .await
            .unwrap()
    }

    /// Gives the password of the login user and returns how the attempt ended.
    pub async fn authorize(&self, server: &OwnedServer, password: &str) -> OperationResource {
        let password = LoginPassword::parse(password).unwrap();
        let id = authorize::request(&self.panel, &self.who, server, password)
            .await
            .unwrap();
        self.end_of(id).await
    }

    /// Gives a password that does not let the panel in, and returns the sentence that says why.
    pub async fn refusal(&self, server: &OwnedServer, password: &str) -> String {
        let operation = self.authorize(server, password).await;
        operation.error.expect("the attempt fails")
    }

    /// Provisions with these choices and returns how it ended.
    pub async fn provision_with(
        &self,
        server: &OwnedServer,
        choices: Option<ProvisionChoices>,
    ) -> OperationResource {
        let id = servers::request_provisioning(&self.panel.db, &self.who, server, choices)
            .await
            .unwrap();
        self.end_of(id).await
    }

    /// Provisions and insists that it works.
    pub async fn provision_well(&self, server: &OwnedServer) -> OwnedServer {
        self.insist(server, None).await
    }

    /// Provisions with these choices and insists that it works.
    pub async fn provision_well_with(
        &self,
        server: &OwnedServer,
        choices: ProvisionChoices,
    ) -> OwnedServer {
        self.insist(server, Some(choices)).await
    }

    /// What a server offers, and what it was found to have.
    pub async fn software(&self, server: &OwnedServer) -> SoftwareResource {
        let server = access::owned_server(&self.panel.db, &self.who, server.id());
        let server = server.await.unwrap();
        servers::show(&self.panel, &server).await.unwrap().software
    }

    async fn insist(&self, server: &OwnedServer, choices: Option<ProvisionChoices>) -> OwnedServer {
        let operation = self.provision_with(server, choices).await;
        assert_eq!(operation.error, None, "{}", self.output(operation.id).await);
        access::owned_server(&self.panel.db, &self.who, server.id())
            .await
            .unwrap()
    }

    /// The server as it is on record now.
    pub async fn reload(&self, server: &OwnedServer) -> OwnedServer {
        access::owned_server(&self.panel.db, &self.who, server.id())
            .await
            .unwrap()
    }

    /// Queues a rule.
    pub async fn begin_rule(
        &self,
        server: &OwnedServer,
        fields: RuleFields,
    ) -> (RuleId, OperationId) {
        let (rule, key) = (
            NewRule::parse(&fields).unwrap(),
            format!("form-{}", fields.port),
        );
        let id = firewall::request(&self.panel.db, &self.who, server, rule, &key)
            .await
            .unwrap();
        let shown = firewall::show(&self.panel.db, server).await.unwrap();
        let rule = shown.rules.into_iter().find(|rule| rule.id == id).unwrap();
        (id, rule.operation_id.unwrap())
    }

    /// As a click does that may come too late.
    pub async fn cancel(&self, id: OperationId) {
        let owned = access::owned_operation(&self.panel.db, &self.who, id)
            .await
            .unwrap();
        let cancelled = domain::queue::cancel(&self.panel.db, &self.who, &owned).await;
        assert!(matches!(
            cancelled,
            Ok(()) | Err(domain::Error::Known(wire::ApiError::Conflict { .. }))
        ));
    }

    pub async fn end_of(&self, id: OperationId) -> OperationResource {
        for _ in 0..6000 {
            let owned = access::owned_operation(&self.panel.db, &self.who, id)
                .await
                .unwrap();
            let operation = operations::show(&self.panel.db, &owned).await.unwrap();
            if operation.state.is_over() {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("operation {id} did not end within 10 minutes");
    }

    pub async fn output(&self, id: OperationId) -> String {
        let owned = access::owned_operation(&self.panel.db, &self.who, id)
            .await
            .unwrap();
        let page = operations::output(&self.panel.db, &owned, 0).await.unwrap();
        page.chunks.into_iter().map(|chunk| chunk.text).collect()
    }

    /// Adds a rule and waits until it is settled.
    pub async fn add_rule(&self, server: &OwnedServer, fields: RuleFields) -> RuleResource {
        let key = format!("request-{}-{}-{}", fields.port, fields.source, fields.name);
        let rule = NewRule::parse(&fields).unwrap();
        let id = firewall::request(&self.panel.db, &self.who, server, rule, &key)
            .await
            .unwrap();
        self.settled(server, id).await.unwrap()
    }

    /// Puts a rule into the database past the panel's checks.
    pub async fn insert_failed_rule(
        &self,
        server: &OwnedServer,
        port: &str,
        source: &str,
        action: Action,
    ) -> RuleId {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = tx
            .insert(firewall_rule::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                name: Set("Past the checks".into()),
                port: Set(port.into()),
                protocol: Set("tcp".into()),
                source: Set(source.into()),
                action: Set(action.as_str().into()),
                status: Set("failed".into()),
                error_log: Set(None),
                request_key: Set("past-the-checks".into()),
                created_at: Set(0),
                updated_at: Set(0),
            })
            .await
            .unwrap();
        tx.commit().await.unwrap();
        RuleId(row.id)
    }

    /// Makes a rule one whose work has failed.
    pub async fn fail_rule(&self, id: RuleId) {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = firewall_rule::Entity::find_by_id(id.0)
            .one(tx.reads())
            .await
            .unwrap()
            .unwrap();
        tx.update(&row, |row| row.status = "failed".into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn add_task(&self, server: &OwnedServer, fields: TaskFields) -> TaskResource {
        let key = format!("request-{}-{}", server.id(), fields.name);
        let task = NewTask::parse(&fields).unwrap();
        let id = scheduler::request(&self.panel.db, &self.who, server, task, &key)
            .await
            .unwrap();
        self.settled_task(server, id).await.unwrap()
    }

    /// Puts a task into the database past the panel's checks.
    pub async fn insert_failed_task(&self, server: &OwnedServer, fields: TaskFields) -> TaskId {
        let task = NewTask::parse(&fields).unwrap();
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = tx
            .insert(scheduled_task::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                name: Set("Past the checks".into()),
                command: Set(task.command),
                run_as: Set(task.run_as.as_str().into()),
                frequency: Set(task.frequency.as_str().into()),
                expression: Set(task.expression),
                timeout: Set(300),
                overlap: Set(task.overlap.as_str().into()),
                notify: Set(task.notify),
                status: Set("failed".into()),
                paused: Set(false),
                error_log: Set(None),
                request_key: Set("past-the-checks".into()),
                handle: Set("00000000000000ff".into()),
                token_hash: Set(None),
                active_since: Set(None),
                missed_at: Set(None),
                last_success_at: Set(None),
                created_at: Set(0),
                updated_at: Set(0),
            })
            .await
            .unwrap();
        tx.commit().await.unwrap();
        TaskId(row.id)
    }

    pub async fn fail_task(&self, id: TaskId) {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = scheduled_task::Entity::find_by_id(id.0)
            .one(tx.reads())
            .await
            .unwrap()
            .unwrap();
        tx.update(&row, |row| row.status = "failed".into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// The task once nothing is under way for it; `None` when it is gone.
    pub async fn settled_task(&self, server: &OwnedServer, id: TaskId) -> Option<TaskResource> {
        for _ in 0..2000 {
            let tasks = scheduler::show(&self.panel.db, server).await.unwrap().tasks;
            match tasks.into_iter().find(|task| task.id == id) {
                None => return None,
                Some(task) if !task.status.is_transitional() => return Some(task),
                Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("task {id} was not settled within 200 s");
    }

    /// Installs the scheduler of a server that has none.
    pub async fn install_scheduler(&self, server: &OwnedServer) -> InstallationResource {
        scheduler::installation::request(&self.panel.db, &self.who, server)
            .await
            .unwrap();
        self.settled_scheduler(server).await.unwrap()
    }

    /// Puts one into the database past the panel's checks.
    pub async fn insert_failed_scheduler(&self, server: &OwnedServer) -> SchedulerId {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = tx
            .insert(scheduler_row::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                status: Set("failed".into()),
                error_log: Set(None),
                created_at: Set(0),
                updated_at: Set(0),
            })
            .await
            .unwrap();
        tx.commit().await.unwrap();
        SchedulerId(row.id)
    }

    pub async fn fail_scheduler(&self, id: SchedulerId) {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = self.scheduler_row(id).await;
        tx.update(&row, |row| row.status = "failed".into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Takes the record away and leaves the server as it is.
    pub async fn forget_scheduler(&self, id: SchedulerId) {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = self.scheduler_row(id).await;
        tx.delete(row).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn scheduler_row(&self, id: SchedulerId) -> scheduler_row::Model {
        scheduler_row::Entity::find_by_id(id.0)
            .one(self.panel.db.reads())
            .await
            .unwrap()
            .unwrap()
    }

    /// The scheduler of a server once nothing is under way for it; `None` when there is none.
    pub async fn settled_scheduler(&self, server: &OwnedServer) -> Option<InstallationResource> {
        for _ in 0..2000 {
            let shown = scheduler::show(&self.panel.db, server).await.unwrap();
            match shown.installation {
                None => return None,
                Some(one) if !one.status.is_transitional() => return Some(one),
                Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("the scheduler was not settled within 200 s");
    }

    pub async fn add_program(
        &self,
        server: &OwnedServer,
        fields: ProgramFields,
    ) -> ProgramResource {
        let key = format!("request-{}-{}", server.id(), fields.name);
        let new = NewProgram::parse(&fields).unwrap();
        let id = programs::request(&self.panel, &self.who, server, new, &key)
            .await
            .unwrap();
        self.settled_program(server, id).await.unwrap()
    }

    /// Puts a program into the database past the panel's checks.
    pub async fn insert_failed_program(
        &self,
        server: &OwnedServer,
        fields: ProgramFields,
    ) -> ProgramId {
        let settings = NewProgram::parse(&fields).unwrap().settings;
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = tx
            .insert(program::ActiveModel {
                id: NotSet,
                server_id: Set(server.id().0),
                name: Set("Past the checks".into()),
                command: Set(settings.command),
                directory: Set(settings.directory),
                run_as: Set(settings.run_as.as_str().into()),
                processes: Set(settings.processes.get().into()),
                auto_restart: Set(settings.auto_restart),
                stop_signal: Set(settings.stop_signal.as_str().into()),
                stop_wait: Set(settings.stop_wait.seconds().into()),
                variables: Set(String::new()),
                sealed_environment: Set(String::new()),
                status: Set("failed".into()),
                stopped: Set(false),
                error_log: Set(None),
                request_key: Set("past-the-checks".into()),
                handle: Set("00000000000000ff".into()),
                installed: Set(false),
                created_at: Set(0),
                updated_at: Set(0),
            })
            .await
            .unwrap();
        let place = Place {
            table: "programs",
            row: row.id,
            column: "sealed_environment",
        };
        let sealed = self.panel.secrets.seal(place, &"[]".into()).unwrap();
        tx.update(&row, |row| row.sealed_environment = sealed)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        ProgramId(row.id)
    }

    pub async fn fail_program(&self, id: ProgramId) {
        let mut tx = self.panel.db.begin().await.unwrap();
        let row = program::Entity::find_by_id(id.0)
            .one(tx.reads())
            .await
            .unwrap()
            .unwrap();
        tx.update(&row, |row| row.status = "failed".into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// The program once nothing is under way for it; `None` when it is gone.
    pub async fn settled_program(
        &self,
        server: &OwnedServer,
        id: ProgramId,
    ) -> Option<ProgramResource> {
        for _ in 0..2000 {
            let programs = programs::show(&self.panel.db, server).await.unwrap();
            let found = programs.programs.into_iter().find(|it| it.id == id);
            match found {
                None => return None,
                Some(program) if !program.status.is_transitional() => return Some(program),
                Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("program {id} was not settled within 200 s");
    }

    /// The rule once nothing is under way for it; `None` when it is gone.
    pub async fn settled(&self, server: &OwnedServer, id: RuleId) -> Option<RuleResource> {
        for _ in 0..2000 {
            let rules = firewall::show(&self.panel.db, server).await.unwrap().rules;
            match rules.into_iter().find(|rule| rule.id == id) {
                None => return None,
                Some(rule) if !rule.status.is_transitional() => return Some(rule),
                Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        panic!("rule {id} was not settled within 200 s");
    }
}

pub fn is_active(rule: &RuleResource) -> bool {
    assert_eq!(rule.error_log, None);
    rule.status == Status::Active
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
            password_hash: Set("none".into()),
            created_at: Set(0),
            role: Set("administrator".into()),
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
