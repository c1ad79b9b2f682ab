//! The only command lines that are ever sent to a server. They are constants: what varies - the script and its
//! values - travels on standard input, so that no value can become a command.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::remote::{Privilege, Script};

/// The command line for a privilege, given whether the login user is root.
pub(crate) fn line(privilege: Privilege, login_is_root: bool) -> &'static str {
    match (privilege, login_is_root) {
        (Privilege::Login, _) | (Privilege::Root, true) => AS_LOGIN,
        (Privilege::Root, false) => AS_ROOT_BY_SUDO,
        (Privilege::App, true) => AS_APP,
        (Privilege::App, false) => AS_APP_BY_SUDO,
    }
}

/// Succeeds when the login user can become root.
pub(crate) const CHECK_SUDO: &str = "exec sudo -n -- /bin/sh -c :";

/// Runs the script that allows sudo without a password as root, for the last time with one. `-S` reads it from
/// standard input, `-k` lets no earlier answer stand in for it, and `env` keeps sudo's words in English.
pub(crate) const ALLOW_SUDO: &str = concat!(
    "exec env LC_ALL=C sudo -S -k -p \"\" -- /bin/sh -c '",
    include_str!("allow_sudo.sh"),
    "' brokeforge"
);

/// What goes to standard input: the number of lines of the script and the run's mark, the script, the values.
pub(crate) fn input(script: Script, mark: &str, values: &[u8]) -> Vec<u8> {
    let text = script.text();
    let unfinished = !text.is_empty() && !text.ends_with('\n');
    let lines = text.matches('\n').count() + usize::from(unfinished);
    let mut input = format!("{lines} {mark}\n{text}").into_bytes();
    if unfinished {
        input.push(b'\n');
    }
    input.extend_from_slice(values);
    input
}

/// Stops every process of the run whose mark it is given: they inherit the mark in their environment. sshd
/// itself stops nothing when a session is closed, and forwards no signal when the login user is root.
pub(crate) const STOP: Script = Script::new(include_str!("command/stop.sh"));

/// Names a run among all that a server may still know: unique, not secret.
pub(crate) fn new_mark() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:x}-{:x}-{run:x}",
        std::process::id(),
        since_epoch.as_nanos()
    )
}

/// Reads the script by the shell's own `read`, which takes a pipe byte by byte and so leaves the values to the
/// script. `head -c` is as exact only in GNU coreutils: the ones in Rust that Ubuntu ships since 25.10 buffer
/// standard input and swallow the first values.
macro_rules! reader {
    () => {
        r#"n=; s=; nl=$(printf "\nx"); nl=${nl%x}; read -r n BROKEFORGE_RUN || exit 125; export BROKEFORGE_RUN; while [ "$n" -gt 0 ]; do IFS= read -r l || exit 125; s=$s$l$nl; n=$((n-1)); done; exec /bin/sh -c "$s" brokeforge"#
    };
}

/// `runuser` without a login keeps root's environment: HOME and the working directory are set by hand.
macro_rules! app_reader {
    () => {
        concat!(
            r#"HOME=$(getent passwd brokeforge | cut -d: -f6); USER=brokeforge; LOGNAME=brokeforge; export HOME USER LOGNAME; cd "$HOME" || exit 125; "#,
            reader!()
        )
    };
}

const AS_LOGIN: &str = concat!("exec /bin/sh -c '", reader!(), "'");
const AS_ROOT_BY_SUDO: &str = concat!("exec sudo -n -- /bin/sh -c '", reader!(), "'");
const AS_APP: &str = concat!(
    "exec runuser -u brokeforge -- /bin/sh -c '",
    app_reader!(),
    "'"
);
const AS_APP_BY_SUDO: &str = concat!(
    "exec sudo -n -- runuser -u brokeforge -- /bin/sh -c '",
    app_reader!(),
    "'"
);

#[cfg(test)]
mod tests;
