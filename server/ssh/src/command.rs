//! The only command lines that are ever sent to a server. They are constants: what varies - the script and its
//! values - travels on standard input, so that no value can become a command.

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

/// What goes to standard input: the number of lines of the script, the script, the values.
pub(crate) fn input(script: Script, values: &[u8]) -> Vec<u8> {
    let text = script.text();
    let unfinished = !text.is_empty() && !text.ends_with('\n');
    let lines = text.matches('\n').count() + usize::from(unfinished);
    let mut input = format!("{lines}\n{text}").into_bytes();
    if unfinished {
        input.push(b'\n');
    }
    input.extend_from_slice(values);
    input
}

/// Reads the script by the shell's own `read`, which takes a pipe byte by byte and so leaves the values to the
/// script. `head -c` is as exact only in GNU coreutils: the ones in Rust that Ubuntu ships since 25.10 buffer
/// standard input and swallow the first values.
macro_rules! reader {
    () => {
        r#"n=; s=; nl=$(printf "\nx"); nl=${nl%x}; read -r n || exit 125; while [ "$n" -gt 0 ]; do IFS= read -r l || exit 125; s=$s$l$nl; n=$((n-1)); done; exec /bin/sh -c "$s" brokeforge"#
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
