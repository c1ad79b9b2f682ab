//! The life of a server's scheduler: by itself, with a provisioning, and from databases that know none.

mod tasks;

use std::time::Duration;

use axum::http::StatusCode;
use domain::bus::{Heard, Listener, Topic};
use domain::entities::{operation, scheduler};
use domain::queue::Outcome;
use futures::FutureExt;
use migrations::Migrator;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use ssh::Stream;
use ssh::fake::Answer as Said;
use wire::ServerId;

use crate::databases::{column, connect, execute, is_postgres};
use crate::support::{Answer, HOST_KEY, TestApp, Visitor, task};

struct World {
    app: TestApp,
    owner: Visitor,
    server: ServerId,
}

impl World {
    /// A server that is connected and no more.
    async fn bare() -> Self {
        let app = TestApp::start().await;
        let owner = app.owner().await;
        let server = app.bare_server(&owner).await;
        Self { app, owner, server }
    }

    /// One whose scheduler is active.
    async fn provisioned() -> Self {
        let app = TestApp::start().await;
        let owner = app.owner().await;
        let server = app.provisioned_server(&owner).await;
        Self { app, owner, server }
    }

    async fn of_server(&self, call: &str) -> Answer {
        let input = json!({ "server_id": self.server });
        self.app.call(Some(&self.owner), call, input).await
    }

    async fn install(&self) -> Answer {
        self.of_server("/api/scheduler/install").await
    }

    async fn repair(&self) -> Answer {
        self.of_server("/api/scheduler/repair").await
    }

    async fn lifecycle(&self, call: &str) -> Answer {
        let id = self.row().await.map(|row| row.id);
        let input = json!({ "server_id": self.server, "kind": "scheduler", "id": id });
        let path = format!("/api/lifecycle/{call}");
        self.app.call(Some(&self.owner), &path, input).await
    }

    async fn add_task(&self) -> Answer {
        let input = json!({
            "server_id": self.server, "task": task("Backup", "true"), "request_key": "key-of-a-form",
        });
        let path = "/api/scheduler/create";
        self.app.call(Some(&self.owner), path, input).await
    }

    async fn of_task(&self, call: &str, id: &Value) -> Answer {
        let input = json!({ "server_id": self.server, "task_id": id });
        let path = format!("/api/scheduler/{call}");
        self.app.call(Some(&self.owner), &path, input).await
    }

    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let (path, input) = ("/api/scheduler/show", json!({ "server_id": self.server }));
        self.app.wait_for(&self.owner, path, input, wanted).await
    }

    async fn until_status(&self, status: &str) -> Value {
        let shown = self
            .until(|body| body["installation"]["status"] == status)
            .await;
        shown["installation"].clone()
    }

    async fn row(&self) -> Option<scheduler::Model> {
        scheduler::Entity::find()
            .filter(scheduler::Column::ServerId.eq(self.server.0))
            .one(self.app.panel.db.reads())
            .await
            .unwrap()
    }

    /// Lets the record stand like this, whatever brought it there.
    async fn stand(&self, status: &str) {
        let row = self.row().await.unwrap();
        let mut tx = self.app.panel.db.begin().await.unwrap();
        tx.update(&row, |row| row.status = status.into())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    fn refuse(&self) {
        self.app.connector.remote.respond(|_| {
            Said::code(1)
                .and(Stream::Stdout, "::error cron is broken. Mend it.\n")
                .taking(Duration::from_millis(200))
        });
    }

    fn obey(&self) {
        let remote = &self.app.connector.remote;
        remote.respond(|_| Said::code(0).taking(Duration::from_millis(200)));
    }

    async fn operations(&self) -> Vec<operation::Model> {
        operation::Entity::find()
            .filter(operation::Column::ServerId.eq(self.server.0))
            .order_by_asc(operation::Column::Id)
            .all(self.app.panel.db.reads())
            .await
            .unwrap()
    }

    /// Claims the next operation and ends it, without a server.
    async fn end_next(&self, outcome: Outcome) {
        let db = &self.app.panel.db;
        let claim = domain::queue::claim(&self.app.panel, "by hand").await;
        claim.unwrap().unwrap().finish(db, outcome).await.unwrap();
    }

    fn listeners(&self) -> [Listener; 2] {
        let topics = [
            Topic::Server(self.server),
            Topic::ServersOf(self.owner.who.user()),
        ];
        topics.map(|topic| {
            let mut listener = self.app.panel.db.bus().listen();
            listener.join(topic);
            listener
        })
    }
}

/// How many times each has heard something since it was asked last.
fn heard(listeners: &mut [Listener; 2]) -> [usize; 2] {
    listeners.each_mut().map(|listener| {
        let mut count = 0;
        while let Some(heard) = listener.next().now_or_never().flatten() {
            assert!(matches!(heard, Heard::Event(_)), "{heard:?}");
            count += 1;
        }
        count
    })
}

fn message(answer: &Answer) -> &str {
    answer.body["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_scheduler_is_created_as_pending_and_its_operation_is_queued_with_its_id() {
    let world = World::bare().await;
    let shown = world.until(|body| body["installation"].is_null()).await;
    assert_eq!(shown["tasks"], json!([]));
    let made = world.install().await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let shown = world.until_status("pending").await;
    assert_eq!(shown["id"], made.body);
    let operations = world.operations().await;
    assert_eq!(operations.len(), 1);
    assert_eq!(shown["operation_id"], operations[0].id);
    assert_eq!(operations[0].resource_id, made.body.as_i64());
    assert_eq!(operations[0].resource_kind.as_deref(), Some("scheduler"));
    assert_eq!(operations[0].title, "Install scheduler of web-1");
}

#[tokio::test]
async fn ten_clicks_make_one_scheduler_and_one_operation() {
    let world = World::bare().await;
    let answers = futures::future::join_all((0..10).map(|_| world.install())).await;
    assert!(answers.iter().all(|it| it.status == StatusCode::OK));
    assert!(answers.iter().all(|it| it.body == answers[0].body));
    assert_eq!(world.operations().await.len(), 1);
    world.obey();
    world.app.start_worker();
    world.until_status("active").await;
    // One that is there is the answer, too.
    assert_eq!(world.install().await.body, answers[0].body);
    assert_eq!(world.operations().await.len(), 1);
}

#[tokio::test]
async fn it_is_installing_while_it_is_installed_and_active_when_that_has_worked() {
    let world = World::bare().await;
    world.obey();
    world.install().await;
    world.app.start_worker();
    world.until_status("installing").await;
    let shown = world.until_status("active").await;
    assert_eq!(shown["error_log"], Value::Null);
    assert_eq!(world.add_task().await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_installation_that_fails_keeps_the_reason_and_retry_resets_and_queues_it() {
    let world = World::bare().await;
    world.refuse();
    world.install().await;
    world.app.start_worker();
    let shown = world.until_status("failed").await;
    let reason = shown["error_log"].as_str().unwrap();
    assert!(reason.contains("cron is broken"), "{reason}");
    let again = world.install().await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(message(&again).ends_with("Retry it."), "{}", again.body);
    world.obey();
    let answer = world.lifecycle("retry").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = world.until_status("active").await;
    assert_eq!(shown["error_log"], Value::Null);
    assert_eq!(shown["operation_id"], answer.body);
    let titles: Vec<_> = world.operations().await;
    assert_eq!(titles[0].title, titles[1].title);
}

#[tokio::test]
async fn retry_is_for_failed_ones_only_and_ten_times_a_minute() {
    let world = World::provisioned().await;
    for _ in 0..10 {
        let answer = world.lifecycle("retry").await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
    }
    let answer = world.lifecycle("retry").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    world.until_status("active").await;
    assert!(world.operations().await.is_empty());
}

#[tokio::test]
async fn each_change_of_it_is_told_once_on_each_of_both_channels() {
    let world = World::bare().await;
    let mut listeners = world.listeners();
    world.install().await;
    assert_eq!(heard(&mut listeners), [1, 1], "created");
    let claim = domain::queue::claim(&world.app.panel, "by hand").await;
    assert_eq!(heard(&mut listeners), [1, 1], "installing");
    let db = &world.app.panel.db;
    let claim = claim.unwrap().unwrap();
    claim.finish(db, Outcome::Succeeded).await.unwrap();
    assert_eq!(heard(&mut listeners), [1, 1], "active");
    world.lifecycle("remove").await;
    assert_eq!(heard(&mut listeners), [1, 1], "removing");
    let claim = domain::queue::claim(&world.app.panel, "by hand").await;
    heard(&mut listeners);
    let claim = claim.unwrap().unwrap();
    claim.finish(db, Outcome::Succeeded).await.unwrap();
    assert_eq!(heard(&mut listeners), [1, 1], "deleted");
    assert!(world.row().await.is_none());
}

#[tokio::test]
async fn it_is_removing_before_its_removal_is_queued_and_gone_when_that_has_worked() {
    let world = World::provisioned().await;
    let answer = world.lifecycle("remove").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    // Nobody works yet.
    let shown = world.until_status("removing").await;
    assert_eq!(shown["operation_id"], answer.body);
    let operations = world.operations().await;
    assert_eq!(operations[0].prior_status.as_deref(), Some("active"));
    assert_eq!(operations[0].title, "Remove scheduler of web-1");
    for again in [
        world.lifecycle("remove").await,
        world.install().await,
        world.repair().await,
    ] {
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
        assert!(message(&again).contains("is remov") || message(&again).contains("being removed"));
    }
    world.app.start_worker();
    world.until(|body| body["installation"].is_null()).await;
    let again = world.install().await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    world.until_status("active").await;
}

#[tokio::test]
async fn a_removal_that_fails_restores_the_prior_status_whichever_that_was() {
    let world = World::provisioned().await;
    world.refuse();
    world.app.start_worker();
    for prior in ["active", "failed"] {
        world.stand(prior).await;
        world.lifecycle("remove").await;
        world.until_status("removing").await;
        let shown = world.until_status(prior).await;
        let reason = shown["error_log"].as_str().unwrap();
        assert!(reason.contains("cron is broken"), "{reason}");
    }
}

#[tokio::test]
async fn a_record_that_no_operation_works_on_is_settled() {
    let world = World::provisioned().await;
    for status in ["pending", "installing", "removing"] {
        world.stand(status).await;
        domain::queue::reconcile(&world.app.panel.db).await.unwrap();
        let shown = world.until_status("failed").await;
        let reason = shown["error_log"].as_str().unwrap();
        assert!(reason.contains("lost track"), "{reason}");
    }
}

#[tokio::test]
async fn a_repair_goes_by_way_of_installing_and_comes_back_with_the_reason_when_it_fails() {
    let world = World::provisioned().await;
    world.refuse();
    let answer = world.repair().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    world.until_status("installing").await;
    let again = world.repair().await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    world.app.start_worker();
    let shown = world.until_status("active").await;
    let reason = shown["error_log"].as_str().unwrap();
    assert!(reason.contains("cron is broken"), "{reason}");
    world.obey();
    // From the operation's own page.
    let failed = json!({ "operation_id": answer.body });
    let path = "/api/operations/retry";
    let retried = world.app.call(Some(&world.owner), path, failed).await;
    assert_eq!(retried.status, StatusCode::OK, "{}", retried.body);
    world
        .until(|body| body["installation"]["error_log"].is_null())
        .await;
    world.until_status("active").await;
    let operations = world.operations().await;
    assert_eq!(operations.len(), 2);
    assert!(
        operations
            .iter()
            .all(|it| it.title == "Repair scheduler of web-1")
    );
}

#[tokio::test]
async fn without_a_scheduler_there_is_nothing_to_repair() {
    let world = World::bare().await;
    assert_eq!(world.repair().await.status, StatusCode::NOT_FOUND);
    assert!(world.operations().await.is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_let_the_panel_in_gets_none() {
    let world = World::bare().await;
    let db = &world.app.panel.db;
    let row = domain::servers::row(db, world.server).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.update(&row, |row| row.connection = "awaiting_key".into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let answer = world.install().await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(message(&answer).contains("has not accepted the panel's key"));
    assert!(world.row().await.is_none());
}

#[tokio::test]
async fn provisioning_that_worked_leaves_it_active_in_the_same_transaction() {
    let world = World::bare().await;
    world.of_server("/api/servers/provision").await;
    world.end_next(Outcome::Failed("It broke.".into())).await;
    assert!(world.row().await.is_none(), "that did not work");

    world.of_server("/api/servers/provision").await;
    let mut listeners = world.listeners();
    let claim = domain::queue::claim(&world.app.panel, "by hand").await;
    heard(&mut listeners);
    let db = &world.app.panel.db;
    let claim = claim.unwrap().unwrap();
    claim.finish(db, Outcome::Succeeded).await.unwrap();
    assert_eq!(heard(&mut listeners), [1, 1], "one change");
    let shown = world.until_status("active").await;
    assert_eq!(shown["operation_id"], Value::Null);

    // Also where its own installation had failed.
    world.stand("failed").await;
    world.of_server("/api/servers/provision").await;
    world.end_next(Outcome::Succeeded).await;
    let again = world.until_status("active").await;
    assert_eq!(again["id"], shown["id"]);
}

#[tokio::test]
async fn provisioning_leaves_one_alone_that_waits_for_work_of_its_own() {
    let world = World::bare().await;
    world.of_server("/api/servers/provision").await;
    world.install().await;
    world.end_next(Outcome::Succeeded).await;
    world.until_status("pending").await;
    world.end_next(Outcome::Succeeded).await;
    world.until_status("active").await;

    world.of_server("/api/servers/provision").await;
    world.repair().await;
    world.end_next(Outcome::Succeeded).await;
    world.until_status("installing").await;
    world.end_next(Outcome::Succeeded).await;
    world.until_status("active").await;

    world.of_server("/api/servers/provision").await;
    world.lifecycle("remove").await;
    world.end_next(Outcome::Succeeded).await;
    world.until_status("removing").await;
    world.end_next(Outcome::Succeeded).await;
    assert!(world.row().await.is_none());
}

#[tokio::test]
async fn somebody_elses_scheduler_is_not_found_by_its_server_or_its_number() {
    let world = World::provisioned().await;
    let id = world.row().await.unwrap().id;
    let other = world.app.other_owner().await;
    let made = json!({
        "name": "web-2", "address": "203.0.113.8", "port": "22", "user": "root", "host_key": HOST_KEY,
    });
    let path = "/api/servers/create";
    let own = world.app.call(Some(&other), path, made).await.body;
    let theirs = json!({ "server_id": world.server });
    for call in ["show", "install", "repair"] {
        let path = format!("/api/scheduler/{call}");
        let answer = world.app.call(Some(&other), &path, theirs.clone()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{call}");
    }
    for server in [json!(world.server), own] {
        for call in ["retry", "remove"] {
            let input = json!({ "server_id": server, "kind": "scheduler", "id": id });
            let path = format!("/api/lifecycle/{call}");
            let answer = world.app.call(Some(&other), &path, input).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{call} {server}");
        }
    }
    assert!(world.operations().await.is_empty());
}

/// As a panel of before has left them.
#[tokio::test]
async fn every_server_that_could_have_tasks_before_has_an_active_scheduler_after_the_upgrade() {
    let world = World::bare().await;
    let conn = connect(world.app.data()).await;
    execute(&conn, "DROP TABLE schedulers").await;
    execute(
        &conn,
        "DELETE FROM seaql_migrations WHERE version = 'm0018_schedulers'",
    )
    .await;
    execute(&conn, "DELETE FROM servers").await;
    let (yes, no) = if is_postgres() {
        ("TRUE", "FALSE")
    } else {
        ("1", "0")
    };
    for (name, provision_status, running) in [
        ("never", "NULL", "NULL"),
        ("under way", "'installing'", "NULL"),
        ("failed early", "'failed'", "NULL"),
        ("provisioned", "'active'", "NULL"),
        ("provisioned, and looked at", "'active'", yes),
        ("failed late", "'failed'", yes),
        ("cron died", "'failed'", no),
    ] {
        let insert = format!(
            "INSERT INTO servers (owner_id, name, address, port, \"user\", host_key, public_key, sealed_private_key, \
                                  connection, notes, provision_status, scheduler_running, created_at, updated_at)
             VALUES ({}, '{name}', '{name}', 22, 'root', 'k', 'k', 'k', 'connected', '', {provision_status}, {running}, 5, 7)",
            world.owner.who.user()
        );
        execute(&conn, &insert).await;
    }
    Migrator::up(&conn, None).await.unwrap();
    let ready = column(
        &conn,
        "SELECT servers.name FROM schedulers JOIN servers ON servers.id = schedulers.server_id
         WHERE status = 'active' AND error_log IS NULL AND schedulers.updated_at = 7 ORDER BY servers.id",
    )
    .await;
    let wanted = [
        "provisioned",
        "provisioned, and looked at",
        "failed late",
        "cron died",
    ];
    assert_eq!(ready, wanted);
    let all = column(&conn, "SELECT CAST(count(*) AS text) FROM schedulers").await;
    assert_eq!(all, ["4"]);
}
