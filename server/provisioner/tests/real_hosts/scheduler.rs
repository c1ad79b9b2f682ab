//! Tasks under a real cron.

use std::time::{Duration, Instant};

use domain::access::OwnedServer;
use domain::managed;
use domain::scheduler::{self, TaskChange};
use wire::scheduler::{Frequency, Overlap, RunAs, RunResource, RunState, TaskFields, Trigger};
use wire::{ResourceKind, SchedulerId, Status, TaskId};

use crate::host::Host;
use crate::panel::TestPanel;

/// What no quoting survives; it writes down what it finds around it.
const COMMAND: &str = "printf '%s|' \"it's 100%\" \"$(id -un)\" \"$HOME\" \"$SHELL\" \"$PATH\" \"$PWD\" && cat <<'EOF' | tr a-z A-Z\n\
                       <b>\\n$(id)`id`\nEOF\nread x || echo \"no input\" >&2; # ä \u{1b}[31m\n";

fn fields(name: &str, command: &str, run_as: RunAs) -> TaskFields {
    TaskFields {
        name: name.into(),
        command: command.into(),
        run_as,
        frequency: Frequency::Minutely,
        expression: String::new(),
        timeout: "300".into(),
        overlap: Overlap::Skip,
        notify: true,
    }
}

async fn runs(panel: &TestPanel, server: &OwnedServer, task: TaskId) -> Vec<RunResource> {
    scheduler::history(&panel.panel.db, server, task, None)
        .await
        .unwrap()
        .runs
}

/// Waits until a run has ended that the panel knows of.
async fn until_run(panel: &TestPanel, server: &OwnedServer, task: TaskId) -> (RunResource, String) {
    for _ in 0..400 {
        let over = |run: &RunResource| run.state.is_over();
        if let Some(run) = runs(panel, server, task).await.into_iter().find(over) {
            let output = scheduler::output(&panel.panel.db, server, task, run.id)
                .await
                .unwrap();
            return (run, output);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("task {task} has not run within 200 s");
}

async fn change(panel: &TestPanel, server: &OwnedServer, task: TaskId, change: TaskChange) {
    scheduler::request_change(&panel.panel.db, &panel.who, server, task, change, None)
        .await
        .unwrap();
    let settled = panel.settled_task(server, task).await.unwrap();
    assert_eq!(settled.error_log, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_runs_tasks_at_the_minute_as_written_and_what_is_removed_leaves_no_file() {
    let Some(host) = Host::start("scheduler", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    let server = panel.provision_well(&server).await;
    let look = "find /etc/cron.d /usr/local/lib -printf '%p %m %u\\n' | sort; ls -A /var/lib/brokeforge | grep -x tasks || true";
    let untouched = host.sh(look);

    let app = panel
        .add_task(&server, fields("App", COMMAND, RunAs::App))
        .await;
    let paused = panel
        .add_task(&server, fields("Paused", "true", RunAs::Root))
        .await;
    change(&panel, &server, paused.id, TaskChange::Pause).await;
    let many = "yes x | head -c 50000000";
    let many = panel
        .add_task(&server, fields("Many", many, RunAs::Root))
        .await;
    let endless = TaskFields {
        timeout: "2".into(),
        ..fields("Endless", "sleep 1000 & sleep 1000", RunAs::App)
    };
    let endless = panel.add_task(&server, endless).await;
    for task in [&app, &many, &endless] {
        assert_eq!(task.status, Status::Active, "{:?}", task.error_log);
    }
    let arrived = host.sh("cat /var/lib/brokeforge/tasks/*/command | head -c 1000");
    assert!(arrived.contains(COMMAND), "{arrived:?}");
    assert!(host.holds(
        "[ \"$(stat -c '%a %U' /var/lib/brokeforge/tasks/*/token | sort -u)\" = '600 root' ]"
    ));
    assert!(!host.holds("runuser -u brokeforge -- ls /var/lib/brokeforge/tasks"));

    let (run, output) = until_run(&panel, &server, app.id).await;
    assert_eq!(
        (run.state, run.trigger),
        (RunState::Succeeded, Trigger::Cron),
        "{output}"
    );
    assert!(
        run.started_at.0 % 60_000 < 5_000,
        "not at the minute: {run:?}"
    );
    assert_eq!(
        output,
        "it's 100%|brokeforge|/home/brokeforge|/bin/sh|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|\
         /home/brokeforge|<B>\\N$(ID)`ID`\nno input\n"
    );
    let (run, output) = until_run(&panel, &server, many.id).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert!(output.contains(" bytes left out]"), "{}", output.len());
    let (run, _) = until_run(&panel, &server, endless.id).await;
    assert_eq!(run.state, RunState::TimedOut);
    change(&panel, &server, endless.id, TaskChange::Pause).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(
        !host.holds("pgrep -u brokeforge -f 'sleep 1000'"),
        "something runs on"
    );
    assert!(runs(&panel, &server, paused.id).await.is_empty());

    // By hand also while it is paused.
    let operation = scheduler::run_now(&panel.panel, &panel.who, &server, paused.id)
        .await
        .unwrap();
    panel.end_of(operation).await;
    let (run, _) = until_run(&panel, &server, paused.id).await;
    assert_eq!(
        (run.state, run.trigger),
        (RunState::Succeeded, Trigger::Panel)
    );
    let long = cancel_by_hand(&panel, &server, &host).await;

    for task in [app.id, paused.id, many.id, endless.id, long] {
        let (db, kind) = (&panel.panel.db, ResourceKind::ScheduledTask);
        managed::request_removal(db, &panel.who, &server, kind, task.0)
            .await
            .unwrap();
        assert!(panel.settled_task(&server, task).await.is_none());
    }
    assert_eq!(host.sh(look), untouched);
}

/// A run by hand is seen while it goes on, and is stopped by whoever began it.
async fn cancel_by_hand(panel: &TestPanel, server: &OwnedServer, host: &Host) -> TaskId {
    let long = TaskFields {
        frequency: Frequency::Custom,
        expression: "0 0 1 1 *".into(),
        ..fields(
            "Long",
            "trap '' TERM; echo begun; sleep 700; echo on",
            RunAs::App,
        )
    };
    let long = panel.add_task(server, long).await.id;
    let operation = scheduler::run_now(&panel.panel, &panel.who, server, long)
        .await
        .unwrap();
    let asked_at = Instant::now();
    while runs(panel, server, long).await.is_empty() {
        // The panel collects every 30 s, and where somebody waits sooner.
        assert!(asked_at.elapsed() < Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panel.cancel(operation).await;
    panel.end_of(operation).await;
    let (run, output) = until_run(panel, server, long).await;
    assert_eq!(
        (run.state, run.trigger),
        (RunState::Stopped, Trigger::Panel)
    );
    // Behind it is what runuser says of it.
    let is_cut = output.starts_with("begun\n") && !output.ends_with("on\n");
    assert!(is_cut, "{output}");
    assert!(
        !host.holds("pgrep -u brokeforge -f 'sleep 700'"),
        "something runs on"
    );
    long
}

/// What a test may find on a host that the scheduler is answerable for.
const OURS: &str = "find /etc/cron.d /usr/local/lib -printf '%p %m %u\\n' | sort; ls -A /var/lib/brokeforge 2>/dev/null | grep -x tasks || true";

async fn request_removal(
    panel: &TestPanel,
    server: &OwnedServer,
    id: SchedulerId,
) -> Option<String> {
    let (db, kind) = (&panel.panel.db, ResourceKind::Scheduler);
    let asked = managed::request_removal(db, &panel.who, server, kind, id.0).await;
    asked.err().map(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_provisions_gets_a_scheduler_that_runs_tasks_and_leaves_no_file() {
    let Some(host) = Host::start("scheduler-alone", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    host.sh(
        "DEBIAN_FRONTEND=noninteractive apt-get purge -y -q cron cron-daemon-common >/dev/null",
    );
    assert!(!host.holds("command -v cron || getent passwd brokeforge"));

    let installed = panel.install_scheduler(&server).await;
    assert_eq!(
        installed.status,
        Status::Active,
        "{:?}",
        installed.error_log
    );
    assert!(host.holds("systemctl is-active --quiet cron && systemctl is-enabled --quiet cron"));
    assert!(host.holds("passwd -S brokeforge | grep -q ' L '"));
    assert!(!host.holds("command -v nginx || command -v ufw || command -v supervisorctl"));
    let untouched = host.sh(OURS);
    let before = host.fingerprint();
    scheduler::installation::request_repair(&panel.panel.db, &panel.who, &server)
        .await
        .unwrap();
    let repaired = panel.settled_scheduler(&server).await.unwrap();
    assert_eq!(
        (repaired.status, repaired.error_log),
        (Status::Active, None)
    );
    assert_eq!(host.fingerprint(), before, "repaired twice");

    let task = panel
        .add_task(&server, fields("App", COMMAND, RunAs::App))
        .await;
    assert_eq!(task.status, Status::Active, "{:?}", task.error_log);
    let (run, output) = until_run(&panel, &server, task.id).await;
    assert_eq!(run.state, RunState::Succeeded, "{output}");
    assert_eq!(run.trigger, Trigger::Cron);
    assert!(output.starts_with("it's 100%|brokeforge|"), "{output}");

    let refused = request_removal(&panel, &server, installed.id).await;
    assert!(refused.is_some_and(|it| it.contains("1 task is on this server")));
    assert!(panel.settled_scheduler(&server).await.is_some());

    // Cron that has died is mended by the same button.
    host.sh("systemctl disable --quiet --now cron");
    scheduler::installation::request_repair(&panel.panel.db, &panel.who, &server)
        .await
        .unwrap();
    panel.settled_scheduler(&server).await;
    assert!(host.holds("systemctl is-active --quiet cron && systemctl is-enabled --quiet cron"));

    let (db, kind) = (&panel.panel.db, ResourceKind::ScheduledTask);
    managed::request_removal(db, &panel.who, &server, kind, task.id.0)
        .await
        .unwrap();
    assert!(panel.settled_task(&server, task.id).await.is_none());
    assert_eq!(request_removal(&panel, &server, installed.id).await, None);
    assert_eq!(panel.settled_scheduler(&server).await, None);
    assert_eq!(host.sh(OURS), untouched);
    assert!(!host.holds("ls -d /usr/local/lib/brokeforge /etc/cron.d/brokeforge-*"));
    // It is not the panel's, and neither is what the user owns.
    assert!(host.holds("systemctl is-active --quiet cron && getent passwd brokeforge"));
}
