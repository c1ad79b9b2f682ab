//! Two records for one rule of ufw: the removal of either would take the other's away.

use domain::access::OwnedServer;
use domain::entities::{firewall_rule, operation};
use domain::{Error, firewall};
use sea_orm::EntityTrait;
use wire::firewall::{Action, NewRule, Protocol, RuleFields};
use wire::operations::OperationState;
use wire::{OperationId, RuleId, Status};

use crate::cuts::is_rule;
use crate::panel::TestPanel;

fn on(port: &str) -> NewRule {
    let fields = RuleFields {
        name: format!("On {port}"),
        port: port.into(),
        protocol: Protocol::Tcp,
        source: String::new(),
        action: Action::Allow,
    };
    NewRule::parse(&fields).unwrap()
}

async fn change(
    panel: &TestPanel,
    server: &OwnedServer,
    id: RuleId,
    port: &str,
) -> Result<Option<OperationId>, Error> {
    let db = &panel.panel.db;
    firewall::request_change(db, &panel.who, server, id, on(port), None).await
}

/// A rule that stands, as after its operation.
async fn active(panel: &TestPanel, server: &OwnedServer, port: &str) -> RuleId {
    let (id, _) = panel.add_rule(server, port).await;
    let mut tx = panel.panel.db.begin().await.unwrap();
    for row in operation::Entity::find().all(tx.reads()).await.unwrap() {
        tx.update(&row, |row| row.state = "succeeded".into())
            .await
            .unwrap();
    }
    let row = firewall_rule::Entity::find_by_id(id.0)
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    tx.update(&row, |row| row.status = "active".into())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

fn sentence(refused: Error) -> String {
    match refused {
        Error::Known(error) => error.for_field("port").unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_queued_change_will_say_is_refused_to_others() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let first = active(&panel, &server, "8081").await;
    let second = active(&panel, &server, "8082").await;
    change(&panel, &server, first, "8083").await.unwrap();
    let db = &panel.panel.db;
    let refused = change(&panel, &server, second, "8083").await.unwrap_err();
    assert!(sentence(refused).contains("Port 8081 (8081/tcp) is being changed to say this"));
    let refused = firewall::request(db, &panel.who, &server, on("8083"), "another-key").await;
    assert!(sentence(refused.unwrap_err()).contains("is being changed to say this"));
    assert_eq!(
        panel.rule(&server, second).await.unwrap().status,
        Status::Active
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_came_to_say_the_same_in_the_queue_fails_with_the_reason_and_touches_nothing() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let first = active(&panel, &server, "8081").await;
    let second = active(&panel, &server, "8082").await;
    let one = change(&panel, &server, first, "8083").await.unwrap();
    let other = change(&panel, &server, second, "8084").await.unwrap();
    let (one, other) = (one.unwrap(), other.unwrap());
    // As a version of the panel queued it that did not look at what is queued.
    let mut tx = panel.panel.db.begin().await.unwrap();
    let row = operation::Entity::find_by_id(other.0)
        .one(tx.reads())
        .await
        .unwrap()
        .unwrap();
    let payload = serde_json::to_string(&on("8083")).unwrap();
    tx.update(&row, |row| row.payload = Some(payload))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let _worker = panel.start_worker();
    assert_eq!(panel.end_of(one).await.state, OperationState::Succeeded);
    let ended = panel.end_of(other).await;
    assert_eq!(ended.state, OperationState::Failed);
    let reason = ended.error.unwrap();
    assert!(
        reason.starts_with("The rule On 8083 (8083/tcp) says this already."),
        "{reason}"
    );
    let rule = panel.rule(&server, second).await.unwrap();
    assert_eq!((rule.status, rule.port.as_str()), (Status::Active, "8082"));
    let runs = panel.connector.remote.runs();
    assert_eq!(runs.iter().filter(|run| is_rule(run)).count(), 1);
}
