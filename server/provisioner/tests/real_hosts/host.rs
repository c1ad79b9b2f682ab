//! A throw-away Debian host.

use std::path::PathBuf;
use std::process::{Command, Output};

pub struct Host {
    name: String,
    pub address: String,
}

impl Host {
    /// Boots a host; `None` where none can boot, which is a failure when hosts are required.
    pub fn start(name: &str, options: &[&str]) -> Option<Self> {
        if std::env::var_os("BROKEFORGE_HOSTS").is_none() {
            assert!(
                std::env::var_os("BROKEFORGE_REQUIRE_HOSTS").is_none(),
                "real hosts are required and cannot boot; script/hosts doctor says why"
            );
            eprintln!("skipped: BROKEFORGE_HOSTS is not set");
            return None;
        }
        let name = format!("{name}-{}", std::process::id());
        let output = hosts(&[&["start", &name], options].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let address = text(&output.stdout)
            .lines()
            .last()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .to_owned();
        Some(Self { name, address })
    }

    /// Runs a shell line as root, not over SSH, and returns what it printed.
    pub fn sh(&self, line: &str) -> String {
        let output = hosts(&["exec", &self.name, line]);
        assert!(
            output.status.success(),
            "{line}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Whether a shell line succeeds.
    pub fn holds(&self, line: &str) -> bool {
        hosts(&["exec", &self.name, line]).status.success()
    }

    pub fn reboot(&self) {
        assert!(hosts(&["reboot", &self.name]).status.success());
    }

    /// Everything that a second run must leave alone: files, packages, units.
    pub fn fingerprint(&self) -> String {
        self.sh(
            "find /etc /opt /usr/local /home/brokeforge /var/www -type f -exec sha256sum {} + | sort; \
             find /etc /opt /usr/local /home/brokeforge /var/www -printf '%p %m %u %g %l\\n' | sort; \
             dpkg -l; \
             for unit in nginx 'php*-fpm' cron supervisor ssh mariadb 'postgresql@*' redis-server; do systemctl show \"$unit\" -p Id -p InvocationID; done",
        )
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        hosts(&["destroy", &self.name]);
    }
}

fn hosts(arguments: &[&str]) -> Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../script/hosts");
    Command::new(script).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
