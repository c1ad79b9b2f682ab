//! Records that wait for an operation which is not there.

use domain::access::OwnedServer;
use domain::entities::{firewall_rule, operation, server};
use domain::queue::reconcile;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::operations::OperationState;
use wire::{ResourceKind, RuleId, Status};

use crate::panel::TestPanel;

async fn set(panel: &TestPanel, id: RuleId, status: Status) {
    let mut tx = panel.panel.db.begin().await.unwrap();
    let row = firewall_rule::Entity::find_by_id(id.0)
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    tx.update(&row, |row| row.status = status.as_str().into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn lose_operations(panel: &TestPanel) {
    let mut tx = panel.panel.db.begin().await.unwrap();
    for row in operation::Entity::find().all(tx.reads()).await.unwrap() {
        tx.delete(row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn end_operations(panel: &TestPanel, state: OperationState) {
    let mut tx = panel.panel.db.begin().await.unwrap();
    for row in operation::Entity::find().all(tx.reads()).await.unwrap() {
        tx.update(&row, |row| row.state = state.as_str().into())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn an_active_rule(panel: &TestPanel, server: &OwnedServer) -> RuleId {
    let (rule, _) = panel.add_rule(server, "8081").await;
    end_operations(panel, OperationState::Succeeded).await;
    set(panel, rule, Status::Active).await;
    rule
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_waits_for_nothing_fails_with_a_reason_and_can_be_retried() {
    for status in [Status::Pending, Status::Installing, Status::Removing] {
        let panel = TestPanel::new().await;
        let server = panel.server("web-1", "203.0.113.7").await;
        let (id, _) = panel.add_rule(&server, "8081").await;
        assert_eq!(
            reconcile(&panel.panel.db).await.unwrap(),
            0,
            "its operation is queued"
        );
        set(&panel, id, status).await;
        lose_operations(&panel).await;
        let _worker = panel.start_worker();
        let rule = panel
            .until_rule(&server, id, |rule| !rule.status.is_transitional())
            .await;
        assert_eq!(rule.status, Status::Failed, "{status:?}");
        assert!(rule.error_log.unwrap().contains("lost track of the work"));
        let retry = domain::managed::retry(
            &panel.panel,
            &panel.who,
            &server,
            ResourceKind::FirewallRule,
            id.0,
        );
        let retry = retry.await.unwrap();
        assert_eq!(panel.end_of(retry).await.state, OperationState::Succeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_without_an_operation_restores_what_was_before_and_says_why() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let id = an_active_rule(&panel, &server).await;
    domain::managed::request_removal(
        &panel.panel.db,
        &panel.who,
        &server,
        ResourceKind::FirewallRule,
        id.0,
    )
    .await
    .unwrap();
    assert_eq!(reconcile(&panel.panel.db).await.unwrap(), 0);
    end_operations(&panel, OperationState::Failed).await;
    assert_eq!(reconcile(&panel.panel.db).await.unwrap(), 1);
    let rule = panel.rule(&server, id).await.unwrap();
    assert_eq!(rule.status, Status::Active);
    assert!(rule.error_log.unwrap().contains("lost track of the work"));
    assert_eq!(
        reconcile(&panel.panel.db).await.unwrap(),
        0,
        "once is enough"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_no_operation_provisions_has_failed_and_its_page_says_why() {
    for status in [Status::Pending, Status::Installing] {
        let panel = TestPanel::new().await;
        let owned = panel.server("web-1", "203.0.113.7").await;
        let mut tx = panel.panel.db.begin().await.unwrap();
        let row = server::Entity::find()
            .one(tx.reads())
            .await
            .unwrap()
            .unwrap();
        tx.update(&row, |row| {
            row.provision_status = Some(status.as_str().into());
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(reconcile(&panel.panel.db).await.unwrap(), 1);
        let owned = domain::access::owned_server(&panel.panel.db, &panel.who, owned.id())
            .await
            .unwrap();
        let shown = domain::servers::show(&panel.panel, &owned).await.unwrap();
        assert_eq!(shown.summary.provision_status, Some(Status::Failed));
        let told = shown.provisioning.unwrap();
        assert_eq!(told.state, OperationState::Failed);
        assert!(told.error.unwrap().contains("lost track of the work"));
        let _worker = panel.start_worker();
        assert_eq!(
            panel.provision(&owned).await.state,
            OperationState::Succeeded
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_runs_without_a_lease_is_gone_on_with() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let (id, operation) = panel.add_rule(&server, "8081").await;
    set(&panel, id, Status::Installing).await;
    end_operations(&panel, OperationState::Running).await;
    let _worker = panel.start_worker();
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_ends_beside_a_record_which_has_moved_on_ends_all_the_same() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let (id, operation) = panel.add_rule(&server, "8081").await;
    crate::cuts::rule_prints(&panel, "done\n", std::time::Duration::from_millis(500));
    let _worker = panel.start_worker();
    panel
        .until(operation, |_| panel.connector.remote.running_jobs() == 1)
        .await;
    set(&panel, id, Status::Failed).await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed);
    assert!(ended.error.unwrap().contains("do not fit together"));
    let left = operation::Entity::find()
        .filter(operation::Column::State.eq(OperationState::Running.as_str()))
        .all(panel.panel.db.reads());
    assert!(left.await.unwrap().is_empty());
}
