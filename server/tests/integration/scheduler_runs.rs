//! What servers tell of the runs of their tasks, and what the panel makes of it. `telling`: what it tells people.

mod telling;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::bus::Heard;
use domain::entities::{audit_entry, scheduled_task, task_run};
use domain::scheduler::{Found, RunReport};
use futures::FutureExt;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, Statement};
use serde_json::{Value, json};
use ssh::fake::Answer as Said;
use wire::event::Event;
use wire::scheduler::{RunState, Trigger};
use wire::{ServerId, TaskId, Timestamp};

use crate::databases;
use crate::support::{TestApp, Visitor, task};

const KEY: &str = "1798761600000-0a1b2c3d";
/// Its SHA-256 is what the server tells the panel.
const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const TOKEN_HASH: &str = "a8ae6e6ee929abea3afcfc5258c8ccd6f85273e0d4626d26c7279f3250f77c8e";

/// Puts a run into the panel as if its server had told of it.
pub async fn record(app: &TestApp, server: ServerId, task: TaskId, state: &str) {
    let report = report(RunState::parse(state).unwrap(), 1_798_761_600_000);
    let reports = [(task, report)];
    domain::scheduler::record(&app.panel.db, server, &reports, None)
        .await
        .unwrap();
}

fn report(state: RunState, at: i64) -> RunReport {
    RunReport {
        key: format!("{at}-0a1b2c3d"),
        state,
        trigger: Trigger::Cron,
        started_at: Timestamp(at),
        ended_at: state.is_over().then_some(Timestamp(at + 1_500)),
        exit_code: state
            .is_over()
            .then_some(i32::from(state != RunState::Succeeded)),
        output: "said\n".to_owned(),
    }
}

struct World {
    app: TestApp,
    owner: Visitor,
    server: ServerId,
    task: TaskId,
}

impl World {
    /// A task that is active and whose server has a token for it.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let owner = app.owner().await;
        let server = app.provisioned_server(&owner).await;
        app.connector
            .remote
            .respond(|_| Said::stdout(&format!("::fact task_token_hash {TOKEN_HASH}\n")));
        let input = json!({
            "server_id": server, "task": task("Backup", "true"), "request_key": "key-of-a-form",
        });
        let made = app.call(Some(&owner), "/api/scheduler/create", input).await;
        let task = TaskId(made.body.as_i64().unwrap());
        app.start_worker();
        let input = json!({ "server_id": server });
        app.wait_for(&owner, "/api/scheduler/show", input, |body| {
            body["tasks"][0]["status"] == "active"
        })
        .await;
        Self {
            app,
            owner,
            server,
            task,
        }
    }

    async fn tell(&self, token: &str, body: &str) -> StatusCode {
        let request = Request::post("/scheduler/report")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/octet-stream")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.app.send(request).await.status
    }

    async fn page(&self) -> Value {
        let input = json!({ "server_id": self.server, "task_id": self.task });
        let path = "/api/scheduler/task";
        self.app.call(Some(&self.owner), path, input).await.body
    }

    async fn runs(&self) -> Vec<Value> {
        self.page().await["runs"]["runs"]
            .as_array()
            .unwrap()
            .clone()
    }

    async fn record(&self, report: RunReport) {
        self.record_with(vec![report], None).await;
    }

    async fn record_with(&self, reports: Vec<RunReport>, found: Option<Found>) {
        let reports: Vec<_> = reports.into_iter().map(|it| (self.task, it)).collect();
        domain::scheduler::record(&self.app.panel.db, self.server, &reports, found.as_ref())
            .await
            .unwrap();
    }

    /// Makes the task one that cron has had since then.
    async fn active_since(&self, at: i64) {
        let db = &self.app.panel.db;
        let row = self.row().await;
        let mut tx = db.begin().await.unwrap();
        tx.update(&row, |row| row.active_since = Some(at))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn row(&self) -> scheduled_task::Model {
        scheduled_task::Entity::find_by_id(self.task.0)
            .one(self.app.panel.db.reads())
            .await
            .unwrap()
            .unwrap()
    }

    async fn failures_told(&self) -> usize {
        let sentences = self.sentences().await;
        let told = |it: &&String| it.starts_with("Scheduled task Backup failed");
        sentences.iter().filter(told).count()
    }

    async fn sentences(&self) -> Vec<String> {
        let entries = audit_entry::Entity::find()
            .all(self.app.panel.db.reads())
            .await
            .unwrap();
        entries.into_iter().map(|entry| entry.sentence).collect()
    }
}

fn line(state: &str, rest: &str) -> String {
    format!("run {KEY} {state} cron 1798761600000 {rest}\n")
}

#[tokio::test]
async fn a_run_is_reported_with_its_token_at_its_beginning_and_its_end_and_is_one_run() {
    let world = World::new().await;
    assert_eq!(
        world.tell(TOKEN, &line("running", "- -")).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(world.runs().await[0]["state"], "running");
    let end = line("failed", "1798761601500 3") + "\u{1b}]0;x\u{7}one\ntwo";
    for _ in 0..2 {
        assert_eq!(world.tell(TOKEN, &end).await, StatusCode::NO_CONTENT);
    }
    // Its beginning came late.
    world.tell(TOKEN, &line("running", "- -")).await;
    let runs = world.runs().await;
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (&runs[0]["state"], &runs[0]["exit_code"]),
        (&json!("failed"), &json!(3))
    );
    let input =
        json!({ "server_id": world.server, "task_id": world.task, "run_id": runs[0]["id"] });
    let path = "/api/scheduler/run_output";
    let output = world.app.call(Some(&world.owner), path, input).await;
    assert_eq!(output.body, "one\ntwo\n");
}

#[tokio::test]
async fn nobody_reports_without_the_token_and_no_garbage_is_kept() {
    let world = World::new().await;
    let end = line("succeeded", "1798761601500 0");
    for wrong in ["", "x", TOKEN_HASH, &TOKEN[1..], &TOKEN.to_uppercase()] {
        assert_eq!(
            world.tell(wrong, &end).await,
            StatusCode::UNAUTHORIZED,
            "{wrong}"
        );
    }
    let bare = Request::post("/scheduler/report")
        .body(Body::from(end.clone()))
        .unwrap();
    assert_eq!(world.app.send(bare).await.status, StatusCode::UNAUTHORIZED);
    for garbage in ["", "run", "run ../x failed cron 1 2 3\n", "{}\n"] {
        assert_eq!(world.tell(TOKEN, garbage).await, StatusCode::BAD_REQUEST);
    }
    let long = end + &"x".repeat(70_000);
    assert_eq!(
        world.tell(TOKEN, &long).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert!(world.runs().await.is_empty());
    let stored = world.row().await.token_hash;
    assert_eq!(stored.as_deref(), Some(TOKEN_HASH), "only the hash is kept");
}

#[tokio::test]
async fn what_a_server_kept_while_it_could_not_tell_is_collected_and_then_let_go() {
    let world = World::new().await;
    let handle = world.row().await.handle;
    let run = line("succeeded", "1798761601500 0") + "said\n";
    let told = format!(
        "::fact clock 1798761700000\n::fact time_zone Europe/Berlin\n::fact scheduler_running yes\n\
         ::run {handle} {}\n{run}\n::fact all yes\n",
        run.len()
    );
    world.app.connector.remote.respond(move |run| {
        let collects = run.script.text().contains("::run %s %s");
        Said::stdout(if collects { &told } else { "" })
    });
    // Run by hand, the panel asks at once.
    let input = json!({ "server_id": world.server, "task_id": world.task });
    let path = "/api/scheduler/run";
    world
        .app
        .call(Some(&world.owner), path, input.clone())
        .await;
    let has_run = |body: &Value| body["runs"]["runs"][0]["state"] == "succeeded";
    let path = "/api/scheduler/task";
    world
        .app
        .wait_for(&world.owner, path, input.clone(), has_run)
        .await;
    // Once more: a page is several queries, and the run may have come between them.
    let page = world.app.call(Some(&world.owner), path, input).await.body;
    assert_eq!(page["next"]["time_zone"], "Europe/Berlin");
    assert!(!page["task"]["last_success_at"].is_null());
    let forgets = |call: &String| call.contains(&format!("{handle} {KEY}\n"));
    for _ in 0..100 {
        let calls = world.app.connector.remote.runs();
        let inputs = calls
            .iter()
            .map(|run| String::from_utf8_lossy(&run.stdin).into_owned());
        if inputs.collect::<Vec<_>>().iter().any(forgets) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the run was not let go of");
}

#[tokio::test]
async fn a_run_by_hand_is_among_the_runs_while_it_goes_on_where_its_server_cannot_tell() {
    let world = World::new().await;
    let handle = world.row().await.handle;
    let run = line("running", "- -").replace(" cron ", " panel ");
    let told = format!(
        "::fact clock 1798761700000\n::run {handle} {}\n{run}\n::fact all yes\n",
        run.len()
    );
    world.app.connector.remote.respond(move |run| {
        let text = run.script.text();
        if text.ends_with("\"$handle\" panel\n") {
            return Said::code(0).taking(std::time::Duration::from_mins(1));
        }
        Said::stdout(if text.contains("::run %s %s") {
            &told
        } else {
            ""
        })
    });
    let input = json!({ "server_id": world.server, "task_id": world.task });
    let path = "/api/scheduler/run";
    let asked = world.app.call(Some(&world.owner), path, input.clone());
    assert_eq!(asked.await.status, StatusCode::OK);
    let goes_on = |body: &Value| {
        let run = &body["runs"]["runs"][0];
        run["state"] == "running" && run["trigger"] == "panel"
    };
    let path = "/api/scheduler/task";
    let page = world.app.wait_for(&world.owner, path, input, goes_on).await;
    assert!(!page["server"]["busy_with"].is_null());
    assert_eq!(world.app.connector.remote.running_jobs(), 1);
}

#[tokio::test]
async fn ten_thousand_runs_are_paged_through_by_their_index() {
    let world = World::new().await;
    let db = &world.app.panel.db;
    let fill = format!(
        "INSERT INTO task_runs (server_id, task_id, run_key, state, began_by, started_at, output, output_bytes)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         SELECT {}, {}, CAST(i AS TEXT), 'succeeded', 'cron', i * 60000, 'x', 1 FROM n",
        world.server, world.task
    );
    databases::execute(db.writes(), &fill).await;
    let since = std::time::Instant::now();
    let page = world.page().await["runs"].clone();
    assert!(since.elapsed().as_millis() < 500, "{:?}", since.elapsed());
    assert_eq!(page["runs"].as_array().unwrap().len(), 25);
    assert_eq!(page["has_older"], true);
    let mut seen = 25;
    let mut before = page["runs"][24]["id"].clone();
    for _ in 0..3 {
        let input = json!({ "server_id": world.server, "task_id": world.task, "before": before });
        let path = "/api/scheduler/runs";
        let page = world.app.call(Some(&world.owner), path, input).await.body;
        let runs = page["runs"].as_array().unwrap();
        assert_eq!(runs[0]["started_at"], (10_000 - seen) * 60_000);
        seen += 25;
        before = runs[24]["id"].clone();
    }
    if !databases::is_postgres() {
        let plan = "EXPLAIN QUERY PLAN SELECT id FROM task_runs WHERE task_id = 1 ORDER BY started_at DESC, id DESC LIMIT 26";
        let plan = Statement::from_string(DbBackend::Sqlite, plan);
        let rows = db.reads().query_all_raw(plan).await.unwrap();
        let detail: String = rows[0].try_get("", "detail").unwrap();
        assert!(
            detail.contains("task_runs_history") && rows.len() == 1,
            "{detail}"
        );
    }
}

#[tokio::test]
async fn runs_go_by_age_and_the_output_of_old_ones_by_number() {
    let world = World::new().await;
    let db = &world.app.panel.db;
    let now = domain::db::now().0;
    let fill = format!(
        "INSERT INTO task_runs (server_id, task_id, run_key, state, began_by, started_at, output, output_bytes)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
         SELECT {}, {}, CAST(i AS TEXT), 'succeeded', 'cron', {now} - i * 60000, 'x', 1 FROM n",
        world.server, world.task
    );
    databases::execute(db.writes(), &fill).await;
    world
        .record(report(
            RunState::Succeeded,
            now - domain::retention::RUNS_MS - 1_000,
        ))
        .await;
    domain::retention::prune(db).await.unwrap();
    let count = async |rest: &str| {
        let text = format!("SELECT CAST(COUNT(*) AS TEXT) FROM task_runs {rest}");
        databases::column(db.reads(), &text).await.remove(0)
    };
    assert_eq!(count("").await, "600");
    assert_eq!(count("WHERE output_bytes > 0").await, "500");
}

#[tokio::test]
async fn a_task_that_reports_without_end_is_told_to_keep_its_reports() {
    let world = World::new().await;
    let run = |at: i64| format!("run {at}-0a1b2c3d succeeded cron {at} {} 0\n", at + 1);
    for at in 0..300 {
        let told = world.tell(TOKEN, &run(1_798_761_600_000 + at)).await;
        assert_eq!(told, StatusCode::NO_CONTENT, "report {at}");
    }
    // Some of its time may have passed meanwhile.
    let mut more = 0;
    loop {
        let told = world.tell(TOKEN, &run(1_798_761_700_000 + more)).await;
        if told == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(told, StatusCode::NO_CONTENT, "report {}", 300 + more);
        more += 1;
        assert!(more < 300, "it is never refused");
    }
    let kept = task_run::Entity::find()
        .count(world.app.panel.db.reads())
        .await;
    assert_eq!(kept.unwrap(), 300 + u64::try_from(more).unwrap());
}
