use std::time::Duration;

use domain::access::OwnedServer;
use domain::scheduler;
use ssh::fake::Answer;
use wire::operations::{OperationState, StepStatus};
use wire::scheduler::{Frequency, NewTask, Overlap, RunAs, TaskFields, TaskResource};
use wire::{Status, TaskId};

use crate::panel::{TestPanel, titles};

async fn active_task(panel: &TestPanel, server: &OwnedServer) -> TaskId {
    let fields = TaskFields {
        name: "Import".into(),
        command: "import --once".into(),
        run_as: RunAs::App,
        frequency: Frequency::Daily,
        expression: String::new(),
        timeout: "300".into(),
        overlap: Overlap::Skip,
        notify: true,
    };
    let task = NewTask::parse(&fields).unwrap();
    let db = &panel.panel.db;
    let id = scheduler::request(db, &panel.who, server, task, "key-of-a-form")
        .await
        .unwrap();
    for _ in 0..500 {
        let tasks = scheduler::show(db, server).await.unwrap().tasks;
        let is_active = |task: &TaskResource| task.status == Status::Active;
        if tasks.first().is_some_and(is_active) {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the task did not become active");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_a_reboot_cut_off_is_not_begun_a_second_time() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "198.51.100.7").await;
    let _worker = panel.start_worker();
    let id = active_task(&panel, &server).await;
    panel.connector.remote.respond(|run| {
        let is_the_command = run.script.text().ends_with("\"$handle\" panel\n");
        Answer::code(0).taking(Duration::from_secs(if is_the_command { 60 } else { 0 }))
    });
    let operation = scheduler::run_now(&panel.panel, &panel.who, &server, id)
        .await
        .unwrap();
    for _ in 0..500 {
        if panel.connector.remote.running_jobs() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panel.connector.remote.reboot();
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed);
    assert_eq!(titles(&ended, StepStatus::Failed), ["Run the command"]);
    let reason = ended.error.unwrap();
    assert!(reason.contains("run it again"), "{reason}");
    let begun: Vec<_> = panel.connector.remote.attended();
    let runs = begun.iter().filter(|job| job.operation == operation.0);
    let mut runs: Vec<_> = runs.map(|job| job.run).collect();
    runs.dedup();
    assert_eq!(runs.len(), 1, "{runs:?}");
}
