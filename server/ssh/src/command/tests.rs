//! The command lines run by real shells here, without SSH between.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::*;

/// What a login shell does with a command line.
fn run_by(shell: &str, script: Script, values: &[u8]) -> Output {
    let mut child = Command::new(shell)
        .args(["-c", line(Privilege::Login, true)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{shell} cannot be started: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input(script, "00c0ffee", values);
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the shell ends");
    let _ = feeding.join();
    output
}

/// Bash and dash stand on every Debian; fish only where it was installed.
fn shells() -> Vec<&'static str> {
    let mut shells = vec!["bash", "dash"];
    if Command::new("fish").arg("--version").output().is_ok() {
        shells.push("fish");
    }
    shells
}

#[test]
fn a_script_reads_exactly_the_values_that_follow_it() {
    let values: Vec<u8> = (0..1024 * 1024_u32)
        .flat_map(u32::to_le_bytes)
        .take(1 << 20)
        .collect();
    for shell in shells() {
        let output = run_by(shell, Script::new("exec cat\n"), &values);
        assert!(output.status.success(), "{shell}: {output:?}");
        assert!(output.stdout == values, "{shell}: 1 MiB came back altered");
    }
}

#[test]
fn a_script_keeps_its_lines_blanks_and_backslashes() {
    const SCRIPT: Script = Script::new(
        "  printf '%s|' \"$0\" 'a\\nb' '  c'\n\n\nread -r first\nprintf '%s' \"$first\"",
    );
    for shell in shells() {
        let output = run_by(shell, SCRIPT, b"  $(id) `id` \\ ' \" ; x\nsecond");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "brokeforge|a\\nb|  c|$(id) `id` \\ ' \" ; x",
            "{shell}"
        );
    }
}

#[test]
fn an_empty_script_and_no_values_end_well() {
    for shell in shells() {
        assert!(
            run_by(shell, Script::new(""), b"").status.success(),
            "{shell}"
        );
    }
}

#[test]
fn a_script_cut_on_the_way_is_not_run() {
    let whole = input(Script::new("echo one\necho two\n"), "00c0ffee", b"");
    let mut child = Command::new("dash")
        .args(["-c", line(Privilege::Login, true)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dash starts");
    child
        .stdin
        .take()
        .expect("stdin is piped")
        .write_all(&whole[..23])
        .expect("dash reads");
    let output = child.wait_with_output().expect("dash ends");
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_script_and_what_it_starts_carry_the_mark_of_the_run() {
    let output = run_by("dash", Script::new("sh -c 'echo $BROKEFORGE_RUN'"), b"");
    assert_eq!(output.stdout, b"00c0ffee\n");
    assert_ne!(new_mark(), new_mark());
}

#[test]
fn a_script_of_a_thousand_lines_starts_at_once() {
    let text: &'static str = Box::leak(
        "true # padding, padding, padding\n"
            .repeat(1_000)
            .into_boxed_str(),
    );
    let started = std::time::Instant::now();
    assert!(run_by("dash", Script::new(text), b"").status.success());
    assert!(
        started.elapsed().as_secs() < 2,
        "took {:?}",
        started.elapsed()
    );
}

#[test]
fn the_command_lines_hold_no_quote_of_their_own_and_no_newline() {
    for privilege in [Privilege::Root, Privilege::Login, Privilege::App] {
        for login_is_root in [true, false] {
            let line = line(privilege, login_is_root);
            assert_eq!(line.matches('\'').count(), 2, "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert_eq!(
                line.contains("sudo -n --"),
                !login_is_root && privilege != Privilege::Login
            );
            assert_eq!(line.contains("runuser"), privilege == Privilege::App);
        }
    }
}
