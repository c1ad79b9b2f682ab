use crate::remote::Script;

/// The one line that a user pastes on the server, as the login user, to let the panel in. It leaves the keys
/// that are there alone, mends a missing final newline (which would join two keys into one), and does nothing
/// when pasted again. Pasted into bash, dash, zsh or fish it means the same: one `sh -c` with quoted words.
///
/// `public_line` is the line made by [`crate::generate_key`]; characters that such a line cannot hold are
/// dropped, so that the quoting cannot be left.
pub fn authorize_command(public_line: &str) -> String {
    let line: String = public_line
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || " +/=@._-".contains(*c))
        .collect();
    format!("sh -c '{AUTHORIZE}' sh '{line}'")
}

macro_rules! authorize {
    () => {
        concat!(
            r#"umask 077; d=$HOME/.ssh; f=$d/authorized_keys; "#,
            r#"mkdir -p "$d" && chmod 700 "$d" && touch "$f" && chmod 600 "$f" && "#,
            r#"{ grep -qxF -e "$1" "$f" || { { [ -z "$(tail -c 1 "$f")" ] || echo >> "$f"; } && "#,
            r#"printf "%s\n" "$1" >> "$f"; }; } && echo "The panel may log in now.""#,
        )
    };
}

const AUTHORIZE: &str = authorize!();

/// Does what the command of [`authorize_command`] does, with the public line on standard input. Run it as
/// [`crate::Privilege::Login`].
pub const ADD_KEY: Script = Script::new(concat!(
    "IFS= read -r key && [ -n \"$key\" ] || exit 1\nset -- \"$key\"\n",
    authorize!(),
    "\n"
));

/// Allows the login user to become root without a password: writes `/etc/sudoers.d/brokeforge-USER`, checked with
/// `visudo` before it counts. Only [`crate::Remote::allow_sudo`] runs it: it learns the user from `sudo`.
pub const ALLOW_SUDO: Script = Script::new(include_str!("allow_sudo.sh"));

/// Takes away what [`ALLOW_SUDO`] wrote for the login user, whose name is given on standard input; a file that is not
/// there is no error. Run it as [`crate::Privilege::Root`].
pub const FORBID_SUDO: Script = Script::new(include_str!("forbid_sudo.sh"));

/// Takes the panel's key off the login user's `~/.ssh/authorized_keys`: every line that is exactly the public
/// line given on standard input. The file is replaced in one step and keeps its owner and mode; a key that is
/// not there is no error. Run it as [`crate::Privilege::Login`].
pub const REMOVE_KEY: Script = Script::new(include_str!("remove_key.sh"));

#[cfg(test)]
mod tests {
    use super::*;

    /// The script stands in single quotes, in any login shell; fish also knows `\\\\` and `\\'` inside of them.
    #[test]
    fn the_script_for_sudo_can_stand_in_single_quotes() {
        assert!(!ALLOW_SUDO.text().contains(['\'', '\\']));
    }

    #[test]
    fn the_command_is_one_line_and_the_quoting_cannot_be_left() {
        let command = authorize_command("ssh-ed25519 AAAA x'; rm -rf /; '\n$(id)`id`");
        assert_eq!(command.lines().count(), 1);
        assert!(
            command.ends_with("sh 'ssh-ed25519 AAAA x rm -rf / idid'"),
            "{command}"
        );
        assert_eq!(command.matches('\'').count(), 4);
    }
}
