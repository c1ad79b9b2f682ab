//! Parts of scripts, run on this machine with their folders in another place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const COMMON: &str = include_str!("scripts/common.sh");
const APT: &str = include_str!("scripts/apt.sh");
const ROLLBACK: &str = include_str!("scripts/rollback.sh");

fn run(script: &str) -> Output {
    let mut shell = Command::new("sh")
        .arg("-s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = shell.stdin.take().expect("is piped");
    stdin.write_all(script.as_bytes()).expect("it reads");
    drop(stdin);
    shell.wait_with_output().expect("it ends")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A server whose folder of the panel's is `ours`, inside of one that only its user enters.
fn in_place(script: &str, ours: &Path) -> String {
    script.replace("/var/lib/brokeforge", ours.to_str().expect("is text"))
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Holds a file's lock until it is dropped.
fn holder_of(lock: &Path) -> Running {
    let mut holder = Command::new("flock")
        .arg("--no-fork")
        .arg(lock)
        .args(["sh", "-c", "echo held; exec sleep 60"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock runs");
    let mut line = [0; 5];
    let mut stdout = holder.stdout.take().expect("is piped");
    std::io::Read::read_exact(&mut stdout, &mut line).expect("it says so");
    Running(holder)
}

/// Asks who holds a lock; `locks` stands in for the kernel's list of them.
fn ask(lock: &Path, locks: Option<&Path>) -> Output {
    let script = format!("{COMMON}{APT}apt_lock_holder\n")
        .replace(
            "/var/lib/dpkg/lock-frontend",
            lock.to_str().expect("is text"),
        )
        .replace("/var/lib/dpkg/lock ", "/no/such ")
        .replace("/var/lib/apt/lists/lock", "/no/such");
    run(&match locks {
        Some(locks) => script.replace("/proc/locks", locks.to_str().expect("is text")),
        None => script,
    })
}

#[test]
fn who_holds_the_package_lock_is_named_without_arguments() {
    let server = folder();
    let lock = server.path().join("lock");
    let holder = holder_of(&lock);
    let said = printed(&ask(&lock, None));
    assert_eq!(said, format!("sleep (process {})\n", holder.0.id()));
    drop(holder);
    assert!(!ask(&lock, None).status.success());
}

#[test]
fn a_lock_of_the_same_inode_on_another_file_system_is_another_lock() {
    let server = folder();
    let (lock, locks) = (server.path().join("lock"), server.path().join("locks"));
    fs::write(&lock, "").expect("is written");
    let inode = fs::metadata(&lock).expect("is there").ino();
    let bystander = Running(Command::new("sleep").arg("60").spawn().expect("it runs"));
    // One that can be seen and does not have the file open; one that cannot be seen.
    for pid in [bystander.0.id(), u32::MAX] {
        let line = format!("1: POSIX  ADVISORY  WRITE {pid} ff:ff:{inode} 0 EOF\n");
        fs::write(&locks, line).expect("is written");
        let asked = ask(&lock, Some(&locks));
        assert!(!asked.status.success(), "{}", printed(&asked));
    }
}

#[test]
fn a_name_that_the_kernel_cuts_off_is_told_whole() {
    let server = folder();
    let program = server.path().join("unattended-upgrade-of-all");
    fs::copy("/bin/sleep", &program).expect("is copied");
    let running = Command::new(&program).arg("60").spawn().expect("it runs");
    let running = Running(running);
    let said = run(&format!("{COMMON}{APT}command_of {}\n", running.0.id()));
    assert_eq!(printed(&said), "unattended-upgrade-of-all\n");
}

#[test]
fn a_folder_that_others_have_a_hand_in_is_refused_by_its_name() {
    let server = folder();
    let ours = server.path().join("brokeforge");
    let begin = in_place(&format!("{COMMON}own_folder\necho used\n"), &ours);
    assert_eq!(printed(&run(&begin)), "used\n");
    assert_eq!(fs::metadata(&ours).expect("is there").mode() & 0o777, 0o700);

    fs::set_permissions(&ours, fs::Permissions::from_mode(0o770)).expect("is set");
    let said = printed(&run(&begin));
    assert!(
        said.starts_with("::error Others than root may write to"),
        "{said}"
    );

    fs::remove_dir(&ours).expect("is gone");
    fs::create_dir(server.path().join("elsewhere")).expect("is made");
    symlink(server.path().join("elsewhere"), &ours).expect("is made");
    let said = printed(&run(&begin));
    assert!(
        said.starts_with("::error ") && said.contains("is a link or a file"),
        "{said}"
    );

    fs::remove_file(&ours).expect("is gone");
    fs::write(&ours, "").expect("is written");
    assert!(printed(&run(&begin)).contains("is a link or a file"));
}

#[test]
fn a_change_of_the_firewall_is_neither_begun_nor_confirmed_in_a_folder_that_is_a_link() {
    let server = folder();
    let (ours, elsewhere) = (
        server.path().join("brokeforge"),
        server.path().join("elsewhere"),
    );
    fs::create_dir_all(elsewhere.join("pending")).expect("is made");
    fs::create_dir(&ours).expect("is made");
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o700)).expect("is set");
    symlink(&elsewhere, ours.join("firewall-rollback")).expect("is made");
    for what in ["begin_change", "confirm_change", "rollback_status"] {
        let asked = run(&in_place(&format!("{COMMON}{ROLLBACK}{what}\n"), &ours));
        assert!(!asked.status.success());
        assert!(printed(&asked).contains("firewall-rollback is a link"));
        assert!(elsewhere.join("pending").exists());
    }
}

#[test]
fn a_folder_of_another_user_is_refused_by_root() {
    let server = folder();
    let ours = server.path().join("brokeforge");
    fs::create_dir(&ours).expect("is made");
    if std::os::unix::fs::chown(&ours, Some(65_534), None).is_err() {
        // Only root gives a folder away.
        return;
    }
    let said = printed(&run(&in_place(&format!("{COMMON}own_folder\n"), &ours)));
    assert!(said.contains("belongs to nobody instead of root"), "{said}");
}
