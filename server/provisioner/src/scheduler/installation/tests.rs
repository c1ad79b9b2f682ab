use std::fs;

use super::super::tests::{Server, task};
use super::*;
use crate::plan::outline;

/// The first step of a removal.
fn run_removal(server: &Server) -> String {
    let output = server.run(REMOVE_SCHEDULER, b"");
    String::from_utf8(output.stdout).expect("is text")
}

fn is_verified(server: &Server) -> bool {
    server.run(SCHEDULER_IS_GONE, b"").status.success()
}

#[test]
fn the_steps_are_those_of_provisioning_and_need_no_values() {
    let plans = [install(), remove()];
    let lines: Vec<_> = plans
        .iter()
        .flat_map(|plan| plan.steps.iter().map(outline))
        .collect();
    assert_eq!(
        lines,
        [
            "Connect as Root in 120s []",
            "App user as Root in 120s []",
            "Scheduler as Root in 1800s []",
            "Remove the scheduler as Root in 120s []",
            "Verify as Root in 120s []",
        ]
    );
    let provisioning = provisioning::every_step();
    for step in install().steps {
        let same = provisioning
            .iter()
            .find(|known| known.title == step.title)
            .expect("provisioning takes it, too");
        assert_eq!(step.script.text(), same.script.text(), "{}", step.title);
    }
}

#[test]
fn a_removal_leaves_nothing_of_what_was_cut_off_and_what_is_not_ours_alone() {
    let server = Server::with(&task("true"));
    let (tasks, lib) = (
        server.root().join("ours/tasks"),
        server.root().join("lib/brokeforge"),
    );
    let cron = server.root().join("cron.d");
    fs::write(cron.join("brokeforge-backup"), "somebody's own").expect("is written");
    fs::write(lib.join("run-program"), "of the programs").expect("is written");
    // As a collection, a write and a removal leave them that were killed.
    fs::write(tasks.join(".taken.Ab12Cd"), "").expect("is written");
    let cut_off = lib.join(".brokeforge.Ab12Cd");
    fs::write(&cut_off, "").expect("is written");
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    let file = fs::File::options()
        .write(true)
        .open(&cut_off)
        .expect("is there");
    file.set_modified(hours_ago).expect("is set");
    assert!(server.remove().status.success());
    assert!(lib.join("run-task").exists(), "what is not empty stays");
    fs::write(
        cron.join("brokeforge-5f0c9a12b3d4e6f7"),
        "of a task that is gone",
    )
    .expect("is written");
    assert!(!is_verified(&server));

    let said = run_removal(&server);
    assert!(said.contains("cron stays"), "{said}");
    assert!(is_verified(&server));
    let after = server.files();
    let names: Vec<_> = after
        .iter()
        .map(|(path, ..)| path.strip_prefix(server.root()).expect("is in it"))
        .map(|path| path.to_str().expect("is text"))
        .collect();
    assert_eq!(
        names,
        [
            "cron.d",
            "cron.d/brokeforge-backup",
            "lib",
            "lib/brokeforge",
            "lib/brokeforge/run-program",
            "ours",
        ]
    );

    // Twice is once.
    run_removal(&server);
    assert!(is_verified(&server));
    assert_eq!(server.files(), after);
}

#[test]
fn tasks_of_another_panel_keep_what_they_run_with_and_are_told() {
    let server = Server::with(&task("true"));
    let before = server.files();
    let said = run_removal(&server);
    assert!(said.contains("does not know: 1"), "{said}");
    assert_eq!(server.files(), before);
    assert!(is_verified(&server));
}

#[test]
fn files_of_somebody_else_among_the_tasks_stop_the_removal_with_their_place() {
    let server = Server::with(&task("true"));
    let tasks = server.root().join("ours/tasks");
    fs::write(tasks.join("notes"), "of somebody").expect("is written");
    assert!(server.remove().status.success());
    let output = server.run(REMOVE_SCHEDULER, b"");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("::error There are files in"), "{said}");
    assert!(tasks.join("notes").exists());
}
