//! `brokeforge doctor` as somebody runs it who has a problem.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::databases::{connect, execute, is_postgres};
use crate::process::{self, Process, free_port};
use crate::starting::used_folder;

/// A panel that writes nothing for the next minute: it has stored when it was here.
async fn quiet_panel() -> Process {
    let panel = Process::start("warn").await;
    let seen = panel.data.path().join("brokeforge.seen");
    for attempt in 0.. {
        if seen.exists() {
            break;
        }
        assert!(attempt < 200, "it never stored when it was here");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panel
}

/// What it found, by the name of the check.
struct Report {
    code: Option<i32>,
    findings: BTreeMap<String, Value>,
}

impl Report {
    fn level(&self, check: &str) -> &str {
        self.findings[check]["level"].as_str().unwrap()
    }

    fn assert_wrong(&self, check: &str, words: &[&str]) {
        let finding = &self.findings[check];
        let text = finding.to_string();
        assert_eq!(finding["level"], "wrong", "{text}");
        assert!(finding["advice"].is_string(), "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text}");
        }
        assert_eq!(self.code, Some(1));
    }
}

/// Runs doctor beside whatever is there, and checks that it changed nothing.
async fn doctor(data: &Path, port: u16, more: &[&str]) -> Report {
    fs::create_dir_all(data.join("site/pkg")).unwrap();
    fs::write(data.join("site/pkg/brokeforge.wasm"), "").unwrap();
    let before = files(data);
    let arguments: Vec<String> = ["doctor", "--json"]
        .iter()
        .chain(more)
        .map(|word| (*word).to_owned())
        .collect();
    let folder = data.to_owned();
    // In a thread: the proxy of a test must go on working meanwhile.
    let output = tokio::task::spawn_blocking(move || {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        process::run(&folder, port, &words)
    })
    .await
    .unwrap();
    assert_eq!(files(data), before, "doctor changed something");
    let printed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let findings = printed["findings"].as_array().unwrap().iter();
    Report {
        code: output.status.code(),
        findings: findings
            .map(|finding| {
                (
                    finding["check"].as_str().unwrap().to_owned(),
                    finding.clone(),
                )
            })
            .collect(),
    }
}

/// Name, time and content of every file; SQLite's index of its log is memory, not data.
fn files(folder: &Path) -> Vec<(String, SystemTime, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|kind| kind != "db-shm"))
        .map(|path| {
            let changed = fs::metadata(&path).unwrap().modified().unwrap();
            (
                path.display().to_string(),
                changed,
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_panel_everything_is_fine_and_the_socket_is_really_opened() {
    let panel = quiet_panel().await;
    let report = doctor(panel.data.path(), panel.port, &[]).await;
    for check in [
        "database",
        "schema",
        "key",
        "clock",
        "disk",
        "site",
        "port",
        "address",
        "websocket",
    ] {
        assert_eq!(report.level(check), "fine", "{:?}", report.findings);
    }
    assert_eq!(report.level("accounts"), "note");
    assert!(
        report.findings["accounts"]["advice"]
            .to_string()
            .contains("setup token")
    );
    assert!(
        report.findings["websocket"]["found"]
            .to_string()
            .contains("frames get through")
    );
    assert_eq!(report.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_start_and_while_it_is_stopped_nothing_is_wrong() {
    let empty = tempfile::tempdir().unwrap();
    let report = doctor(empty.path(), free_port(), &[]).await;
    assert_eq!(report.code, Some(0), "{:?}", report.findings);
    if is_postgres() {
        assert_eq!(report.level("database"), "fine", "{:?}", report.findings);
        assert_eq!(report.level("notices"), "fine", "{:?}", report.findings);
        assert_eq!(report.level("schema"), "note", "{:?}", report.findings);
    } else {
        assert!(
            report.findings["database"]["advice"]
                .to_string()
                .contains("--data")
        );
    }
    assert!(!empty.path().join("brokeforge.db").exists());

    let stopped = used_folder().await;
    let report = doctor(stopped.path(), free_port(), &[]).await;
    assert_eq!(report.code, Some(0), "{:?}", report.findings);
    assert_eq!(report.level("database"), "fine");
    assert_eq!(report.level("websocket"), "note");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_missing_wrong_or_open_is_named() {
    let data = used_folder().await;
    let key = data.path().join("brokeforge.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    doctor(data.path(), free_port(), &[])
        .await
        .assert_wrong("key", &["chmod 600"]);

    fs::remove_file(&key).unwrap();
    doctor(data.path(), free_port(), &[])
        .await
        .assert_wrong("key", &["backup"]);

    let other = used_folder().await;
    fs::copy(other.path().join("brokeforge.key"), &key).unwrap();
    let report = doctor(data.path(), free_port(), &[]).await;
    report.assert_wrong("key", &["not the key file of this database"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_a_damaged_and_a_future_database_are_told_apart() {
    let data = used_folder().await;
    let conn = connect(data.path()).await;
    execute(
        &conn,
        "INSERT INTO users (name, email, password_hash, created_at) VALUES ('a', 'b', 'c', 4000000000000)",
    )
    .await;
    execute(
        &conn,
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_the_future', 0)",
    )
    .await;
    conn.close().await.unwrap();
    let report = doctor(data.path(), free_port(), &[]).await;
    report.assert_wrong("schema", &["newer version", "m9999_the_future"]);
    report.assert_wrong("clock", &["the database has an entry of 2096"]);

    if is_postgres() {
        return;
    }
    let file = fs::File::options()
        .write(true)
        .open(data.path().join("brokeforge.db"))
        .unwrap();
    for page in 1..8 {
        file.write_all_at(&[0xff; 2048], page * 4096).unwrap();
    }
    let report = doctor(data.path(), free_port(), &[]).await;
    report.assert_wrong("database", &["backup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_program_has_is_no_panel() {
    let data = used_folder().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = other.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await;
        }
    });
    let report = doctor(data.path(), port, &[]).await;
    report.assert_wrong("port", &["another program", "ss -ltnp"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_drops_the_upgrade_header_is_found_out() {
    let panel = quiet_panel().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let behind = panel.port;
    tokio::spawn(async move {
        while let Ok((stream, _)) = proxy.accept().await {
            tokio::spawn(forward_without_upgrade(stream, behind));
        }
    });
    let report = doctor(panel.data.path(), panel.port, &["--public-url", &url]).await;
    assert_eq!(report.level("address"), "fine", "{:?}", report.findings);
    report.assert_wrong(
        "websocket",
        &["drops the Upgrade header", "docs/install.md"],
    );
}

/// What nginx does without `proxy_set_header Upgrade`: the request goes on without hop-by-hop headers.
async fn forward_without_upgrade(mut client: TcpStream, port: u16) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let kept: Vec<_> = head
        .trim_end()
        .lines()
        .filter(|line| {
            let name = line.split(':').next().unwrap_or_default().to_lowercase();
            !matches!(name.as_str(), "upgrade" | "connection")
        })
        .collect();
    let mut panel = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n"));
    panel.write_all(request.as_bytes()).await?;
    tokio::io::copy(&mut panel, &mut client).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_cannot_work_are_named_with_the_way_out() {
    let data = used_folder().await;
    for (url, words) in [
        ("http://panel.example.com", &["plain http", "https://"][..]),
        ("https://panel.invalid", &["does not resolve", "DNS"]),
        ("http://127.0.0.1:1", &["does not take a connection"]),
        ("panel.example.com", &["https://panel.example.com"]),
    ] {
        let report = doctor(data.path(), free_port(), &["--public-url", url]).await;
        report.assert_wrong("address", words);
    }
}
