//! The life of a scheduled task.

use std::time::Duration;

use axum::http::StatusCode;
use domain::entities::operation;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use ssh::Stream;
use ssh::fake::Answer as Said;
use wire::ServerId;

use crate::support::{Answer, TestApp, Visitor, field, task};

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

    async fn create(&self, task: Value, key: &str) -> Answer {
        let input = json!({ "server_id": self.server, "task": task, "request_key": key });
        let path = "/api/scheduler/create";
        self.app.call(Some(&self.owner), path, input).await
    }

    /// One that is active.
    async fn active(&self) -> i64 {
        let made = self.create(task("Backup", "true"), "key-of-a-form").await;
        self.app.start_worker();
        self.until(|task| task["status"] == "active").await;
        made.body.as_i64().unwrap()
    }

    async fn of_task(&self, call: &str, id: i64) -> Answer {
        let input = json!({ "server_id": self.server, "task_id": id });
        let path = format!("/api/scheduler/{call}");
        self.app.call(Some(&self.owner), &path, input).await
    }

    async fn lifecycle(&self, call: &str, id: i64) -> Answer {
        let input = json!({ "server_id": self.server, "kind": "scheduled_task", "id": id });
        let path = format!("/api/lifecycle/{call}");
        self.app.call(Some(&self.owner), &path, input).await
    }

    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let input = json!({ "server_id": self.server });
        let shown = self
            .app
            .wait_for(&self.owner, "/api/scheduler/show", input, |body| {
                wanted(&body["tasks"][0])
            })
            .await;
        shown["tasks"][0].clone()
    }

    fn refuse(&self) {
        self.app.connector.remote.respond(|_| {
            Said::code(1)
                .and(Stream::Stdout, "::error cron is broken. Mend it.\n")
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
}

#[tokio::test]
async fn a_task_is_created_as_pending_and_its_operation_is_queued_with_its_id() {
    let world = World::new().await;
    let made = world.create(task("Backup", "true"), "key-of-a-form").await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let shown = world.until(|task| task["status"] == "pending").await;
    assert_eq!(shown["id"], made.body);
    let operations = world.operations().await;
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].resource_id, made.body.as_i64());
    assert_eq!(
        operations[0].resource_kind.as_deref(),
        Some("scheduled_task")
    );
}

#[tokio::test]
async fn a_task_is_installing_while_it_is_installed_and_active_when_that_has_worked() {
    let world = World::new().await;
    world.obey();
    world.create(task("Backup", "true"), "key-of-a-form").await;
    world.app.start_worker();
    world.until(|task| task["status"] == "installing").await;
    let shown = world.until(|task| task["status"] == "active").await;
    assert!(
        shown["next_run"]["words"]
            .as_str()
            .unwrap()
            .ends_with("UTC")
    );
}

#[tokio::test]
async fn a_task_whose_installation_fails_keeps_the_reason_and_retry_resets_and_queues_it() {
    let world = World::new().await;
    world.refuse();
    let made = world.create(task("Backup", "true"), "key-of-a-form").await;
    let id = made.body.as_i64().unwrap();
    world.app.start_worker();
    let shown = world.until(|task| task["status"] == "failed").await;
    assert!(
        shown["error_log"]
            .as_str()
            .unwrap()
            .contains("cron is broken")
    );
    world.obey();
    let answer = world.lifecycle("retry", id).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let shown = world.until(|task| task["status"] == "active").await;
    assert_eq!(shown["error_log"], Value::Null);
}

#[tokio::test]
async fn retry_is_for_failed_tasks_only_and_ten_times_a_minute() {
    let world = World::new().await;
    let id = world.active().await;
    for _ in 0..10 {
        let answer = world.lifecycle("retry", id).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
    }
    let answer = world.lifecycle("retry", id).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    world.until(|task| task["status"] == "active").await;
    assert_eq!(world.operations().await.len(), 1);
}

#[tokio::test]
async fn a_task_is_removing_before_its_removal_begins_and_gone_when_that_has_worked() {
    let world = World::new().await;
    let id = world.active().await;
    world.obey();
    let answer = world.lifecycle("remove", id).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    world.until(|task| task["status"] == "removing").await;
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
            world.of_task("pause", id).await;
            world.until(|task| task["status"] == "paused").await;
        }
        world.refuse();
        world.lifecycle("remove", id).await;
        world.until(|task| task["status"] == "removing").await;
        let shown = world.until(|task| task["status"] != "removing").await;
        assert_eq!(shown["status"], prior);
        assert!(
            shown["error_log"]
                .as_str()
                .unwrap()
                .contains("cron is broken")
        );
    }
}

#[tokio::test]
async fn pausing_and_resuming_go_by_way_of_installing_and_come_back_when_they_fail() {
    let world = World::new().await;
    let id = world.active().await;
    world.obey();
    world.of_task("pause", id).await;
    world.until(|task| task["status"] == "installing").await;
    let shown = world.until(|task| task["status"] == "paused").await;
    assert_eq!(shown["next_run"], Value::Null);
    world.refuse();
    world.of_task("resume", id).await;
    let shown = world
        .until(|task| task["status"] == "paused" && !task["error_log"].is_null())
        .await;
    assert!(
        shown["error_log"]
            .as_str()
            .unwrap()
            .contains("cron is broken")
    );
    world.obey();
    world.of_task("resume", id).await;
    world.until(|task| task["status"] == "active").await;
    // What is so already takes no work.
    let before = world.operations().await.len();
    assert_eq!(world.of_task("resume", id).await.status, StatusCode::OK);
    assert_eq!(world.operations().await.len(), before);
}

#[tokio::test]
async fn an_edit_keeps_the_old_words_until_it_has_worked_and_a_paused_task_paused() {
    let world = World::new().await;
    let id = world.active().await;
    world.of_task("pause", id).await;
    world.until(|task| task["status"] == "paused").await;
    let edit = async || {
        let input = json!({ "server_id": world.server, "task_id": id, "task": task("Backup", "false"), "shown": task("Backup", "true") });
        let path = "/api/scheduler/update";
        world.app.call(Some(&world.owner), path, input).await
    };
    world.refuse();
    assert_eq!(edit().await.status, StatusCode::OK);
    let shown = world.until(|task| !task["error_log"].is_null()).await;
    assert_eq!(
        (&shown["command"], &shown["status"]),
        (&json!("true"), &json!("paused"))
    );
    world.obey();
    edit().await;
    let shown = world.until(|task| task["command"] == "false").await;
    assert_eq!(shown["status"], "paused");
}

#[tokio::test]
async fn fifty_clicks_at_once_make_one_task_and_one_operation() {
    let world = World::new().await;
    let clicks = (0..50).map(|_| world.create(task("Backup", "true"), "key-of-a-form"));
    let answers = futures::future::join_all(clicks).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(world.operations().await.len(), 1);
}

#[tokio::test]
async fn every_wrong_field_gets_a_sentence_and_nothing_is_written() {
    let world = World::new().await;
    let long = "x".repeat(4_001);
    for (name, value) in [
        ("name", "a\nb"),
        ("name", ""),
        ("command", ""),
        ("command", "a\0b"),
        ("command", &long),
        ("expression", "60 * * * *"),
        ("expression", "* * * * * root id"),
        ("expression", "* * * * *\n* * * * * root id"),
        ("expression", "@every 5m"),
        ("timeout", "0"),
        ("timeout", "3601"),
    ] {
        let mut wrong = task("Backup", "true");
        wrong[name] = json!(value);
        let answer = world.create(wrong, "key-of-a-form").await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}={value:?}"
        );
        assert!(
            field(&answer, name).is_some(),
            "{name}={value:?}: {}",
            answer.body
        );
    }
    assert!(world.operations().await.is_empty());
}

#[tokio::test]
async fn a_command_is_kept_byte_for_byte_but_for_the_line_ends_of_forms() {
    let world = World::new().await;
    let command = "echo \"it's 100%\" && cat <<'EOF' | sort\r\n\tä\\n$(id)\rx\r\nEOF\r\n";
    world.create(task("Backup", command), "key-of-a-form").await;
    let shown = world.until(|task| task["status"] == "pending").await;
    assert_eq!(shown["command"], command.replace("\r\n", "\n"));
}

#[tokio::test]
async fn the_next_runs_are_told_by_the_clock_of_the_server() {
    let world = World::new().await;
    let db = &world.app.panel.db;
    let next = async |expression: &str| {
        let input = json!({ "server_id": world.server, "expression": expression });
        let path = "/api/scheduler/next";
        world.app.call(Some(&world.owner), path, input).await
    };
    assert_eq!(next("@daily").await.body["time_zone"], Value::Null);
    let row = domain::servers::row(db, world.server).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.update(&row, |row| row.time_zone = Some("Asia/Kolkata".into()))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let told = next("30 4 * * *").await.body;
    let runs = told["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 5);
    for run in runs {
        assert!(
            run["words"].as_str().unwrap().ends_with("04:30 IST"),
            "{run}"
        );
    }
    assert_eq!(next("@reboot").await.body["at_boot"], true);
    assert_eq!(next("0 0 30 2 *").await.body["runs"], json!([]));
    assert!(field(&next("60 * * * *").await, "expression").is_some());
}

#[tokio::test]
async fn a_task_is_run_now_once_at_a_time_and_its_output_is_text_whatever_it_looks_like() {
    let world = World::new().await;
    let id = world.active().await;
    world.app.connector.remote.respond(|run| {
        let is_the_command = run.script.text().ends_with("\"$handle\" panel\n");
        let printed = if is_the_command {
            "::fact firewall_enabled no\n::error nothing\n"
        } else {
            ""
        };
        Said::stdout(printed).taking(Duration::from_millis(200))
    });
    let asked = world.of_task("run", id).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let again = world.of_task("run", id).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    let operation = json!({ "operation_id": asked.body });
    let path = "/api/operations/show";
    world
        .app
        .wait_for(&world.owner, path, operation, |body| {
            body["state"] == "succeeded"
        })
        .await;
    let row = domain::servers::row(&world.app.panel.db, world.server)
        .await
        .unwrap();
    assert_eq!(row.firewall_enabled, Some(true));
    let output = json!({ "operation_id": asked.body, "after": 0 });
    let path = "/api/operations/output";
    let output = world.app.call(Some(&world.owner), path, output).await.body;
    let text: String = output["chunks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chunk| chunk["text"].as_str().unwrap())
        .collect();
    assert_eq!(text, "::fact firewall_enabled no\n::error nothing\n");
    world.until(|task| task["status"] == "active").await;
}

#[tokio::test]
async fn somebody_elses_task_is_not_found_by_its_number() {
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
        for call in ["task", "run", "pause", "resume"] {
            let input = json!({ "server_id": server, "task_id": id });
            let path = format!("/api/scheduler/{call}");
            let answer = world.app.call(Some(&other), &path, input).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{call} {server}");
        }
    }
}
