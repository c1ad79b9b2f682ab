use std::time::Duration;

use ssh::fake::{Answer, Run};
use ssh::{Error, Place};
use wire::Status;
use wire::operations::{OperationState, StepStatus};

use crate::cuts::{is_rule, rule_prints};
use crate::panel::{TestPanel, titles};

async fn until_it_runs(panel: &TestPanel) {
    while panel.connector.remote.running_jobs() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_queue_is_cancelled_at_once() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    panel.cancel(operation).await;
    let ended = panel.show(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled);
    assert_eq!(ended.error.as_deref(), Some("Cancelled by Ada."));
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!(
        (rule.status, rule.error_log.as_deref()),
        (Status::Failed, Some("Cancelled by Ada."))
    );
    let _worker = panel.start_worker();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(panel.connector.remote.runs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_stopped_on_the_server_first() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "half\n", Duration::from_mins(10));
    let _worker = panel.start_worker();
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    until_it_runs(&panel).await;
    panel.cancel(operation).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled);
    assert_eq!(panel.connector.remote.running_jobs(), 0);
    assert_eq!(ended.steps[0].exit.as_deref(), Some("cancelled"));
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!(
        (rule.status, rule.error_log.as_deref()),
        (Status::Failed, Some("Cancelled by Ada."))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_provisioning_is_gone_on_with_by_the_next_one() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel.connector.remote.respond(|run| {
        let is_php = run.script.text().contains("for extension in fpm cli");
        Answer::code(0).taking(Duration::from_secs(if is_php { 600 } else { 0 }))
    });
    let _worker = panel.start_worker();
    let operation =
        domain::servers::request_provisioning(&panel.panel.db, &panel.who, &server, None)
            .await
            .unwrap();
    panel
        .until(operation, |it| titles(it, StepStatus::Running) == ["PHP"])
        .await;
    panel.cancel(operation).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled);
    assert_eq!(titles(&ended, StepStatus::Failed), ["PHP"]);
    panel.connector.remote.respond(|_| Answer::code(0));
    let again = panel.provision(&server).await;
    assert_eq!(again.state, OperationState::Succeeded);
    let skipped = again
        .steps
        .iter()
        .filter(|step| step.done_in == Some(operation))
        .count();
    assert_eq!(skipped, 4, "{again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_tried_again_and_the_page_says_so() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "half\n", Duration::from_mins(10));
    let worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    until_it_runs(&panel).await;
    panel.connector.refuse(Some(Error::Refused {
        place: Place::new("203.0.113.7", 22),
    }));
    panel.cancel(operation).await;
    let waiting = panel
        .until(operation, |it| {
            it.note
                .as_ref()
                .is_some_and(|note| note.contains("tried again"))
        })
        .await;
    assert_eq!(waiting.state, OperationState::Running);
    assert_eq!(waiting.cancel_requested_by.as_deref(), Some("Ada"));
    // The wish outlives the panel.
    worker.kill();
    panel.connector.refuse(None);
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled);
    assert_eq!(panel.connector.remote.running_jobs(), 0);
}

/// A rule's step that has ended, and whose confirmation takes its time; `fate` is what became of the change in between.
fn confirmation_hangs(panel: &TestPanel, fate: &'static str) {
    panel.connector.remote.respond(move |run| {
        if is_rule(run) {
            Answer::stdout("::summary allow 8081/tcp from anywhere\n")
        } else if is_confirmation(run) {
            Answer::code(0).taking(Duration::from_secs(8))
        } else {
            Answer::stdout(&format!("::fact rollback {fate}\n"))
        }
    });
}

fn is_confirmation(run: &Run) -> bool {
    run.script.text().ends_with("\nconfirm_change\n")
}

async fn until_it_is_confirmed(panel: &TestPanel) {
    while !panel.connector.remote.runs().iter().any(is_confirmation) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_after_the_change_was_confirmed_comes_too_late() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    confirmation_hangs(&panel, "none");
    let _worker = panel.start_worker();
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    until_it_is_confirmed(&panel).await;
    panel.cancel(operation).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    assert_eq!(titles(&ended, StepStatus::Succeeded), ["Add the rule"]);
    let summary = ended.steps[0].summary.as_deref().unwrap();
    assert!(summary.ends_with("confirmed before it could be stopped"));
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!((rule.status, rule.error_log), (Status::Active, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_before_the_change_was_confirmed_takes_it_back() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    confirmation_hangs(&panel, "done");
    let _worker = panel.start_worker();
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    until_it_is_confirmed(&panel).await;
    panel.cancel(operation).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled, "{ended:#?}");
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!(rule.status, Status::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioning_cancelled_behind_its_confirmed_firewall_keeps_that_step() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel.connector.remote.respond(|run| {
        if is_confirmation(run) {
            Answer::code(0).taking(Duration::from_secs(8))
        } else {
            Answer::stdout("::fact rollback none\n")
        }
    });
    let _worker = panel.start_worker();
    let db = &panel.panel.db;
    let operation = domain::servers::request_provisioning(db, &panel.who, &server, None)
        .await
        .unwrap();
    until_it_is_confirmed(&panel).await;
    panel.cancel(operation).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Cancelled, "{ended:#?}");
    assert!(titles(&ended, StepStatus::Succeeded).contains(&"Firewall"));
    assert!(titles(&ended, StepStatus::Skipped).contains(&"PHP"));
}
