//! When the panel must not start, it says why and leaves everything as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use provisioner::SshProber;
use ssh::fake::FakeConnector;
use tempfile::TempDir;

use crate::databases::{self, connect, dump, execute};
use crate::process::{self, Process, free_port};
use crate::support::ORIGIN;

/// The folder of a panel that was started once and stopped.
pub async fn used_folder() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let prober = Arc::new(SshProber::new(
        FakeConnector::new(),
        ssh::Reach::everywhere(),
    ));
    let database = databases::of(data.path());
    let panel = server::start::open_panel(data.path(), &database, ORIGIN, prober)
        .await
        .unwrap();
    panel.db.reads().clone().close().await.unwrap();
    panel.db.writes().clone().close().await.unwrap();
    data
}

async fn refusal(data: &Path) -> String {
    let before = dump(&connect(data).await).await;
    let output = process::run(data, free_port(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it started: {said}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("token"));
    assert_eq!(dump(&connect(data).await).await, before);
    said
}

fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[tokio::test]
async fn without_its_key_file_the_panel_does_not_start_and_makes_no_new_one() {
    let data = used_folder().await;
    let key = data.path().join("brokeforge.key");
    fs::remove_file(&key).unwrap();
    let said = refusal(data.path()).await;
    assert_says(&said, &["brokeforge.key", "is missing", "put it back"]);
    assert!(!key.exists());
}

#[tokio::test]
async fn with_the_key_file_of_another_panel_it_does_not_start_even_before_there_is_a_server() {
    let (data, other) = (used_folder().await, used_folder().await);
    let key = data.path().join("brokeforge.key");
    fs::copy(other.path().join("brokeforge.key"), &key).unwrap();
    let said = refusal(data.path()).await;
    assert_says(&said, &["is not the key file of this database"]);
}

#[tokio::test]
async fn with_a_key_file_that_others_can_read_it_does_not_start() {
    let data = used_folder().await;
    let key = data.path().join("brokeforge.key");
    for mode in [0o644, 0o640, 0o666] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let said = refusal(data.path()).await;
        assert_says(&said, &["open to others", "chmod 600"]);
    }
}

#[tokio::test]
async fn with_something_that_is_no_key_it_does_not_start() {
    let data = used_folder().await;
    let key = data.path().join("brokeforge.key");
    for content in ["", "c2hvcnQ=", "not a key at all"] {
        fs::write(&key, content).unwrap();
        assert_says(&refusal(data.path()).await, &["is not a key"]);
    }
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_left_alone() {
    let data = used_folder().await;
    let conn = connect(data.path()).await;
    execute(
        &conn,
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_the_future', 0)",
    )
    .await;
    let said = refusal(data.path()).await;
    assert_says(
        &said,
        &["newer version", "m9999_the_future", "Nothing was changed"],
    );
}

#[tokio::test]
async fn no_core_file_of_a_panel_is_ever_written() {
    let process = Process::start("info").await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let fields: Vec<_> = core.split_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"], "{core}");
    let folder = fs::metadata(process.data.path()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let key = fs::metadata(process.data.path().join("brokeforge.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}
