//! An sshd of our own: unprivileged configuration, own keys, loopback, gone with the test.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use ssh::{Client, Connector, KeyPair, PinnedHostKey, Remote, Target, generate_key};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

pub struct Sshd {
    pub port: u16,
    pub home: PathBuf,
    process: Child,
    folder: TempDir,
}

impl Sshd {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// `settings` come first, so that they win over the defaults here.
    pub fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_secret(
            &folder.path().join("ssh_host_ed25519_key"),
            &generate_host_key(),
        );
        Self::serve(
            folder,
            &format!("{settings}\nHostKey {{folder}}/ssh_host_ed25519_key"),
        )
    }

    /// A server with a key made by `ssh-keygen -t kind`.
    pub fn start_with_host_key(kind: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("host_key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-t", kind, "-f"])
            .arg(&key)
            .status()
            .expect("ssh-keygen runs (Debian package openssh-client)");
        assert!(made.success());
        Self::serve(folder, "HostKey {folder}/host_key")
    }

    fn serve(folder: TempDir, settings: &str) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: these tests need the Debian package openssh-server"
        );
        if own_user() == "root" {
            // sshd started by root insists on it; the package's service makes it at boot.
            fs::create_dir_all("/run/sshd").expect("/run/sshd can be made");
        }
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("a home folder");
        for _ in 0..5 {
            let port = free_port();
            let process = spawn(folder.path(), &home, port, settings);
            let mut sshd = Self {
                port,
                home: home.clone(),
                process,
                folder: empty_folder(),
            };
            if sshd.listens() {
                sshd.folder = folder;
                return sshd;
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("sshd does not start: {log}");
    }

    /// Another test may have taken the port in between.
    fn listens(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if self
                .process
                .try_wait()
                .expect("sshd can be asked")
                .is_some()
            {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The same server at the same port, installed anew: another host key, the same users.
    #[allow(
        dead_code,
        reason = "for the panel's own tests, which take this file in"
    )]
    pub async fn change_host_key(&self) {
        let before = self.host_key().await;
        write_secret(
            &self.folder.path().join("ssh_host_ed25519_key"),
            &generate_host_key(),
        );
        // It reads its keys again on SIGHUP.
        let told = Command::new("kill")
            .args(["-HUP", &self.process.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(told.success());
        for _ in 0..500 {
            let now = ssh::fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", self.port).await;
            if now.is_ok_and(|now| now != before) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("sshd shows the old host key: {}", self.log());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// Where its key is, if `start_with_host_key` made it.
    pub fn host_key_file(&self) -> PathBuf {
        self.folder.path().join("host_key")
    }

    pub fn authorized_keys(&self) -> PathBuf {
        self.home.join(".ssh/authorized_keys")
    }

    pub fn authorize(&self, key: &KeyPair) {
        fs::create_dir_all(self.home.join(".ssh")).expect("a folder");
        fs::write(self.authorized_keys(), format!("{}\n", key.public_line)).expect("a file");
    }

    pub async fn host_key(&self) -> PinnedHostKey {
        ssh::fetch_host_key(&ssh::Reach::everywhere(), "127.0.0.1", self.port)
            .await
            .expect("sshd shows its host key")
    }

    pub async fn target(&self, key: &KeyPair) -> Target {
        target(self.port, self.host_key().await, key)
    }

    /// A new key, authorized and logged in.
    pub async fn log_in(&self) -> (Client, Target, Arc<dyn Remote>) {
        let key = generate_key("test").expect("a key");
        self.authorize(&key);
        let target = self.target(&key).await;
        let client = Client::new(ssh::Reach::everywhere());
        let remote = client.connect(&target).await.expect("the key is accepted");
        (client, target, remote)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn target(port: u16, host_key: PinnedHostKey, key: &KeyPair) -> Target {
    Target {
        server: 1,
        address: "127.0.0.1".into(),
        port,
        user: own_user(),
        host_key,
        private_key: key.private_key.clone(),
    }
}

pub fn own_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn generate_host_key() -> String {
    generate_key("host")
        .expect("a key")
        .private_key
        .expose_secret()
        .to_owned()
}

/// `MaxStartups`: by itself sshd turns some away when ten wait for their login, and on a busy machine those who have
/// gone long ago still count.
fn spawn(folder: &Path, home: &Path, port: u16, settings: &str) -> Child {
    let configuration = format!(
        "{}
Port {port}
ListenAddress 127.0.0.1
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel DEBUG1
MaxStartups 200
AuthorizedKeysFile {home}/.ssh/authorized_keys
SetEnv HOME={home}
",
        settings.replace("{folder}", &folder.display().to_string()),
        home = home.display(),
    );
    let file = folder.join("sshd_config");
    fs::write(&file, configuration).expect("a configuration");
    Command::new(SSHD)
        .args(["-D", "-f"])
        .arg(&file)
        .arg("-E")
        .arg(folder.join("log"))
        .stdin(Stdio::null())
        .spawn()
        .expect("sshd starts")
}

fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("a key file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn empty_folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
