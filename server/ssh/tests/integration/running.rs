use std::sync::Arc;
use std::time::{Duration, Instant};

use ssh::{Discard, Error, Exit, ExitStatus, Output, Privilege, Remote, Script, Stream};

use crate::odd_servers::Cable;
use crate::sshd::Sshd;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn exit_codes_come_back_as_they_are() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let script = Script::new("read -r code; exit \"$code\"\n");
    for code in [0, 1, 2, 100, 255] {
        let exit = run(&*remote, script, format!("{code}\n").as_bytes()).await;
        assert_eq!(
            exit,
            Ok(Exit {
                status: ExitStatus::Code(code)
            })
        );
    }
}

#[tokio::test]
async fn a_script_killed_by_a_signal_is_told_from_one_that_exits() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let exit = run(&*remote, Script::new("kill -TERM $$\nsleep 10\n"), b"").await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Signal("TERM".into())
        })
    );
}

#[tokio::test]
async fn output_arrives_while_the_script_runs_and_keeps_its_stream() {
    struct Arrivals(Vec<(Stream, String, Instant)>);
    impl Output for Arrivals {
        fn write(&mut self, stream: Stream, bytes: &[u8]) {
            self.0.push((
                stream,
                String::from_utf8_lossy(bytes).into_owned(),
                Instant::now(),
            ));
        }
    }
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let mut arrivals = Arrivals(Vec::new());
    let script = Script::new("echo out\nsleep 1\necho err >&2\n");
    remote
        .run(script, Privilege::Login, Vec::new(), SOON, &mut arrivals)
        .await
        .unwrap();

    let [(Stream::Stdout, out, first), (Stream::Stderr, err, second)] = &arrivals.0[..] else {
        panic!("{:?}", arrivals.0);
    };
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
    assert!(*second - *first > Duration::from_millis(700));
}

#[tokio::test]
async fn a_mebibyte_of_values_comes_back_unaltered() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let values: Vec<u8> = (0..1 << 18_u32).flat_map(u32::to_le_bytes).collect();
    let mut printed = Vec::new();
    let script = Script::new("exec cat\n");
    let exit = remote
        .run(script, Privilege::Login, values.clone(), SOON, &mut printed)
        .await
        .unwrap();
    assert!(exit.succeeded());
    assert!(
        printed == values,
        "{} bytes came back altered",
        printed.len()
    );
}

#[tokio::test]
async fn hostile_values_stay_data() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let proof = sshd.home.join("proof");
    let value = format!(
        "'; touch {0}; \"$(touch {0})\" `touch {0}` \\",
        proof.display()
    );
    let mut printed = Vec::new();
    let script = Script::new("IFS= read -r value\nprintf '%s' \"$value\"\n");
    let values = format!("{value}\n");
    remote
        .run(
            script,
            Privilege::Login,
            values.into_bytes(),
            SOON,
            &mut printed,
        )
        .await
        .unwrap();
    assert_eq!(String::from_utf8(printed).unwrap(), value);
    assert!(!proof.exists());
}

#[tokio::test]
async fn a_script_that_reads_nothing_ends_all_the_same() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let exit = run(&*remote, Script::new("exit 3\n"), &vec![b'x'; 8 << 20]).await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(3)
        })
    );
}

#[tokio::test]
async fn a_program_left_behind_does_not_hold_up_the_end() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let started = Instant::now();
    let exit = run(&*remote, Script::new("sleep 20 &\necho started\n"), b"").await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(0)
        })
    );
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "took {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn of_thirty_scripts_at_once_at_most_eight_run_and_all_succeed() {
    const COUNT: Script = Script::new(
        "IFS= read -r folder\ncd \"$folder\"\n: > \"running.$$\"\nset -- running.*\necho \"$#\"\nsleep 0.2\nrm \"running.$$\"\n",
    );
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let folder = Arc::new(format!("{}\n", sshd.home.display()));
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (remote, folder) = (remote.clone(), folder.clone());
        runs.spawn(async move {
            let mut printed = Vec::new();
            let exit = remote
                .run(
                    COUNT,
                    Privilege::Login,
                    folder.as_bytes().to_vec(),
                    SOON,
                    &mut printed,
                )
                .await
                .unwrap();
            assert!(exit.succeeded());
            String::from_utf8(printed)
                .unwrap()
                .trim()
                .parse::<usize>()
                .unwrap()
        });
    }
    let most = runs.join_all().await.into_iter().max().unwrap();
    assert!((2..=8).contains(&most), "{most} at once");
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn a_deadline_stops_the_script_and_frees_its_session() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    // More than the server's ten sessions: each must be free again after its deadline.
    for _ in 0..12 {
        let mut printed = Vec::new();
        let started = Instant::now();
        let script = Script::new("echo $$\nexec sleep 60\n");
        let deadline = Duration::from_millis(300);
        let outcome = remote
            .run(script, Privilege::Login, Vec::new(), deadline, &mut printed)
            .await;
        assert!(
            matches!(outcome, Err(Error::Deadline { .. })),
            "{outcome:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_ends(&printed).await;
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_stops_the_script() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let mut printed = Vec::new();
    let script = Script::new("echo $$\nexec sleep 60\n");
    let running = remote.run(script, Privilege::Login, Vec::new(), SOON, &mut printed);
    assert!(
        tokio::time::timeout(Duration::from_millis(500), running)
            .await
            .is_err()
    );
    assert_ends(&printed).await;
}

#[tokio::test]
async fn a_cable_pulled_while_a_script_runs_is_a_lost_connection() {
    let sshd = Sshd::start();
    let cable = Cable::to(sshd.port).await;
    let (client, mut target, _) = sshd.log_in().await;
    target.port = cable.port;
    let remote = ssh::Connector::connect(&client, &target).await.unwrap();
    let running = run(&*remote, Script::new("sleep 5\n"), b"");
    let pulling = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cable.pull();
    };
    let (outcome, ()) = tokio::join!(running, pulling);
    assert!(matches!(outcome, Err(Error::Lost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn endless_output_is_read_in_bounded_memory() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let before = resident_kib();
    let exit = run(
        &*remote,
        Script::new("exec head -c 134217728 /dev/zero\n"),
        b"",
    )
    .await;
    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(0)
        })
    );
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "grew by {grown} KiB");
}

async fn run(remote: &dyn Remote, script: Script, values: &[u8]) -> Result<Exit, Error> {
    remote
        .run(
            script,
            Privilege::Login,
            values.to_vec(),
            SOON,
            &mut Discard,
        )
        .await
}

/// Waits until the process whose id was printed is gone.
async fn assert_ends(printed: &[u8]) {
    let id = String::from_utf8_lossy(printed).trim().to_owned();
    assert!(!id.is_empty(), "the script printed its process id");
    let process = std::path::PathBuf::from(format!("/proc/{id}"));
    for _ in 0..100 {
        if !process.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("process {id} still runs");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
