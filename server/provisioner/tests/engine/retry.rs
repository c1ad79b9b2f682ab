use ssh::Stream;
use ssh::fake::{Answer, Run};
use wire::operations::{OperationState, StepStatus};

use crate::panel::{TestPanel, titles};

/// Fails the step whose script holds these words.
fn failing(panel: &TestPanel, words: &'static str) {
    panel.connector.remote.respond(move |run| {
        if run.script.text().contains(words) {
            Answer::code(1).and(Stream::Stdout, "::error It broke.\n")
        } else {
            Answer::stdout("::summary done well\n")
        }
    });
}

fn is_php(run: &Run) -> bool {
    run.script.text().contains("for extension in fpm cli")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_provisioning_begins_at_the_step_that_failed() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let _worker = panel.start_worker();
    failing(&panel, "install_packages nginx");
    let first = panel.provision(&server).await;
    assert_eq!(first.state, OperationState::Failed);
    assert_eq!(titles(&first, StepStatus::Failed), ["nginx"]);

    // Failing once more leaves what the first one did where it was done.
    let second = panel.provision(&server).await;
    failing(&panel, "no such words");
    let third = panel.provision(&server).await;
    assert_eq!(third.state, OperationState::Succeeded, "{third:#?}");
    for again in [&second, &third] {
        let earlier = again.steps.iter().filter(|step| step.done_in.is_some());
        for step in earlier {
            assert_eq!(step.done_in, Some(first.id), "{}", step.title);
            assert_eq!(step.status, StepStatus::Succeeded);
            assert_eq!(step.summary.as_deref(), Some("done well"));
        }
    }
    let ran: Vec<_> = third
        .steps
        .iter()
        .filter(|step| step.done_in.is_none())
        .collect();
    let ran: Vec<_> = ran.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(
        ran,
        ["Connect", "nginx", "Scheduler", "Supervisor", "Verify"]
    );
    let php_runs = panel
        .connector
        .remote
        .runs()
        .iter()
        .filter(|run| is_php(run))
        .count();
    assert_eq!(php_runs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provisioning_of_an_active_server_runs_every_step() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let _worker = panel.start_worker();
    failing(&panel, "no such words");
    assert_eq!(
        panel.provision(&server).await.state,
        OperationState::Succeeded
    );
    let again = panel.provision(&server).await;
    assert_eq!(again.state, OperationState::Succeeded);
    assert!(again.steps.iter().all(|step| step.done_in.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_last_look_at_everything_failed_everything_runs_again() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let _worker = panel.start_worker();
    failing(&panel, "nginx answers");
    assert_eq!(panel.provision(&server).await.state, OperationState::Failed);
    let again = panel.provision(&server).await;
    assert!(again.steps.iter().all(|step| step.done_in.is_none()));
}
