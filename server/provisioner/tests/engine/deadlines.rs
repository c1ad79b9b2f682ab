use std::time::Duration;

use domain::entities::operation;
use sea_orm::EntityTrait;
use ssh::{Error, Place};
use wire::operations::{OperationKind, OperationState};
use wire::{OperationId, ResourceKind, Status};

use crate::cuts::{is_rule, rule_prints};
use crate::panel::TestPanel;

/// Lets an operation have begun so long ago that this is left of its time.
async fn leave(panel: &TestPanel, id: OperationId, left: Duration) {
    let limit = domain::queue::limit(OperationKind::Install(ResourceKind::FirewallRule));
    let passed = i64::try_from(limit.saturating_sub(left).as_millis()).unwrap();
    let mut tx = panel.panel.db.begin().await.unwrap();
    let row = operation::Entity::find_by_id(id.0)
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    let at = tx.at().0;
    tx.update(&row, |row| row.started_at = Some(at - passed))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

const TOO_LONG: &str = "Add the rule: this took longer than the 10 minutes that it may take in all";

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_in_all_is_stopped_on_the_server_and_fails_with_the_reason() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "half\n", Duration::from_mins(2));
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    leave(&panel, operation, Duration::from_secs(2)).await;
    let _worker = panel.start_worker();
    panel
        .until(operation, |_| panel.connector.remote.running_jobs() == 1)
        .await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed);
    let reason = ended.error.unwrap();
    assert!(
        reason.starts_with(TOO_LONG) && reason.contains("was stopped on the server"),
        "{reason}"
    );
    assert_eq!(panel.connector.remote.running_jobs(), 0);
    let rule = panel.rule(&server, rule).await.unwrap();
    assert_eq!(
        (rule.status, rule.error_log),
        (Status::Failed, Some(reason))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_time_passed_while_the_panel_was_away_is_stopped_at_its_start() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "half\n", Duration::from_mins(2));
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let worker = panel.start_worker();
    panel
        .until(operation, |_| panel.connector.remote.running_jobs() == 1)
        .await;
    worker.kill();
    // What is told to stop may still be in the middle of a call.
    tokio::time::sleep(Duration::from_millis(300)).await;
    leave(&panel, operation, Duration::ZERO).await;
    let begun = || {
        panel
            .connector
            .remote
            .runs()
            .iter()
            .filter(|run| is_rule(run))
            .count()
    };
    let before = begun();
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert!(
        ended
            .error
            .as_deref()
            .is_some_and(|error| error.starts_with(TOO_LONG)),
        "{ended:#?}"
    );
    assert_eq!(panel.connector.remote.running_jobs(), 0);
    assert_eq!(begun(), before, "nothing more was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_out_of_reach_is_said_to_end_its_step_by_itself() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "half\n", Duration::from_mins(2));
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let worker = panel.start_worker();
    panel
        .until(operation, |_| panel.connector.remote.running_jobs() == 1)
        .await;
    worker.kill();
    leave(&panel, operation, Duration::ZERO).await;
    panel.connector.refuse(Some(Error::Refused {
        place: Place::new("203.0.113.7", 22),
    }));
    // The step's own deadline on the server has passed as well.
    let mut tx = panel.panel.db.begin().await.unwrap();
    let step = domain::entities::operation_step::Entity::find()
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    tx.update(&step, |row| row.started_at = Some(0))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let _worker = panel.restart_worker().await;
    let ended = panel.end_of(operation).await;
    assert!(
        ended
            .error
            .as_deref()
            .is_some_and(|error| error.contains("ends it by itself")),
        "{ended:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_behind_another_operation_does_not_count() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let mut tx = panel.panel.db.begin().await.unwrap();
    let row = operation::Entity::find_by_id(operation.0)
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    tx.update(&row, |row| row.created_at = 0).await.unwrap();
    tx.commit().await.unwrap();
    let _worker = panel.start_worker();
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}
