use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{ATTEND, STOP};
use crate::Script;

/// What a script of ours says to the panel's ear, where its steps are kept in this folder.
fn said(script: Script, steps: &Path) -> String {
    let mut shell = Command::new("sh")
        .args(["-c", script.text()])
        .env("BROKEFORGE_STEPS", steps)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    stdin
        .write_all(b"abc 1 0 1 1\nroot 10 0 5 0\ntrue\n")
        .unwrap();
    drop(stdin);
    let output = shell.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_refused(steps: &Path, reason: &str) {
    for script in [ATTEND, STOP] {
        let said = said(script, steps);
        assert!(said.contains("brokeforge-step failed "), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn steps_are_kept_in_no_folder_that_is_a_link_or_that_others_may_write_to() {
    let server = tempfile::tempdir().unwrap();
    let (ours, elsewhere) = (server.path().join("ours"), server.path().join("elsewhere"));
    let steps = ours.join("steps");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &ours).unwrap();
    assert_refused(&steps, "ours is a link or a file");
    fs::remove_file(&ours).unwrap();

    fs::create_dir(&ours).unwrap();
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o757)).unwrap();
    assert_refused(&steps, "ours can be written to by others than root");

    fs::set_permissions(&ours, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &steps).unwrap();
    assert_refused(&steps, "steps is a link or a file");
    assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    fs::remove_file(&steps).unwrap();

    let said = said(STOP, &steps);
    assert!(said.contains("brokeforge-step stopped"), "{said}");
}
