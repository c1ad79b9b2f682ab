use std::time::Duration;

use domain::queue::PlannedStep;
use sea_orm::{ConnectionTrait, Statement};
use ssh::fake::Answer;
use wire::Status;
use wire::diagnosis::{Cause, Diagnosis};
use wire::operations::{OperationState, StepStatus};

use crate::cuts::{is_rule, rule_prints};
use crate::panel::TestPanel;

async fn until_it_runs(panel: &TestPanel) {
    while panel.connector.remote.running_jobs() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_killed_in_the_middle_follows_the_step_after_its_restart() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "one\ntwo\n", Duration::from_secs(2));
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    let worker = panel.restart_worker().await;
    until_it_runs(&panel).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    worker.kill();
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    assert_eq!(panel.output(operation).await, "one\ntwo\n");
    assert_eq!(
        panel.rule(&server, rule).await.unwrap().status,
        Status::Active
    );
    assert_eq!(
        panel
            .connector
            .remote
            .runs()
            .iter()
            .filter(|run| is_rule(run))
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioning_killed_again_and_again_runs_each_step_once() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel
        .connector
        .remote
        .respond(|_| Answer::stdout("ran\n").taking(Duration::from_millis(300)));
    let operation =
        domain::servers::request_provisioning(&panel.panel.db, &panel.who, &server, None)
            .await
            .unwrap();
    for _ in 0..8 {
        let worker = panel.restart_worker().await;
        tokio::time::sleep(Duration::from_millis(450)).await;
        worker.kill();
    }
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    let detached = ended.steps.iter().filter(|step| step.title != "Connect");
    assert!(
        detached
            .clone()
            .all(|step| step.status == StepStatus::Succeeded)
    );
    let jobs = panel.connector.remote.attended();
    let runs: std::collections::HashSet<_> = jobs.iter().map(|job| (job.step, job.run)).collect();
    assert_eq!(
        runs.len(),
        detached.count(),
        "each step has one run: {runs:?}"
    );
    assert_eq!(panel.output(operation).await, "ran\n".repeat(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_kills_its_panel_three_times_is_set_aside() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "", Duration::from_mins(2));
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    for _ in 0..3 {
        let worker = panel.restart_worker().await;
        until_it_runs(&panel).await;
        panel
            .until(operation, |it| it.state == OperationState::Running)
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        worker.kill();
    }
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert!(ended.error.unwrap().contains("The panel stopped 3 times"));
    assert_eq!(
        panel.connector.remote.running_jobs(),
        0,
        "what has ended does not run on"
    );
    assert_eq!(
        panel.rule(&server, rule).await.unwrap().status,
        Status::Failed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_set_aside_is_not_taken_for_a_rule_that_still_works() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "added\n", Duration::ZERO);
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    let worker = panel.restart_worker().await;
    panel.end_of(operation).await;
    worker.kill();
    rule_prints(&panel, "", Duration::from_mins(2));
    let removal = domain::managed::request_removal(
        &panel.panel.db,
        &panel.who,
        &server,
        wire::ResourceKind::FirewallRule,
        rule.0,
    )
    .await
    .unwrap();
    for _ in 0..3 {
        let worker = panel.restart_worker().await;
        until_it_runs(&panel).await;
        panel
            .until(removal, |it| it.state == OperationState::Running)
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        worker.kill();
    }
    let _worker = panel.restart_worker().await;
    assert_eq!(panel.end_of(removal).await.state, OperationState::Failed);
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!(rule.status, Status::Failed, "it may be gone on the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_told_to_stop_leaves_the_step_running_and_goes_within_seconds() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel
        .connector
        .remote
        .respond(|_| Answer::stdout("ran\n").taking(Duration::from_secs(3)));
    let operation =
        domain::servers::request_provisioning(&panel.panel.db, &panel.who, &server, None)
            .await
            .unwrap();
    let worker = panel.start_worker();
    until_it_runs(&panel).await;
    let draining = tokio::time::timeout(Duration::from_secs(20), worker.drain());
    draining.await.expect("it does not wait for the step");
    assert_eq!(panel.connector.remote.running_jobs(), 1);
    assert_eq!(panel.show(operation).await.state, OperationState::Running);
    panel.connector.remote.respond(|_| Answer::stdout("ran\n"));
    let _worker = panel.restart_worker().await;
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_cannot_act_on_the_server_any_more() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "done\n", Duration::from_secs(1));
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let first = panel.start_worker();
    until_it_runs(&panel).await;
    // Two workers at once, as after a pause of the first: only the second one's writes count.
    let _second = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(panel.output(operation).await, "done\n");
    drop(first);
    let fences: Vec<_> = panel
        .connector
        .remote
        .attended()
        .iter()
        .map(|job| job.fence)
        .collect();
    assert!(fences.is_sorted(), "{fences:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a fault that only this test makes"
)]
async fn execute(panel: &TestPanel, text: &str) {
    let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, text);
    panel
        .panel
        .db
        .writes()
        .execute_raw(statement)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_failed_is_not_run_again_by_a_panel_killed_before_it_could_say_so() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel.connector.remote.respond(|run| {
        if is_rule(run) {
            Answer::code(1).and(ssh::Stream::Stdout, "::error It broke.\n")
        } else {
            Answer::code(0)
        }
    });
    let no_end =
        "CREATE TRIGGER no_end BEFORE UPDATE OF state ON operations WHEN NEW.state = 'failed'
                  BEGIN SELECT RAISE(FAIL, 'no end'); END";
    execute(&panel, no_end).await;
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let worker = panel.restart_worker().await;
    panel
        .until(operation, |it| {
            it.steps.iter().any(|step| step.diagnosis.is_some())
        })
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    worker.kill();
    execute(&panel, "DROP TRIGGER no_end").await;
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed);
    assert_eq!(ended.error.as_deref(), Some("Add the rule: It broke."));
    assert_eq!(ended.steps[0].exit.as_deref(), Some("exit code 1"));
    let runs = panel.connector.remote.runs();
    assert_eq!(runs.iter().filter(|run| is_rule(run)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_begun_again_says_nothing_of_its_last_end() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let db = &panel.panel.db;
    let claim = domain::queue::claim(&panel.panel, "test")
        .await
        .unwrap()
        .unwrap();
    let step = PlannedStep {
        title: "Add the rule".into(),
        script: String::new(),
        fingerprint: "one".into(),
        done_earlier: None,
    };
    claim.plan(db, vec![step]).await.unwrap();
    claim.start_step(db, 0).await.unwrap();
    let diagnosis = Diagnosis {
        kind: Cause::DiskFull,
        sentence: "The disk is full.".into(),
        action: String::new(),
    };
    claim.diagnose(db, 0, &diagnosis).await.unwrap();
    let (failed, exit) = (StepStatus::Failed, Some("exit code 1".into()));
    claim
        .end_step(db, 0, failed, Some("half".into()), exit)
        .await
        .unwrap();
    claim.start_step(db, 0).await.unwrap();
    let shown = panel.show(operation).await;
    let step = &shown.steps[0];
    assert_eq!(step.status, StepStatus::Running);
    assert!(step.diagnosis.is_none() && step.exit.is_none(), "{step:?}");
    assert!(
        step.ended_at.is_none() && step.summary.is_none(),
        "{step:?}"
    );
}
