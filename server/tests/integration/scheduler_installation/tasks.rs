//! What tasks can be done with on a server goes by its scheduler, and whether that can be removed by them.

use super::*;

#[tokio::test]
async fn tasks_are_added_changed_resumed_and_run_only_where_the_scheduler_is_active() {
    let world = World::provisioned().await;
    let id = world.add_task().await.body;
    world.end_next(Outcome::Succeeded).await;
    for (status, what) in [
        (
            "installing",
            "is being installed. Wait until that has ended, then ",
        ),
        (
            "failed",
            "could not be installed. Retry that on the scheduler page, then ",
        ),
        (
            "removing",
            "is being removed. When that has ended, install it again on the scheduler page, then ",
        ),
    ] {
        let edit = json!({ "server_id": world.server, "task_id": id, "task": task("Backup", "false"), "shown": task("Backup", "true") });
        let path = "/api/scheduler/update";
        world.stand(status).await;
        let edited = world.app.call(Some(&world.owner), path, edit).await;
        let ran = world.of_task("run", &id).await;
        for (answer, next) in [(edited, "change the task."), (ran, "run the task.")] {
            assert_eq!(answer.status, StatusCode::CONFLICT, "{status}");
            let wanted = format!("The scheduler of web-1 {what}{next}");
            assert_eq!(message(&answer), wanted);
        }
    }
    // Stopping it is nobody's privilege, and neither is seeing it or taking it away.
    assert_eq!(world.of_task("pause", &id).await.status, StatusCode::OK);
    world.end_next(Outcome::Succeeded).await;
    world.stand("failed").await;
    let resumed = world.of_task("resume", &id).await;
    assert!(
        message(&resumed).ends_with("then resume the task."),
        "{}",
        resumed.body
    );
    let input = json!({ "server_id": world.server, "kind": "scheduled_task", "id": id });
    let path = "/api/lifecycle/remove";
    let removed = world.app.call(Some(&world.owner), path, input).await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.body);
    world.end_next(Outcome::Succeeded).await;
    world.until(|body| body["tasks"] == json!([])).await;
}

#[tokio::test]
async fn a_task_without_a_scheduler_is_refused_with_what_to_do_also_in_its_preview_and_when_it_is_retried()
 {
    let world = World::bare().await;
    let wanted = |next: &str| {
        format!(
            "The scheduler of web-1 is not installed. Install it on the scheduler page, then {next}."
        )
    };
    assert_eq!(message(&world.add_task().await), wanted("add the task"));
    let input = json!({
        "server_id": world.server, "work": { "add_task": { "task": task("Backup", "true") } },
    });
    let path = "/api/operations/preview";
    let preview = world.app.call(Some(&world.owner), path, input).await;
    assert_eq!(message(&preview), wanted("add the task"));
    assert!(world.operations().await.is_empty());

    // One that failed before its server's scheduler went, past all checks.
    world.install().await;
    world.end_next(Outcome::Succeeded).await;
    let id = world.add_task().await.body;
    world.end_next(Outcome::Failed("It broke.".into())).await;
    let row = world.row().await.unwrap();
    let mut tx = world.app.panel.db.begin().await.unwrap();
    tx.delete(row).await.unwrap();
    tx.commit().await.unwrap();
    let input = json!({ "server_id": world.server, "kind": "scheduled_task", "id": id });
    let path = "/api/lifecycle/retry";
    let retried = world.app.call(Some(&world.owner), path, input).await;
    assert_eq!(message(&retried), wanted("retry"));
}

#[tokio::test]
async fn it_is_not_removed_while_there_are_tasks_whatever_their_status() {
    let world = World::provisioned().await;
    let id = world.add_task().await.body;
    for outcome in [
        None,
        Some(Outcome::Failed("It broke.".into())),
        Some(Outcome::Succeeded),
    ] {
        if let Some(outcome) = outcome {
            if outcome == Outcome::Succeeded {
                let input =
                    json!({ "server_id": world.server, "kind": "scheduled_task", "id": id });
                let path = "/api/lifecycle/retry";
                world.app.call(Some(&world.owner), path, input).await;
            }
            world.end_next(outcome).await;
        }
        let sentence = "1 task is on this server. Remove it first, then the scheduler.";
        assert_eq!(message(&world.lifecycle("remove").await), sentence);
        let input = json!({ "server_id": world.server, "work": { "remove_scheduler": {} } });
        let path = "/api/operations/preview";
        let preview = world.app.call(Some(&world.owner), path, input).await;
        assert_eq!(message(&preview), sentence);
        world.until_status("active").await;
    }
    let second = json!({
        "server_id": world.server, "task": task("Report", "true"), "request_key": "another-key",
    });
    let path = "/api/scheduler/create";
    world.app.call(Some(&world.owner), path, second).await;
    assert_eq!(
        message(&world.lifecycle("remove").await),
        "2 tasks are on this server. Remove them first, then the scheduler."
    );
}
