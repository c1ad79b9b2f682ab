//! The scripts, run on this machine with their folders in another place. `telling`: what runs tell the panel by themselves.

mod telling;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use domain::scheduler::{RunReport, TaskHandle, TaskOnServer};
use ssh::Script;
use tempfile::TempDir;
use wire::scheduler::{Frequency, NewTask, Overlap, RunAs, RunState, TaskFields, Trigger};

use super::*;
use crate::plan::outline;

const HANDLE: &str = "5f0c9a12b3d4e6f7";

pub(super) fn task(command: &str) -> TaskOnServer {
    let fields = TaskFields {
        name: "$(reboot)".into(),
        command: command.into(),
        run_as: RunAs::Root,
        frequency: Frequency::Custom,
        expression: "*/5 * 1 jan *".into(),
        timeout: "20".into(),
        overlap: Overlap::Skip,
        notify: true,
    };
    TaskOnServer {
        handle: handle(),
        task: NewTask::parse(&fields).expect("is a task"),
        is_paused: false,
        report_to: None,
    }
}

fn handle() -> TaskHandle {
    TaskHandle::parse(HANDLE).expect("is a handle")
}

/// A server whose folders are all in one.
pub(super) struct Server(TempDir);

impl Server {
    pub(super) fn new() -> Self {
        let server = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["cron.d", "lib"] {
            fs::create_dir(server.0.path().join(folder)).expect("is made");
        }
        server
    }

    pub(super) fn with(task: &TaskOnServer) -> Self {
        let server = Self::new();
        server.install(task);
        server
    }

    fn install(&self, task: &TaskOnServer) -> Output {
        let step = change(task).steps.remove(1);
        let output = self.run(step.script, &step.stdin());
        assert!(output.status.success(), "{output:?}");
        output
    }

    pub(super) fn remove(&self) -> Output {
        let step = remove(&handle()).steps.remove(0);
        self.run(step.script, &step.stdin())
    }

    pub(super) fn run(&self, script: Script, stdin: &[u8]) -> Output {
        let place = |name: &str| self.0.path().join(name).display().to_string();
        let text = script
            .text()
            .replace("/var/lib/brokeforge", &place("ours"))
            .replace("/usr/local/lib/brokeforge", &place("lib/brokeforge"))
            .replace("/etc/cron.d", &place("cron.d"));
        let mut shell = Command::new("sh")
            .args(["-c", &text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut input = shell.stdin.take().expect("is piped");
        input.write_all(stdin).expect("it reads");
        drop(input);
        shell.wait_with_output().expect("it ends")
    }

    /// What cron does, or the panel.
    fn begin(&self, trigger: &str) -> Child {
        Command::new(self.0.path().join("lib/brokeforge/run-task"))
            .args([HANDLE, trigger])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs")
    }

    fn cron(&self) -> Option<i32> {
        self.begin("cron").wait().expect("it ends").code()
    }

    fn task_file(&self, name: &str) -> PathBuf {
        self.0.path().join("ours/tasks").join(HANDLE).join(name)
    }

    fn cron_line(&self) -> PathBuf {
        self.0
            .path()
            .join("cron.d")
            .join(format!("brokeforge-{HANDLE}"))
    }

    /// The runs that wait for the panel, oldest first.
    fn runs(&self) -> Vec<RunReport> {
        let mut folders: Vec<_> = fs::read_dir(self.task_file("runs"))
            .expect("is there")
            .map(|entry| entry.expect("is one").path())
            .collect();
        folders.sort();
        let reports = folders.iter().filter_map(|folder| {
            let mut bytes = fs::read(folder.join("report")).ok()?;
            bytes.extend(fs::read(folder.join("output")).ok()?);
            Some(report::parse(&bytes).expect("is a report"))
        });
        reports.collect()
    }

    fn states(&self) -> Vec<RunState> {
        self.runs().iter().map(|run| run.state).collect()
    }

    fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(since.elapsed() < Duration::from_secs(20), "never {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The folder that all of its own are in.
    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn files(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
            for entry in fs::read_dir(folder).expect("is there") {
                let path = entry.expect("is one").path();
                let mode = path.metadata().expect("is there").permissions().mode() & 0o777;
                if path.is_dir() {
                    found.push((path.clone(), mode, Vec::new()));
                    walk(&path, found);
                } else {
                    found.push((path.clone(), mode, fs::read(&path).expect("is read")));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.0.path(), &mut found);
        found.sort();
        found
    }
}

#[test]
fn a_task_is_words_and_its_name_stays_in_the_panel() {
    let mut paused = task("echo \"a\\n\"\r\n\tdone\rx\n");
    paused.is_paused = true;
    paused.report_to = Some("https://panel.example.com/scheduler/report".into());
    let plans = [
        install(&task("true")),
        change(&paused),
        remove(&handle()),
        run_now(&handle()),
    ];
    let lines: Vec<_> = plans
        .iter()
        .flat_map(|plan| plan.steps.iter().map(outline))
        .collect();
    assert_eq!(
        lines,
        [
            "Scheduler as Root in 1800s []",
            r#"Add the task as Root in 120s [handle="5f0c9a12b3d4e6f7", runs as="root", timeout in seconds="20", while the last run goes on="skip", when="*/5 * 1 jan *", paused="no", reports to="", SHA-256 of the command="b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b", command="true"]"#,
            "Scheduler as Root in 1800s []",
            r#"Change the task as Root in 120s [handle="5f0c9a12b3d4e6f7", runs as="root", timeout in seconds="20", while the last run goes on="skip", when="*/5 * 1 jan *", paused="yes", reports to="https://panel.example.com/scheduler/report", SHA-256 of the command="becc291c2b6e05c840e82019989c97e81e0fb3cea23eb2d609a94b6ebf1320a6", command="echo \"a\\\\n\"\\n\tdone\\rx\\n"]"#,
            r#"Remove the task as Root in 120s [handle="5f0c9a12b3d4e6f7"]"#,
            r#"Verify as Root in 120s [handle="5f0c9a12b3d4e6f7"]"#,
            r#"Look for the task as Root in 120s [handle="5f0c9a12b3d4e6f7"]"#,
            r#"Run the command as Root in 3900s [handle="5f0c9a12b3d4e6f7"]"#,
        ]
    );
}

#[test]
fn cron_gets_one_line_with_our_own_program_and_the_token_is_for_root_alone() {
    let server = Server::with(&task("echo 100% \"$HOME\"\n"));
    let line = fs::read_to_string(server.cron_line()).expect("is there");
    let lines: Vec<_> = line.lines().collect();
    let program = server.0.path().join("lib/brokeforge/run-task");
    assert_eq!(
        lines[1..],
        [
            "MAILTO=\"\"".to_owned(),
            format!("*/5 * 1 jan * root {} {HANDLE}", program.display())
        ]
    );
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.task_file("token")), 0o600);
    assert_eq!(mode(&server.task_file("")), 0o700);
    assert_eq!(mode(&server.cron_line()), 0o644);
    assert_eq!(mode(&program), 0o755);
    assert!(fs::read_to_string(server.task_file("token")).is_ok_and(|it| it.len() == 87));
}

#[test]
fn a_task_that_is_installed_twice_changes_nothing_and_keeps_its_token() {
    let server = Server::new();
    let told = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mark = "::fact task_token_hash ";
        let line = text.lines().find_map(|line| line.strip_prefix(mark));
        line.expect("it tells the hash").to_owned()
    };
    let first = told(&server.install(&task("true")));
    let before = server.files();
    let again = server.install(&task("true"));
    assert_eq!(told(&again), first);
    assert_eq!(server.files(), before);
    assert!(!String::from_utf8_lossy(&again.stdout).contains("Wrote"));
    assert_eq!(first.len(), 64);
}

#[test]
fn a_thousand_hostile_commands_arrive_byte_for_byte() {
    let pieces = [
        "'",
        "\"",
        "\\",
        "\\n",
        "%",
        "%%",
        "$(id)",
        "`id`",
        "\n",
        "\r",
        "\t",
        "EOF",
        "\nEOF\n",
        "&&",
        "|",
        ";",
        "#",
        "!",
        "~",
        "*",
        " ",
        "  ",
        "\\c",
        "\\0101",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{81}",
        "ā",
        "漢",
        "\u{202e}",
        "{}",
        "-n",
        "RUN_TASK_END",
        "VALUES_END",
        "x",
        "\u{fffd}",
        "\u{10ffff}",
        "<<'EOF'",
        "$'\\x00'",
    ];
    let mut number = 7_u64;
    let mut next = || {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(number >> 33).expect("fits")
    };
    let commands: Vec<String> = (0..1_000)
        .map(|_| {
            (0..=next() % 12)
                .map(|_| pieces[next() % pieces.len()])
                .collect()
        })
        .collect();
    // What the script does with the line, a thousand times over.
    let folder = tempfile::tempdir().expect("a folder");
    let script = "export LC_ALL=C\ncd \"$1\" || exit\nnumber=0\nwhile IFS= read -r command; do\n\
                  printf '%b' \"$command\" >$number\nnumber=$((number + 1))\ndone";
    let mut shell = Command::new("sh")
        .args(["-c", script, "sh", folder.path().to_str().expect("is text")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let lines: String = commands
        .iter()
        .map(|command| in_one_line(command) + "\n")
        .collect();
    let mut stdin = shell.stdin.take().expect("is piped");
    stdin.write_all(lines.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(shell.wait().expect("it ends").success());
    for (number, command) in commands.iter().enumerate() {
        let arrived = fs::read(folder.path().join(number.to_string())).expect("is there");
        assert_eq!(arrived, command.as_bytes(), "{command:?}");
    }
    // And through everything there is, some of them.
    let server = Server::new();
    for command in commands
        .iter()
        .filter(|command| !command.trim().is_empty())
        .take(20)
    {
        let mut task = task("true");
        task.task.command = command.clone();
        server.install(&task);
        let arrived = fs::read(server.task_file("command")).expect("is there");
        assert_eq!(arrived, command.as_bytes(), "{command:?}");
    }
}

#[test]
fn a_run_is_written_down_with_its_end_and_what_it_printed() {
    let command = "echo \"it's $(basename \"$HOME\")\"\ncat <<'EOF'\n100% <b>\nEOF\necho oops >&2\nread x || exit 3\n";
    let server = Server::with(&task(command));
    assert_eq!(server.cron(), Some(0));
    let runs = server.runs();
    let [run] = &runs[..] else {
        panic!("{runs:?}");
    };
    assert_eq!((run.state, run.exit_code), (RunState::Failed, Some(3)));
    assert_eq!(run.trigger, Trigger::Cron);
    assert_eq!(run.output, "it's root\n100% <b>\noops\n");
    assert!(run.ended_at.is_some_and(|at| at >= run.started_at));
}

#[test]
fn of_fifty_megabytes_the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
    let server = Server::with(&task("echo first; yes x | head -c 50000000; echo last"));
    server.cron();
    let run = server.runs().remove(0);
    assert_eq!(run.state, RunState::Succeeded);
    assert!(run.output.len() < 40_000, "{}", run.output.len());
    assert!(run.output.starts_with("first\nx\n"));
    assert!(run.output.ends_with("x\nlast\n"));
    assert!(run.output.contains(" bytes left out]"));
}

#[test]
fn one_that_never_ends_is_stopped_with_what_it_started() {
    let mut task = task("sleep 61.5 & echo begun; sleep 61.5");
    task.task.timeout = wire::scheduler::TaskTimeout::of(1).expect("is one");
    let server = Server::with(&task);
    let since = Instant::now();
    server.cron();
    assert!(since.elapsed() < Duration::from_secs(15));
    let run = server.runs().remove(0);
    assert_eq!((run.state, &*run.output), (RunState::TimedOut, "begun\n"));
    let left = Command::new("pgrep").args(["-f", "sleep 61.5"]).output();
    assert!(
        left.is_ok_and(|left| left.stdout.is_empty()),
        "something runs on"
    );
}

#[test]
fn what_a_command_leaves_behind_holds_nothing_up() {
    let server = Server::with(&task("setsid sleep 62.5 & echo done"));
    let since = Instant::now();
    server.cron();
    assert!(since.elapsed() < Duration::from_secs(15));
    let run = server.runs().remove(0);
    assert_eq!((run.state, &*run.output), (RunState::Succeeded, "done\n"));
    drop(Command::new("pkill").args(["-f", "sleep 62.5"]).status());
}

#[test]
fn a_run_while_the_last_one_goes_on_is_skipped_and_that_is_written_down() {
    let server = Server::with(&task("sleep 2"));
    let mut first = server.begin("cron");
    server.until("begun", |server| server.states() == [RunState::Running]);
    assert_eq!(server.cron(), Some(0));
    assert_eq!(server.states(), [RunState::Running, RunState::Skipped]);
    first.wait().expect("it ends");
    assert_eq!(server.states(), [RunState::Succeeded, RunState::Skipped]);
}

#[test]
fn where_runs_queue_one_waits_and_more_do_not() {
    let mut task = task("sleep 1");
    task.task.overlap = Overlap::Queue;
    let server = Server::with(&task);
    let mut first = server.begin("cron");
    server.until("begun", |server| server.states() == [RunState::Running]);
    let mut second = server.begin("cron");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(server.cron(), Some(0));
    first.wait().expect("it ends");
    second.wait().expect("it ends");
    let mut states = server.states();
    states.sort_by_key(|state| state.as_str());
    assert_eq!(
        states,
        [RunState::Skipped, RunState::Succeeded, RunState::Succeeded]
    );
}

#[test]
fn run_by_hand_it_prints_as_it_goes_and_ends_as_its_command() {
    let server = Server::with(&task("echo one; echo ::error two >&2; exit 7"));
    let step = run_now(&handle()).steps.remove(1);
    let output = server.run(step.script, &step.stdin());
    assert_eq!(output.stdout, b"one\n::error two\n");
    assert_eq!(output.status.code(), Some(7));
    let run = server.runs().remove(0);
    assert_eq!((run.trigger, run.exit_code), (Trigger::Panel, Some(7)));
    assert_eq!(run.output, "one\n::error two\n");
}

#[test]
fn a_run_by_hand_that_is_cancelled_says_so_and_its_command_ends_with_it() {
    let server = Server::with(&task("trap '' TERM; echo begun; sleep 64.5; echo on"));
    for is_killed in [false, true] {
        let mut run = server.begin("panel");
        server.until("begun", |server| {
            server.runs().iter().any(|run| run.output == "begun\n")
        });
        let pid = run.id().to_string();
        let signal = |signal: &str, pid: &str| {
            let sent = Command::new("kill").args([signal, "--", pid]).status();
            assert!(sent.expect("it runs").success());
        };
        signal("-TERM", &pid);
        if is_killed {
            // As what does not end in time.
            let run = server.task_file("runs").join(server.runs().remove(0).key);
            server.until("noted", |_| run.join("stopped").exists());
            let command = fs::read_to_string(run.join("pid")).expect("is there");
            signal("-KILL", &pid);
            signal("-KILL", &format!("-{}", command.trim()));
        }
        run.wait().expect("it ends");
        let collected = server.run(COLLECT, format!("{HANDLE}\n").as_bytes());
        let told = String::from_utf8_lossy(&collected.stdout).into_owned();
        assert!(
            told.contains(" stopped panel ") && told.contains("begun\n"),
            "{told}"
        );
        assert!(!told.contains("on\n::"), "{told}");
        let key = server.runs().remove(0).key;
        server.run(FORGET, format!("{HANDLE} {key}\n").as_bytes());
    }
    let left = Command::new("pgrep").args(["-f", "sleep 64.5"]).output();
    assert!(
        !left.expect("it runs").status.success(),
        "something runs on"
    );
}

#[test]
fn the_panel_collects_what_is_there_and_what_was_killed_is_lost() {
    let server = Server::with(&task("echo begun; sleep 3"));
    let mut killed = server.begin("cron");
    server.until("begun", |server| {
        server
            .runs()
            .first()
            .is_some_and(|run| run.output == "begun\n")
    });
    let input = format!("{HANDLE}\n");
    let collect = || {
        let output = server.run(COLLECT, input.as_bytes());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = collect();
    assert!(told.contains(" running cron "), "{told}");
    assert!(told.ends_with("::fact all yes\n"), "{told}");
    killed.kill().expect("is killed");
    killed.wait().expect("it ends");
    let told = collect();
    assert!(
        told.contains(" lost cron ") && told.contains("begun\n"),
        "{told}"
    );
    let key = server.runs().remove(0).key;
    server.run(FORGET, format!("{HANDLE} {key}\n").as_bytes());
    assert!(server.runs().is_empty());
    let refused = server.run(FORGET, format!("{HANDLE} ../../x\n").as_bytes());
    assert!(!refused.status.success());
}

#[test]
fn a_paused_task_is_on_the_server_and_cron_does_not_know_of_it() {
    let server = Server::with(&task("true"));
    let mut paused = task("true");
    paused.is_paused = true;
    server.install(&paused);
    assert!(!server.cron_line().exists());
    assert!(server.task_file("command").exists());
    server.install(&task("true"));
    assert!(server.cron_line().exists());
}

#[test]
fn removal_stops_what_runs_and_leaves_no_file_behind_also_the_second_time() {
    let server = Server::new();
    let before = server.files();
    server.install(&task("sleep 63.5"));
    let mut running = server.begin("cron");
    server.until("begun", |server| server.states() == [RunState::Running]);
    thread::sleep(Duration::from_millis(200));
    let output = server.remove();
    assert!(output.status.success(), "{output:?}");
    running.wait().expect("it ends");
    let ours = server.0.path().join("ours");
    let verify = remove(&handle()).steps.remove(1);
    let verified = |server: &Server| {
        let output = server.run(verify.script, &verify.stdin());
        output.status.success()
    };
    assert!(verified(&server));
    let left: Vec<_> = server
        .files()
        .into_iter()
        .filter(|(path, ..)| *path != ours)
        .collect();
    assert_eq!(left, before);
    assert!(server.remove().status.success());
    server.install(&task("true"));
    assert!(!verified(&server));
}
