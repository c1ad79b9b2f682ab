//! Programs under a real systemd.

use std::time::Duration;

use domain::access::OwnedServer;
use domain::managed;
use domain::programs::{self, ProgramChange};
use wire::programs::{
    NewProgram, ProcessResource, ProcessState, ProgramAct, ProgramFields, ProgramResource,
    SecretText, StopSignal, VariableFields,
};
use wire::scheduler::RunAs;
use wire::{ProgramId, ResourceKind, Status};

use crate::host::Host;
use crate::panel::TestPanel;

/// What no quoting survives.
const VALUE: &str = "it's 100%\n$(id)`id` \\n \"q\"\nEOF\n\r\u{81} ä\n";

pub fn fields(name: &str, command: &str) -> ProgramFields {
    ProgramFields {
        name: name.into(),
        command: command.into(),
        directory: String::new(),
        run_as: RunAs::App,
        processes: "1".into(),
        auto_restart: true,
        stop_signal: StopSignal::Term,
        stop_wait: "5".into(),
        environment: Vec::new(),
    }
}

async fn program(panel: &TestPanel, server: &OwnedServer, id: ProgramId) -> ProgramResource {
    programs::show_program(&panel.panel.db, server, id)
        .await
        .unwrap()
        .program
}

/// Waits until the panel has seen the processes as wanted, without anybody asking.
async fn until(
    panel: &TestPanel,
    server: &OwnedServer,
    id: ProgramId,
    wanted: impl Fn(&[ProcessResource]) -> bool,
) -> Vec<ProcessResource> {
    for _ in 0..240 {
        let processes = program(panel, server, id).await.processes;
        if wanted(&processes) {
            return processes;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("never: {:#?}", program(panel, server, id).await);
}

async fn running(panel: &TestPanel, server: &OwnedServer, id: ProgramId, count: usize) -> Vec<i64> {
    let all = |processes: &[ProcessResource]| {
        let runs = |process: &&ProcessResource| process.state == ProcessState::Running;
        processes.len() == count && processes.iter().filter(runs).count() == count
    };
    let processes = until(panel, server, id, all).await;
    processes
        .iter()
        .map(|process| process.pid.unwrap())
        .collect()
}

async fn control(panel: &TestPanel, server: &OwnedServer, id: ProgramId, act: ProgramAct) {
    let change = ProgramChange::Control(act);
    let operation = programs::request_change(&panel.panel, &panel.who, server, id, change, None)
        .await
        .unwrap()
        .unwrap();
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.error, None, "{}", panel.output(operation).await);
}

async fn edit(panel: &TestPanel, server: &OwnedServer, id: ProgramId, fields: &ProgramFields) {
    let new = NewProgram::parse(fields).unwrap();
    let operation = programs::request_edit(&panel.panel, &panel.who, server, id, new, None)
        .await
        .unwrap()
        .unwrap();
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.error, None, "{}", panel.output(operation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_stay_up_each_by_itself_and_what_is_removed_leaves_nothing_behind() {
    let Some(host) = Host::start("programs", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    let server = panel.provision_well(&server).await;
    let look = "find /etc/systemd/system /usr/local/lib -printf '%p %m %u %l\\n' | sort; ls -A /var/lib/brokeforge | grep -x programs || true; \
                systemctl list-units --all --plain --no-legend 'brokeforge-program-*'";
    let untouched = host.sh(look);

    arrive_as_written(&host, &panel, &server).await;
    come_back_by_themselves(&host, &panel, &server).await;
    stop_with_all_they_started(&host, &panel, &server).await;
    give_up_and_say_so(&panel, &server).await;

    for program in programs::show(&panel.panel.db, &server)
        .await
        .unwrap()
        .programs
    {
        let (db, kind) = (&panel.panel.db, ResourceKind::Program);
        managed::request_removal(db, &panel.who, &server, kind, program.id.0)
            .await
            .unwrap();
        assert!(panel.settled_program(&server, program.id).await.is_none());
    }
    assert_eq!(host.sh(look), untouched);
    assert!(
        !host.holds("pgrep -u brokeforge -f 'sleep 9[0-9][0-9][0-9]'"),
        "something runs on"
    );
}

async fn arrive_as_written(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let directory = "/home/brokeforge/it's\n\"$HOME\" 100% EOF";
    host.sh("runuser -u brokeforge -- mkdir \"$(printf '/home/brokeforge/it'\"'\"'s\\n\"$HOME\" 100%% EOF')\"");
    let command = "printf '%s|' \"it's 100%\" \"$(id -un)\" \"$HOME\" \"$PWD\" \"$BROKEFORGE_PROCESS\" >\"$HOME/seen\" && cat <<'EOF' >>\"$HOME/seen\"\n\
                   <b>\\n$(id)`id`\nEOF\nenv -0 >\"$HOME/environment\"; printf 'a\\377\\033[31mb\\n'; exec sleep 9001\n";
    let mut hostile = ProgramFields {
        directory: directory.into(),
        ..fields("Hostile", command)
    };
    hostile.environment = vec![VariableFields {
        name: "VALUE".into(),
        value: Some(SecretText::new(VALUE)),
    }];
    let made = panel.add_program(server, hostile.clone()).await;
    assert_eq!(made.status, Status::Active, "{:?}", made.error_log);
    running(panel, server, made.id, 1).await;
    assert_eq!(
        host.sh("cat /home/brokeforge/seen"),
        format!("it's 100%|brokeforge|/home/brokeforge|{directory}|1|<b>\\n$(id)`id`\n")
    );
    let seen = host.sh("tr '\\0' '\\1' </home/brokeforge/environment");
    let value = format!("\u{1}VALUE={VALUE}\u{1}");
    assert!(format!("\u{1}{seen}").contains(&value), "{seen:?}");
    assert!(host.holds(
        "[ \"$(stat -c '%a %U' /var/lib/brokeforge/programs/*/environment)\" = '600 root' ]"
    ));
    assert!(!host.holds("runuser -u brokeforge -- ls /var/lib/brokeforge/programs"));
    assert!(!host.holds("grep -r '100%' /etc/systemd/system/brokeforge-program-*"));
    // Not among arguments either, which everybody on the server may read.
    assert!(!host.holds("ps -eo args | grep -v grep | grep -F 'id`id`'"));

    let log = programs::log(&panel.panel, &panel.who, server, made.id)
        .await
        .unwrap();
    let said = log.lines.iter().find(|line| line.text.starts_with('a'));
    let said = said.unwrap_or_else(|| panic!("{log:#?}"));
    assert_eq!(said.text, "a\u{fffd}\u{1b}[0;31mb\u{1b}[0m");
    assert_eq!((said.process, said.is_about_it), (Some(1), false));

    // What the form does not give again is kept.
    hostile.environment[0].value = None;
    hostile.stop_wait = "6".into();
    let before = running(panel, server, made.id, 1).await;
    edit(panel, server, made.id, &hostile).await;
    assert_eq!(
        running(panel, server, made.id, 1).await,
        before,
        "restarted for nothing"
    );
}

async fn come_back_by_themselves(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let two = ProgramFields {
        processes: "2".into(),
        ..fields("Two", "exec sleep 9002")
    };
    let two = panel.add_program(server, two).await.id;
    let other = panel
        .add_program(server, fields("Other", "exec sleep 9003"))
        .await
        .id;
    let before = running(panel, server, two, 2).await;
    let others = running(panel, server, other, 1).await;
    host.sh(&format!("kill -9 {}", before[0]));
    let came_back = |processes: &[ProcessResource]| {
        processes[0].state == ProcessState::Running && processes[0].pid != Some(before[0])
    };
    let processes = until(panel, server, two, came_back).await;
    assert_eq!(processes[0].restarts, 1);
    assert_eq!(processes[0].last_end.as_deref(), Some("signal KILL"));
    assert_eq!(
        processes[1].pid,
        Some(before[1]),
        "the other process was not left alone"
    );

    control(panel, server, two, ProgramAct::Restart).await;
    let fresh = |processes: &[ProcessResource]| {
        processes
            .iter()
            .all(|it| it.state == ProcessState::Running && !before.contains(&it.pid.unwrap_or(0)))
    };
    until(panel, server, two, fresh).await;
    control(panel, server, two, ProgramAct::Stop).await;
    assert_eq!(program(panel, server, two).await.status, Status::Paused);
    assert!(!host.holds("pgrep -u brokeforge -f 'sleep 9002'"));
    assert_eq!(
        running(panel, server, other, 1).await,
        others,
        "another program was touched"
    );

    host.reboot();
    let booted = |processes: &[ProcessResource]| {
        processes[0].state == ProcessState::Running && processes[0].pid != Some(others[0])
    };
    until(panel, server, other, booted).await;
    assert!(
        !host.holds("pgrep -u brokeforge -f 'sleep 9002'"),
        "it was stopped"
    );
    control(panel, server, two, ProgramAct::Start).await;
    running(panel, server, two, 2).await;
}

async fn stop_with_all_they_started(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let leaves = "setsid sleep 9004 &\n(setsid sh -c 'trap \"\" TERM; sleep 9005' &)\nsleep 9006\n";
    let leaves = panel.add_program(server, fields("Leaves", leaves)).await.id;
    running(panel, server, leaves, 1).await;
    for left in ["9004", "9005", "9006"] {
        assert!(
            host.holds(&format!("pgrep -u brokeforge -f 'sleep {left}'")),
            "{left}"
        );
    }
    control(panel, server, leaves, ProgramAct::Stop).await;
    assert!(
        !host.holds("pgrep -u brokeforge -f 'sleep 900[456]'"),
        "something runs on"
    );

    // One that ends in order is told so once, and has its time.
    let graceful = "trap 'echo told >>\"$HOME/told\"; sleep 2; echo done >>\"$HOME/told\"; exit 0' TERM\n\
                    while :; do sleep 0.1; done\n";
    let graceful = panel
        .add_program(server, fields("Graceful", graceful))
        .await
        .id;
    running(panel, server, graceful, 1).await;
    control(panel, server, graceful, ProgramAct::Stop).await;
    assert_eq!(host.sh("cat /home/brokeforge/told"), "told\ndone\n");
}

async fn give_up_and_say_so(panel: &TestPanel, server: &OwnedServer) {
    let broken = panel
        .add_program(server, fields("Broken", "exit 7"))
        .await
        .id;
    let failed = |processes: &[ProcessResource]| {
        processes
            .first()
            .is_some_and(|it| it.state == ProcessState::Failed)
    };
    let processes = until(panel, server, broken, failed).await;
    assert_eq!(processes[0].last_end.as_deref(), Some("exit code 7"));
    let shown = programs::show(&panel.panel.db, server).await.unwrap();
    let told = |sentence: &str| sentence.starts_with("Background program Broken does not stay up");
    assert!(
        shown
            .recent_events
            .iter()
            .any(|event| told(&event.sentence)),
        "{:?}",
        shown.recent_events
    );
}
