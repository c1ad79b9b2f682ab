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

const AUTHORIZE: &str = concat!(
    r#"umask 077; d=$HOME/.ssh; f=$d/authorized_keys; "#,
    r#"mkdir -p "$d" && chmod 700 "$d" && touch "$f" && chmod 600 "$f" && "#,
    r#"{ grep -qxF -e "$1" "$f" || { { [ -z "$(tail -c 1 "$f")" ] || echo >> "$f"; } && "#,
    r#"printf "%s\n" "$1" >> "$f"; }; } && echo "The panel may log in now.""#,
);

/// Takes the panel's key off the login user's `~/.ssh/authorized_keys`: every line that is exactly the public
/// line given on standard input. The file is replaced in one step and keeps its owner and mode; a key that is
/// not there is no error. Run it as [`crate::Privilege::Login`].
pub const REMOVE_KEY: Script = Script::new(include_str!("remove_key.sh"));

#[cfg(test)]
mod tests {
    use super::*;

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
