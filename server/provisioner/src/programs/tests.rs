//! The scripts, run on this machine with their folders in another place and something that answers as systemd would.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use domain::programs::{ProgramHandle, ProgramOnServer, Variable, WatchedProgram};
use secrecy::SecretString;
use ssh::Script;
use tempfile::TempDir;
use wire::ProgramId;
use wire::programs::{NewProgram, ProcessState, ProgramFields, StopSignal};
use wire::scheduler::RunAs;

use super::*;
use crate::plan::outline;

const HANDLE: &str = "5f0c9a12b3d4e6f7";

/// It starts and stops by making and removing files.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")/.." || exit 1
echo "$*" >>calls
verb=$1
shift
[ "${1:-}" != --quiet ] || shift
case $verb in
  list-units)
    for unit in active/*; do [ ! -e "$unit" ] || echo "${unit#active/} loaded active running"; done ;;
  is-active) [ -e "active/$1" ] ;;
  start | restart) for unit in "$@"; do : >"active/$unit"; done ;;
  stop) for unit in "$@"; do rm -f "active/$unit"; done ;;
  enable) for unit in "$@"; do ln -sf /dev/null "units/multi-user.target.wants/$unit"; done ;;
  disable) for unit in "$@"; do rm -f "units/multi-user.target.wants/$unit"; done ;;
  show) cat shown ;;
esac
"#;

fn program(command: &str) -> ProgramOnServer {
    let fields = ProgramFields {
        name: "$(reboot)".into(),
        command: command.into(),
        directory: String::new(),
        run_as: RunAs::Root,
        processes: "2".into(),
        auto_restart: true,
        stop_signal: StopSignal::Quit,
        stop_wait: "30".into(),
        environment: Vec::new(),
    };
    ProgramOnServer {
        handle: handle(),
        settings: NewProgram::parse(&fields).expect("is a program").settings,
        environment: Vec::new(),
        is_stopped: false,
    }
}

fn handle() -> ProgramHandle {
    ProgramHandle::parse(HANDLE).expect("is a handle")
}

fn variable(name: &str, value: &str) -> Variable {
    Variable {
        name: name.into(),
        value: SecretString::from(value),
    }
}

fn unit(number: u16) -> String {
    format!("brokeforge-program-{HANDLE}@{number}.service")
}

/// A server whose folders are all in one.
struct Server(TempDir);

impl Server {
    fn new() -> Self {
        let server = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["lib", "bin", "active", "units/multi-user.target.wants"] {
            fs::create_dir_all(server.place(folder)).expect("is made");
        }
        let systemctl = server.place("bin/systemctl");
        fs::write(&systemctl, SYSTEMCTL).expect("is written");
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("is set");
        server
    }

    fn with(program: &ProgramOnServer) -> Self {
        let server = Self::new();
        server.put(&install(program));
        server
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a plan that works, and returns what systemd was told meanwhile.
    fn put(&self, plan: &Plan) -> Vec<String> {
        fs::write(self.place("calls"), "").expect("is written");
        for step in &plan.steps {
            let output = self.run(step.script, &step.stdin());
            assert!(output.status.success(), "{output:?}");
        }
        let calls = fs::read_to_string(self.place("calls")).expect("is there");
        calls.lines().map(str::to_owned).collect()
    }

    fn run(&self, script: Script, stdin: &[u8]) -> Output {
        let place = |name: &str| self.place(name).display().to_string();
        let text = script
            .text()
            .replace("/var/lib/brokeforge", &place("ours"))
            .replace("/usr/local/lib/brokeforge", &place("lib/brokeforge"))
            .replace("/etc/systemd/system", &place("units"));
        let path = std::env::var("PATH").expect("is set");
        let mut shell = Command::new("sh")
            .args(["-c", &text])
            .env("PATH", format!("{}:{path}", place("bin")))
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

    /// What systemd does for the first process.
    fn begin(&self) -> Output {
        Command::new(self.place("lib/brokeforge/run-program"))
            .args([HANDLE, "1"])
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    }

    fn program_file(&self, name: &str) -> PathBuf {
        self.place("ours/programs").join(HANDLE).join(name)
    }

    fn unit_file(&self) -> PathBuf {
        self.place("units")
            .join(format!("brokeforge-program-{HANDLE}@.service"))
    }

    /// Without what stands in for systemd.
    fn files(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
            for entry in fs::read_dir(folder).expect("is there") {
                let path = entry.expect("is one").path();
                let meta = path.symlink_metadata().expect("is there");
                let mode = meta.permissions().mode() & 0o777;
                let bytes = if meta.is_file() {
                    fs::read(&path).expect("is read")
                } else {
                    Vec::new()
                };
                found.push((path.clone(), mode, bytes));
                if meta.is_dir() {
                    walk(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.0.path(), &mut found);
        found.retain(|(path, ..)| *path != self.place("calls") && *path != self.place("ours"));
        found.sort();
        found
    }
}

/// Of what systemd was told, that which moves processes.
fn moves(calls: &[String]) -> Vec<&str> {
    let verbs = ["start", "restart", "stop"];
    calls
        .iter()
        .map(String::as_str)
        .filter(|call| verbs.contains(&call.split(' ').next().unwrap_or_default()))
        .collect()
}

#[test]
fn a_program_is_words_and_its_name_stays_in_the_panel() {
    let mut stopped = program("echo \"a\\n\"\r\n\tdone\rx\n");
    stopped.is_stopped = true;
    stopped.settings.directory = "/srv/it's\n\\n".into();
    let plans = [
        install(&program("true")),
        change(&stopped),
        restart(&program("true")),
        remove(&handle()),
    ];
    let lines: Vec<_> = plans
        .iter()
        .flat_map(|plan| plan.steps.iter().map(outline))
        .filter(|line| !line.starts_with("Look at its processes as Root in 120s "))
        .collect();
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let running = |title: &str, anew: &str| {
        format!(
            r#"{title} as Root in 480s [handle="{HANDLE}", runs as="root", processes="2", restarted when it ends="always", stop signal="QUIT", seconds to stop in="30", stopped="no", begun anew="{anew}", SHA-256 of the command="b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b", command="true", directory="", environment="", SHA-256 of the environment="{nothing}"]"#
        )
    };
    assert_eq!(lines[0], running("Add the program", "no"));
    assert_eq!(lines[2], running("Restart the program", "yes"));
    assert!(
        lines[1].contains(r#"stopped="yes""#)
            && lines[1].contains(r#"command="echo \"a\\\\n\"\\n\tdone\\rx\\n""#)
            && lines[1].contains(r#"directory="/srv/it's\\n\\\\n""#),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[3..],
        [
            format!(r#"Remove the program as Root in 480s [handle="{HANDLE}"]"#),
            format!(r#"Verify as Root in 120s [handle="{HANDLE}"]"#),
        ]
    );
}

#[test]
fn no_value_of_an_environment_is_shown_with_the_steps_or_tells_them_apart() {
    let mut secret = program("true");
    secret.environment = vec![variable("KEY", "canary")];
    let plan = install(&secret);
    let text: String = plan.steps.iter().map(Step::as_text).collect();
    assert!(
        !text.contains("canary") && !text.contains(&hash("KEY=canary\n")),
        "{text}"
    );
    assert!(!format!("{secret:?}").contains("canary"));
    let step = &plan.steps[0];
    let other = &install(&program("true")).steps[0];
    assert_eq!(step.fingerprint("m"), other.fingerprint("m"));
    assert_eq!(step.retry, Retry::Repeat, "so it is not skipped for that");
}

#[test]
fn systemd_gets_a_unit_of_our_own_words_and_the_files_are_for_root_alone() {
    let mut written = program("echo 100% $HOME EOF\n");
    written.environment = vec![variable("KEY", "canary")];
    let server = Server::with(&written);
    let text = fs::read_to_string(server.unit_file()).expect("is there");
    for line in [
        "Restart=always",
        "KillSignal=SIGQUIT",
        "TimeoutStopSec=30",
        "KillMode=control-group",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}: {text}");
    }
    for foreign in ["reboot", "100", "canary", "KEY"] {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.program_file("environment")), 0o600);
    assert_eq!(mode(&server.program_file("")), 0o700);
    assert_eq!(mode(&server.unit_file()), 0o644);
    assert_eq!(mode(&server.place("lib/brokeforge/run-program")), 0o755);
}

#[test]
fn hostile_commands_directories_and_values_arrive_byte_for_byte() {
    let pieces = [
        "'",
        "\"",
        "\\",
        "\\n",
        "%",
        "%%",
        "%s",
        "$(id)",
        "`id`",
        "\n",
        "\n\n",
        "\r",
        "\t",
        "EOF",
        "\nEOF\n",
        "&&",
        "|",
        ";",
        "#",
        "=",
        "~",
        "*",
        " ",
        "\\c",
        "\\0101",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{81}",
        "\u{88}",
        "ā",
        "漢",
        "\u{202e}",
        "-n",
        "UNIT",
        "SHOWN",
        "RUN_PROGRAM_END",
        "VALUES_END",
        "\u{fffd}",
        "\u{10ffff}",
    ];
    let mut number = 7_u64;
    let mut text = || {
        let mut next = || {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(number >> 33).expect("fits")
        };
        let length = next() % 8;
        (0..=length)
            .map(|_| pieces[next() % pieces.len()])
            .collect::<String>()
    };
    let server = Server::new();
    for _ in 0..10 {
        let command = format!("x{}", text());
        let values: Vec<_> = (0..20).map(|_| text()).collect();
        let directory = format!("{}/d{}", server.place("bin").display(), text());
        let mut hostile = program("true");
        hostile.settings.command.clone_from(&command);
        hostile.settings.directory.clone_from(&directory);
        hostile.is_stopped = true;
        server.put(&install(&hostile));
        let arrived = fs::read(server.program_file("command")).expect("is there");
        assert_eq!(arrived, command.as_bytes(), "{command:?}");

        fs::create_dir_all(&directory).expect("is made");
        hostile.settings.command = "printf '%s\\0' \"$PWD\"; exec env -0".into();
        hostile.environment = values
            .iter()
            .enumerate()
            .map(|(place, value)| variable(&format!("V{place}"), value))
            .collect();
        server.put(&change(&hostile));
        let output = server.begin();
        assert!(output.status.success(), "{output:?}");
        let mut parts = output.stdout.split(|byte| *byte == 0);
        assert_eq!(parts.next(), Some(directory.as_bytes()), "{directory:?}");
        let seen: Vec<_> = parts.collect();
        for (place, value) in values.iter().enumerate() {
            let wanted = format!("V{place}={value}");
            assert!(seen.contains(&wanted.as_bytes()), "{wanted:?} is not there");
        }
        assert!(seen.contains(&&b"BROKEFORGE_PROCESS=1"[..]));
        let ours: Vec<_> = seen
            .iter()
            .filter(|part| part.starts_with(b"BROKEFORGE_"))
            .collect();
        assert_eq!(ours.len(), 1, "nothing of the panel's own is left over");
    }
}

#[test]
fn a_variable_may_have_the_name_of_any_of_ours_and_change_the_path() {
    let mut odd = program("exec /usr/bin/env");
    odd.is_stopped = true;
    odd.environment = [
        "PATH",
        "HOME",
        "line",
        "value",
        "directory",
        "ENV",
        "LD_PRELOAD",
    ]
    .into_iter()
    .map(|name| variable(name, "/nowhere"))
    .collect();
    let server = Server::with(&odd);
    let printed = String::from_utf8_lossy(&server.begin().stdout).into_owned();
    for variable in &odd.environment {
        let line = format!("{}=/nowhere", variable.name);
        assert!(
            printed.lines().any(|known| known == line),
            "{line}: {printed}"
        );
    }
}

#[test]
fn a_directory_that_is_not_there_ends_the_process_with_its_name() {
    let mut lost = program("echo never");
    lost.settings.directory = "/no/such/place".into();
    let server = Server::with(&lost);
    let output = server.begin();
    assert!(
        !output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/no/such/place"), "{said}");
}

#[test]
fn a_program_that_is_installed_twice_changes_nothing_and_is_not_restarted() {
    let server = Server::new();
    let calls = server.put(&install(&program("true")));
    assert_eq!(moves(&calls), [format!("restart {} {}", unit(1), unit(2))]);
    let before = server.files();
    let calls = server.put(&install(&program("true")));
    assert!(moves(&calls).is_empty(), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("reset-failed")));
    assert_eq!(server.files(), before);
    // One that has given up is started, and the other is left alone.
    fs::remove_file(server.place("active").join(unit(2))).expect("is there");
    let calls = server.put(&change(&program("true")));
    assert_eq!(moves(&calls), [format!("restart {}", unit(2))]);
}

#[test]
fn processes_begin_anew_where_what_they_read_has_changed_and_only_there() {
    let server = Server::with(&program("true"));
    let mut patient = program("true");
    patient.settings.stop_signal = StopSignal::Int;
    assert!(moves(&server.put(&change(&patient))).is_empty());
    let text = fs::read_to_string(server.unit_file()).expect("is there");
    assert!(text.contains("KillSignal=SIGINT\n"));
    let both = [format!("restart {} {}", unit(1), unit(2))];
    let mut other = patient.clone();
    other.environment = vec![variable("A", "1")];
    assert_eq!(moves(&server.put(&change(&other))), both);
    assert_eq!(moves(&server.put(&restart(&other))), both);
    // One whose files were written by a step that was killed then.
    fs::write(server.program_file("restart"), "").expect("is written");
    assert_eq!(moves(&server.put(&change(&other))), both);
    assert!(!server.program_file("restart").exists());
}

#[test]
fn fewer_processes_are_fewer_and_a_stopped_program_has_none_also_after_a_reboot() {
    let server = Server::with(&program("true"));
    let mut one = program("true");
    one.settings.processes = wire::programs::ProcessCount::ONE;
    let calls = server.put(&change(&one));
    assert_eq!(moves(&calls), [format!("stop {}", unit(2))]);
    let links = || {
        let folder = fs::read_dir(server.place("units/multi-user.target.wants"));
        let names = folder.expect("is there").map(|entry| {
            let name = entry.expect("is one").file_name();
            name.to_string_lossy().into_owned()
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(links(), [unit(1)]);
    one.is_stopped = true;
    let calls = server.put(&change(&one));
    assert_eq!(moves(&calls), [format!("stop {}", unit(1))]);
    assert!(links().is_empty());
    assert!(moves(&server.put(&change(&one))).is_empty());
    one.is_stopped = false;
    let calls = server.put(&change(&one));
    assert_eq!(moves(&calls), [format!("restart {}", unit(1))]);
    assert_eq!(links(), [unit(1)]);
}

#[test]
fn what_is_done_to_one_program_leaves_another_alone() {
    let server = Server::with(&program("true"));
    let mut other = program("true");
    other.handle = ProgramHandle::parse("00000000000000ff").expect("is one");
    server.put(&install(&other));
    for plan in [restart(&other), remove(&other.handle)] {
        let calls = server.put(&plan);
        assert!(!calls.iter().any(|call| call.contains(HANDLE)), "{calls:?}");
    }
    assert!(server.place("active").join(unit(1)).exists());
    assert!(server.begin().status.success(), "what they share stays");
}

#[test]
fn removal_leaves_no_file_behind_also_the_second_time() {
    let server = Server::new();
    let before = server.files();
    server.put(&install(&program("true")));
    let calls = server.put(&remove(&handle()));
    assert_eq!(moves(&calls), [format!("stop {} {}", unit(1), unit(2))]);
    assert_eq!(server.files(), before);
    assert!(moves(&server.put(&remove(&handle()))).is_empty());
    assert_eq!(server.files(), before);
    server.put(&install(&program("true")));
    let verify = &remove(&handle()).steps[1];
    assert!(!server.run(verify.script, &verify.stdin()).status.success());
}

#[test]
fn how_a_process_ended_is_written_down_and_seen_with_how_it_stands() {
    let server = Server::with(&program("true"));
    let ended = Command::new(server.place("lib/brokeforge/run-program"))
        .args(["ended", HANDLE, "2"])
        .envs([("EXIT_CODE", "killed"), ("EXIT_STATUS", "KILL")])
        .status();
    assert!(ended.is_ok_and(|status| status.success()));
    fs::write(
        server.place("shown"),
        "ActiveState=active\nSubState=running\nMainPID=4711\nNRestarts=3\n\
         ExecMainStartTimestamp=Fri 2027-01-01 00:00:00 UTC\n",
    )
    .expect("is written");
    let output = server.run(LOOK, format!("{HANDLE}\n00000000000000ff\n").as_bytes());
    assert!(output.status.success(), "{output:?}");
    let programs = [WatchedProgram {
        id: ProgramId(7),
        handle: handle(),
    }];
    let seen = watching::read(&output.stdout, &programs).expect("is whole");
    let processes = &seen[0].1;
    assert_eq!(processes.len(), 2);
    assert_eq!(processes[0].last_end, None);
    let second = &processes[1];
    assert_eq!((second.state, second.restarts), (ProcessState::Running, 3));
    assert_eq!(second.last_end.as_deref(), Some("signal KILL"));
    assert!(second.last_end_at.is_some());
    assert_eq!(
        second.started_at.map(|at| at.0),
        Some(1_798_761_600_000),
        "{:?}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_signal_to_stop_reaches_what_the_shell_started_before_the_shell_goes() {
    let server = Server::with(&program("sleep 64.5\necho never\n"));
    let mut shell = Command::new(server.place("lib/brokeforge/run-program"))
        .args([HANDLE, "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let child = loop {
        let found = Command::new("pgrep")
            .args(["-P", &shell.id().to_string(), "-x", "sleep"])
            .output()
            .expect("it runs");
        if let Ok(pid) = String::from_utf8_lossy(&found.stdout).trim().parse::<u32>() {
            break pid;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let kill = |pid: u32| {
        let status = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    kill(shell.id());
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(
        shell.try_wait().expect("is known").is_none(),
        "it went first"
    );
    kill(child);
    let ended = shell.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(143));
    assert!(ended.stdout.is_empty(), "the next command was begun");
}
