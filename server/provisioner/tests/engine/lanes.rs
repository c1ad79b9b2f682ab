use std::time::Duration;

use ssh::fake::Answer;
use wire::operations::OperationState;

use crate::panel::TestPanel;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_servers_work_side_by_side_and_a_slow_one_holds_up_only_itself() {
    let panel = TestPanel::new().await;
    panel.connector.remote.respond(|run| {
        let is_slow = String::from_utf8_lossy(&run.stdin).contains("\n1111\n");
        Answer::code(0).taking(Duration::from_secs(if is_slow { 600 } else { 0 }))
    });
    let mut operations = Vec::new();
    let slow = panel.server("slow", "203.0.113.7").await;
    let (_, stuck) = panel.add_rule(&slow, "1111").await;
    let (_, behind) = panel.add_rule(&slow, "2222").await;
    for number in 0..99 {
        let server = panel
            .server(&format!("web-{number}"), &format!("198.51.100.{number}"))
            .await;
        operations.push(panel.add_rule(&server, "8081").await.1);
    }
    let _worker = panel.start_worker();
    for operation in operations {
        assert_eq!(
            panel.end_of(operation).await.state,
            OperationState::Succeeded
        );
    }
    assert_eq!(panel.show(stuck).await.state, OperationState::Running);
    assert_eq!(panel.show(behind).await.state, OperationState::Queued);
}
