use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ssh::{
    Client, Connector, Discard, Error, Exit, ExitStatus, Privilege, REMOVE_KEY, authorize_command,
    generate_key,
};

use crate::sshd::Sshd;

const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me";

#[test]
fn the_command_pasted_twice_into_a_file_without_final_newline_adds_one_line() {
    for shell in shells() {
        let home = tempfile::tempdir().unwrap();
        let keys = home.path().join(".ssh/authorized_keys");
        fs::create_dir(home.path().join(".ssh")).unwrap();
        fs::write(&keys, OTHER).unwrap();
        let line = generate_key("panel").unwrap().public_line;

        for _ in 0..2 {
            let output = paste(shell, home.path(), &authorize_command(&line));
            assert!(output.status.success(), "{shell}: {output:?}");
            assert!(output.stderr.is_empty(), "{shell}: {output:?}");
        }

        assert_eq!(
            fs::read_to_string(&keys).unwrap(),
            format!("{OTHER}\n{line}\n"),
            "{shell}"
        );
    }
}

#[test]
fn the_command_makes_what_is_missing_with_strict_modes() {
    for shell in shells() {
        let home = tempfile::Builder::new()
            .prefix("home with 'blanks")
            .tempdir()
            .unwrap();
        let line = generate_key("panel").unwrap().public_line;
        assert!(
            paste(shell, home.path(), &authorize_command(&line))
                .status
                .success()
        );
        let keys = home.path().join(".ssh/authorized_keys");
        assert_eq!(
            fs::read_to_string(&keys).unwrap(),
            format!("{line}\n"),
            "{shell}"
        );
        assert_eq!(mode(&home.path().join(".ssh")), 0o700, "{shell}");
        assert_eq!(mode(&keys), 0o600, "{shell}");
    }
}

#[test]
fn the_command_does_not_take_a_longer_line_for_the_key() {
    let home = tempfile::tempdir().unwrap();
    let line = generate_key("panel").unwrap().public_line;
    let commented = format!("#{line}\n{line} and more\n");
    fs::create_dir(home.path().join(".ssh")).unwrap();
    fs::write(home.path().join(".ssh/authorized_keys"), &commented).unwrap();
    assert!(
        paste("dash", home.path(), &authorize_command(&line))
            .status
            .success()
    );
    let now = fs::read_to_string(home.path().join(".ssh/authorized_keys")).unwrap();
    assert_eq!(now, format!("{commented}{line}\n"));
}

#[tokio::test]
async fn the_pasted_command_lets_the_panel_in_and_the_removal_locks_it_out() {
    let sshd = Sshd::start();
    let key = generate_key("panel").unwrap();
    fs::create_dir(sshd.home.join(".ssh")).unwrap();
    fs::write(sshd.authorized_keys(), format!("# mine\n{OTHER}\n")).unwrap();
    fs::set_permissions(sshd.authorized_keys(), fs::Permissions::from_mode(0o640)).unwrap();
    let target = sshd.target(&key).await;
    let client = Client::new(ssh::Reach::everywhere());
    assert!(matches!(
        client.connect(&target).await.map(|_| ()),
        Err(Error::KeyRefused { .. })
    ));

    assert!(
        paste("bash", &sshd.home, &authorize_command(&key.public_line))
            .status
            .success()
    );
    let remote = client.connect(&target).await.unwrap();
    fs::set_permissions(sshd.authorized_keys(), fs::Permissions::from_mode(0o640)).unwrap();

    for _ in 0..2 {
        let mut printed = Vec::new();
        let exit = remote
            .run(
                REMOVE_KEY,
                Privilege::Login,
                format!("{}\n", key.public_line).into_bytes(),
                Duration::from_secs(20),
                &mut printed,
            )
            .await;
        let done = Ok(Exit {
            status: ExitStatus::Code(0),
        });
        assert_eq!(exit, done, "{}", String::from_utf8_lossy(&printed));
    }

    assert_eq!(
        fs::read_to_string(sshd.authorized_keys()).unwrap(),
        format!("# mine\n{OTHER}\n")
    );
    assert_eq!(mode(&sshd.authorized_keys()), 0o640);
    assert_eq!(
        fs::read_dir(sshd.home.join(".ssh")).unwrap().count(),
        1,
        "no file is left behind"
    );
    client.forget(target.server).await;
    assert!(matches!(
        client.connect(&target).await.map(|_| ()),
        Err(Error::KeyRefused { .. })
    ));
}

#[tokio::test]
async fn removing_the_only_key_through_a_link_leaves_the_link_and_an_empty_file() {
    let sshd = Sshd::start();
    let (_, _, remote) = sshd.log_in().await;
    let line = fs::read_to_string(sshd.authorized_keys()).unwrap();
    let real = sshd.home.join("real_keys");
    fs::rename(sshd.authorized_keys(), &real).unwrap();
    std::os::unix::fs::symlink(&real, sshd.authorized_keys()).unwrap();

    let exit = remote
        .run(
            REMOVE_KEY,
            Privilege::Login,
            line.into_bytes(),
            Duration::from_secs(20),
            &mut Discard,
        )
        .await;

    assert_eq!(
        exit,
        Ok(Exit {
            status: ExitStatus::Code(0)
        })
    );
    assert_eq!(fs::read_to_string(&real).unwrap(), "");
    assert!(
        fs::symlink_metadata(sshd.authorized_keys())
            .unwrap()
            .is_symlink()
    );
}

fn paste(shell: &str, home: &Path, command: &str) -> Output {
    Command::new(shell)
        .args(["-c", command])
        .env("HOME", home)
        .output()
        .expect("the shell runs")
}

/// Bash and dash stand on every Debian; fish only where it was installed.
fn shells() -> Vec<&'static str> {
    let mut shells = vec!["bash", "dash"];
    if Command::new("fish").arg("--version").output().is_ok() {
        shells.push("fish");
    }
    shells
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
