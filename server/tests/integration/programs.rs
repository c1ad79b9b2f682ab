//! The life of a background program.

mod processes;

use std::time::Duration;

use axum::http::StatusCode;
use domain::bus::{Heard, Topic};
use domain::entities::{audit_entry, operation, program};
use domain::programs::ProcessReport;
use futures::FutureExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use ssh::Stream;
use ssh::fake::Answer as Said;
use wire::event::{AlertPage, Event};
use wire::programs::ProcessState;
use wire::{ProgramId, ServerId, Timestamp};

use crate::support::{Answer, TestApp, Visitor, field, program as fields};

/// Puts how a process stands into the panel as if it had been seen.
pub async fn record(app: &TestApp, server: ServerId, program: ProgramId, state: ProcessState) {
    let processes = [(program, vec![process(1, state)])];
    domain::programs::record(&app.panel.db, server, &processes)
        .await
        .unwrap();
}

fn process(number: i32, state: ProcessState) -> ProcessReport {
    ProcessReport {
        number,
        state,
        pid: (state == ProcessState::Running).then_some(4711),
        started_at: (state == ProcessState::Running).then_some(Timestamp(1_798_761_600_000)),
        restarts: 0,
        last_end: Some("exit code 3".to_owned()),
        last_end_at: Some(Timestamp(1_798_761_500_000)),
    }
}

struct World {
    app: TestApp,
    owner: Visitor,
    server: ServerId,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let owner = app.owner().await;
        let server = app.provisioned_server(&owner).await;
        Self { app, owner, server }
    }

    async fn create(&self, program: Value, key: &str) -> Answer {
        let input = json!({ "server_id": self.server, "program": program, "request_key": key });
        let path = "/api/programs/create";
        self.app.call(Some(&self.owner), path, input).await
    }

    /// One that is active.
    async fn active(&self) -> i64 {
        let made = self.create(fields("Worker", "true"), "key-of-a-form").await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        self.app.start_worker();
        self.until(|program| program["status"] == "active").await;
        made.body.as_i64().unwrap()
    }

    /// A form that was filled with one and sent with the other.
    async fn update(&self, id: i64, mut shown: Value, program: Value) -> Answer {
        for variable in shown["environment"].as_array_mut().unwrap() {
            variable["value"] = Value::Null;
        }
        let input = json!({ "server_id": self.server, "program_id": id, "program": program, "shown": shown });
        let path = "/api/programs/update";
        self.app.call(Some(&self.owner), path, input).await
    }

    async fn control(&self, act: &str, id: i64) -> Answer {
        let input = json!({ "server_id": self.server, "program_id": id, "act": act });
        let path = "/api/programs/control";
        self.app.call(Some(&self.owner), path, input).await
    }

    async fn lifecycle(&self, call: &str, id: i64) -> Answer {
        let input = json!({ "server_id": self.server, "kind": "program", "id": id });
        let path = format!("/api/lifecycle/{call}");
        self.app.call(Some(&self.owner), &path, input).await
    }

    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let input = json!({ "server_id": self.server });
        let path = "/api/programs/show";
        let shown = self
            .app
            .wait_for(&self.owner, path, input, |body| {
                wanted(&body["programs"][0])
            })
            .await;
        shown["programs"][0].clone()
    }

    fn refuse(&self) {
        self.app.connector.remote.respond(|_| {
            Said::code(1)
                .and(Stream::Stdout, "::error systemd is broken. Mend it.\n")
                .taking(Duration::from_millis(200))
        });
    }

    fn obey(&self) {
        self.app
            .connector
            .remote
            .respond(|_| Said::code(0).taking(Duration::from_millis(200)));
    }

    async fn operations(&self) -> Vec<operation::Model> {
        operation::Entity::find()
            .filter(operation::Column::ServerId.eq(self.server.0))
            .all(self.app.panel.db.reads())
            .await
            .unwrap()
    }

    /// What the server was sent.
    fn sent(&self) -> Vec<String> {
        let runs = self.app.connector.remote.runs();
        let sent = runs.iter().map(|run| String::from_utf8_lossy(&run.stdin));
        sent.map(std::borrow::Cow::into_owned).collect()
    }
}

#[tokio::test]
async fn a_program_is_created_as_pending_and_its_operation_is_queued_with_its_id() {
    let world = World::new().await;
    let made = world
        .create(fields("Worker", "true"), "key-of-a-form")
        .await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let shown = world.until(|program| program["status"] == "pending").await;
    assert_eq!(shown["id"], made.body);
    let operations = world.operations().await;
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].resource_id, made.body.as_i64());
    assert_eq!(operations[0].resource_kind.as_deref(), Some("program"));
}

#[tokio::test]
async fn a_program_is_installing_while_it_is_installed_and_active_when_that_has_worked() {
    let world = World::new().await;
    world.obey();
    world
        .create(fields("Worker", "true"), "key-of-a-form")
        .await;
    world.app.start_worker();
    world
        .until(|program| program["status"] == "installing")
        .await;
    world.until(|program| program["status"] == "active").await;
}

#[tokio::test]
async fn a_program_whose_installation_fails_keeps_the_reason_and_retry_resets_and_queues_it() {
    let world = World::new().await;
    world.refuse();
    let made = world
        .create(fields("Worker", "true"), "key-of-a-form")
        .await;
    let id = made.body.as_i64().unwrap();
    world.app.start_worker();
    let shown = world.until(|program| program["status"] == "failed").await;
    let reason = shown["error_log"].as_str().unwrap();
    assert!(reason.contains("systemd is broken"), "{reason}");
    world.obey();
    let answer = world.lifecycle("retry", id).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = world.until(|program| program["status"] == "active").await;
    assert_eq!(shown["error_log"], Value::Null);
    assert_eq!(world.operations().await.len(), 2);
}

#[tokio::test]
async fn retry_is_for_failed_programs_only_and_ten_times_a_minute() {
    let world = World::new().await;
    let id = world.active().await;
    for _ in 0..10 {
        let answer = world.lifecycle("retry", id).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
    }
    let answer = world.lifecycle("retry", id).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    world.until(|program| program["status"] == "active").await;
    assert_eq!(world.operations().await.len(), 1);
}

#[tokio::test]
async fn creating_changing_and_removing_a_program_is_announced_on_its_server() {
    let world = World::new().await;
    let mut listener = world.app.panel.db.bus().listen();
    listener.join(Topic::Server(world.server));
    let mut heard = move || {
        let mut count = 0;
        while listener.next().now_or_never().flatten().is_some() {
            count += 1;
        }
        count > 0
    };
    world.obey();
    let id = world.active().await;
    assert!(heard());
    world
        .update(id, fields("Worker", "true"), fields("Worker", "false"))
        .await;
    assert!(heard());
    world.until(|it| it["settings"]["command"] == "false").await;
    heard();
    world.lifecycle("remove", id).await;
    assert!(heard());
    world.until(Value::is_null).await;
    assert!(heard());
}

#[tokio::test]
async fn a_program_is_removing_before_its_removal_begins_and_gone_when_that_has_worked() {
    let world = World::new().await;
    let id = world.active().await;
    world.obey();
    let answer = world.lifecycle("remove", id).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    world.until(|program| program["status"] == "removing").await;
    let again = world.lifecycle("remove", id).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    world.until(Value::is_null).await;
}

#[tokio::test]
async fn a_removal_that_fails_restores_the_prior_status_whichever_that_was() {
    let world = World::new().await;
    let id = world.active().await;
    for prior in ["active", "paused"] {
        if prior == "paused" {
            world.obey();
            world.control("stop", id).await;
            world.until(|program| program["status"] == "paused").await;
        }
        world.refuse();
        world.lifecycle("remove", id).await;
        world.until(|program| program["status"] == "removing").await;
        let shown = world.until(|program| program["status"] != "removing").await;
        assert_eq!(shown["status"], prior);
        let reason = shown["error_log"].as_str().unwrap();
        assert!(reason.contains("systemd is broken"), "{reason}");
    }
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_leaves_no_program_stuck() {
    let world = World::new().await;
    world.app.connector.remote.respond(|_| Said::code(0));
    let id = world.active().await;
    let row = program::Entity::find_by_id(id)
        .one(world.app.panel.db.reads())
        .await
        .unwrap()
        .unwrap();
    let mut tx = world.app.panel.db.begin().await.unwrap();
    tx.update(&row, |row| row.status = "installing".into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        domain::queue::reconcile(&world.app.panel.db).await.unwrap(),
        1
    );
    world.until(|program| program["status"] == "failed").await;
}

#[tokio::test]
async fn stopping_starting_and_restarting_are_operations_and_come_back_when_they_fail() {
    let world = World::new().await;
    let id = world.active().await;
    world.obey();
    let asked = world.control("stop", id).await;
    assert!(asked.body.is_i64(), "{}", asked.body);
    world
        .until(|program| program["status"] == "installing")
        .await;
    world.until(|program| program["status"] == "paused").await;
    // What is so already takes no work, and what is stopped is not restarted.
    assert_eq!(world.control("stop", id).await.body, Value::Null);
    let refused = world.control("restart", id).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    world.refuse();
    world.control("start", id).await;
    let failed = |it: &Value| it["status"] == "paused" && !it["error_log"].is_null();
    world.until(failed).await;
    world.obey();
    world.control("start", id).await;
    world.until(|program| program["status"] == "active").await;
    world.control("restart", id).await;
    world
        .until(|program| program["status"] == "installing")
        .await;
    world.until(|program| program["status"] == "active").await;
    let titles: Vec<_> = world
        .operations()
        .await
        .into_iter()
        .map(|row| row.title)
        .collect();
    assert_eq!(
        titles,
        [
            "Add background program Worker",
            "Stop background program Worker",
            "Start background program Worker",
            "Start background program Worker",
            "Restart background program Worker",
        ]
    );
}

#[tokio::test]
async fn an_edit_keeps_the_old_words_until_it_has_worked_and_a_stopped_program_stopped() {
    let world = World::new().await;
    let id = world.active().await;
    world.control("stop", id).await;
    world.until(|program| program["status"] == "paused").await;
    world.refuse();
    let answer = world
        .update(id, fields("Worker", "true"), fields("Worker", "false"))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = world.until(|program| !program["error_log"].is_null()).await;
    assert_eq!(shown["settings"]["command"], "true");
    assert_eq!(shown["status"], "paused");
    world.obey();
    world
        .update(id, fields("Worker", "true"), fields("Worker", "false"))
        .await;
    let shown = world.until(|it| it["settings"]["command"] == "false").await;
    assert_eq!(shown["status"], "paused");
}

#[tokio::test]
async fn fifty_clicks_at_once_make_one_program_and_one_operation() {
    let world = World::new().await;
    let clicks = (0..50).map(|_| world.create(fields("Worker", "true"), "key-of-a-form"));
    let answers = futures::future::join_all(clicks).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(world.operations().await.len(), 1);
}

#[tokio::test]
async fn every_wrong_field_gets_a_sentence_and_nothing_is_written() {
    let world = World::new().await;
    let long = "x".repeat(4_001);
    let variable = |name: &str, value: Value| json!([{ "name": name, "value": value }]);
    for (name, value) in [
        ("name", json!("a\nb")),
        ("name", json!("")),
        ("command", json!("")),
        ("command", json!("a\0b")),
        ("command", json!(long)),
        ("directory", json!("shop")),
        ("directory", json!("/a\0b")),
        ("processes", json!("0")),
        ("processes", json!("21")),
        ("stop_wait", json!("0")),
        ("stop_wait", json!("301")),
        ("environment", variable("2A", json!("x"))),
        ("environment", variable("A=B", json!("x"))),
        ("environment", variable("A", json!("a\0b"))),
        ("environment", variable("A", Value::Null)),
    ] {
        let mut wrong = fields("Worker", "true");
        wrong[name] = value.clone();
        let answer = world.create(wrong, "key-of-a-form").await;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        assert_eq!(answer.status, status, "{name}={value}");
        assert!(field(&answer, name).is_some(), "{name}: {}", answer.body);
    }
    assert!(world.operations().await.is_empty());
}

#[tokio::test]
async fn values_of_an_environment_are_sealed_kept_replaced_and_shown_nowhere() {
    let world = World::new().await;
    let mut secret = fields("Worker", "true");
    secret["environment"] = json!([
        { "name": "KEPT", "value": "canary-kept\n'\"$" },
        { "name": "OLD", "value": "canary-old" },
    ]);
    let made = world.create(secret.clone(), "key-of-a-form").await;
    let id = made.body.as_i64().unwrap();
    world.app.start_worker();
    world.until(|program| program["status"] == "active").await;
    assert!(
        world
            .sent()
            .iter()
            .any(|sent| sent.contains("KEPT=canary-kept"))
    );

    let first = secret.clone();
    secret["environment"] = json!([
        { "name": "KEPT", "value": null },
        { "name": "NEW", "value": "canary-new" },
    ]);
    let preview = json!({
        "server_id": world.server,
        "work": { "change_program": { "program_id": id, "program": secret } },
    });
    let path = "/api/operations/preview";
    let plan = world.app.call(Some(&world.owner), path, preview).await;
    assert_eq!(plan.status, StatusCode::OK, "{}", plan.body);
    world.update(id, first, secret.clone()).await;
    let shown = world
        .until(|it| it["variables"] == json!(["KEPT", "NEW"]))
        .await;
    let sent = world.sent();
    let changed = sent.iter().rfind(|sent| sent.contains("KEPT=")).unwrap();
    assert!(changed.contains("canary-kept") && changed.contains("canary-new"));
    assert!(!changed.contains("canary-old"));
    // The same once more is no change.
    let before = world.operations().await.len();
    secret["environment"][1]["value"] = json!("canary-new");
    world.update(id, secret.clone(), secret).await;
    assert_eq!(world.operations().await.len(), before);

    let dump = crate::databases::dump(world.app.panel.db.reads()).await;
    for place in [
        plan.body.to_string(),
        shown.to_string(),
        format!("{dump:?}"),
    ] {
        assert!(!place.contains("canary"), "{place}");
    }
}

#[tokio::test]
async fn a_server_that_was_never_provisioned_says_so() {
    let app = TestApp::start().await;
    let owner = app.owner().await;
    let server = app.bare_server(&owner).await;
    let world = World { app, owner, server };
    let add = async || {
        let fields = fields("Worker", "true");
        world.create(fields, "key-of-a-form").await
    };
    let answer = add().await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let message = answer.body["message"].as_str().unwrap();
    assert!(
        message.contains("Provision this server or install its scheduler"),
        "{message}"
    );
    // Either makes the user.
    let input = json!({ "server_id": server });
    let path = "/api/scheduler/install";
    world
        .app
        .call(Some(&world.owner), path, input.clone())
        .await;
    assert_eq!(add().await.status, StatusCode::CONFLICT);
    world.app.start_worker();
    let path = "/api/scheduler/show";
    world
        .app
        .wait_for(&world.owner, path, input, |body| {
            body["installation"]["status"] == "active"
        })
        .await;
    assert_eq!(add().await.status, StatusCode::OK);
}

#[tokio::test]
async fn somebody_elses_program_is_not_found_by_its_number() {
    let world = World::new().await;
    let id = world.active().await;
    let other = world.app.other_owner().await;
    let made = json!({
        "name": "web-2", "address": "203.0.113.8", "port": "22", "user": "root",
        "host_key": crate::support::HOST_KEY,
    });
    let own = world
        .app
        .call(Some(&other), "/api/servers/create", made)
        .await
        .body;
    for server in [json!(world.server), own] {
        for (call, more) in [
            ("program", json!({})),
            ("log", json!({})),
            ("control", json!({ "act": "stop" })),
            (
                "update",
                json!({ "program": fields("Worker", "false"), "shown": fields("Worker", "true") }),
            ),
        ] {
            let mut input = json!({ "server_id": server, "program_id": id });
            for (key, value) in more.as_object().unwrap() {
                input[key] = value.clone();
            }
            let path = format!("/api/programs/{call}");
            let answer = world.app.call(Some(&other), &path, input).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{call} {server}");
        }
    }
}
