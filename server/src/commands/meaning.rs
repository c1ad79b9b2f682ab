//! What a wrong command line probably meant.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Words that people bring from other programs, too far from ours for clap's own guess.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["start", "run", "up", "web", "server", "daemon", "launch"],
        "serve",
    ),
    (
        &["check", "diagnose", "status", "health", "test", "verify"],
        "doctor",
    ),
];
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["--port", "-p", "--host", "--bind", "--address", "--addr"],
        "give address and port together: --listen 127.0.0.1:3000",
    ),
    (
        &["--db", "--database", "--data-dir", "--dir", "--key"],
        "database and key file lie in one folder: --data FOLDER",
    ),
    (
        &["--url", "--domain", "--base-url", "--origin"],
        "the address people type: --public-url https://panel.example.com",
    ),
    (
        &["--verbose", "-v", "--debug", "--log", "--log-level"],
        "logging is set by the environment: RUST_LOG=debug brokeforge serve",
    ),
];

/// Adds what was meant to what was wrong.
pub fn explain(mut error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            if let Some(meant) = lookup(COMMANDS, &error, ContextKind::InvalidSubcommand) {
                let meant = ContextValue::Strings(vec![meant.to_owned()]);
                error.insert(ContextKind::SuggestedSubcommand, meant);
            }
        }
        ErrorKind::UnknownArgument => {
            if let Some(meant) = lookup(FLAGS, &error, ContextKind::InvalidArg) {
                let meant = ContextValue::StyledStrs(vec![meant.into()]);
                error.insert(ContextKind::Suggested, meant);
            }
        }
        _ => {}
    }
    error
}

fn lookup<'a>(table: &[(&[&str], &'a str)], error: &Error, what: ContextKind) -> Option<&'a str> {
    let Some(ContextValue::String(word)) = error.get(what) else {
        return None;
    };
    let word = word.split('=').next().unwrap_or_default();
    table
        .iter()
        .find(|(words, _)| words.contains(&word))
        .map(|(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use crate::commands::parse;

    fn refusal(words: &[&str]) -> String {
        let all = std::iter::once("brokeforge").chain(words.iter().copied());
        match parse(all) {
            Ok(_) => panic!("{words:?} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_wrong_command_is_answered_with_what_was_meant() {
        for (word, meant) in [
            ("start", "'serve'"),
            ("sevre", "'serve'"),
            ("check", "'doctor'"),
            ("docter", "'doctor'"),
        ] {
            let refusal = refusal(&[word]);
            assert!(refusal.contains(meant), "{word}: {refusal}");
        }
    }

    #[test]
    fn a_wrong_flag_is_answered_with_the_right_one() {
        for (words, meant) in [
            (&["serve", "--port", "8080"][..], "--listen 127.0.0.1:3000"),
            (&["serve", "--port=8080"], "--listen 127.0.0.1:3000"),
            (&["doctor", "--db", "x"], "--data FOLDER"),
            (&["serve", "--publicurl", "x"], "--public-url"),
            (&["serve", "--listen", "8080"], "as 127.0.0.1:8080"),
            (&["serve", "--listen", "localhost"], "as 127.0.0.1:3000"),
        ] {
            let refusal = refusal(words);
            assert!(refusal.contains(meant), "{words:?}: {refusal}");
        }
    }

    #[test]
    fn the_help_says_how_to_begin_and_every_command_has_examples() {
        use clap::CommandFactory;
        let mut command = crate::commands::Arguments::command();
        let help = command.render_long_help().to_string();
        for needed in [
            "First steps",
            "brokeforge serve",
            "brokeforge doctor",
            "BROKEFORGE_DATA",
            "brokeforge.key",
        ] {
            assert!(help.contains(needed), "{needed} is not in\n{help}");
        }
        for sub in command.get_subcommands_mut() {
            if sub.get_name() != "help" {
                let help = sub.render_long_help().to_string();
                assert!(help.contains("Examples:"), "{help}");
            }
        }
    }

    #[test]
    fn every_variable_of_the_environment_is_in_the_help() {
        use clap::CommandFactory;
        let mut command = crate::commands::Arguments::command();
        let help = command.render_long_help().to_string();
        let mut seen = 0;
        for sub in command.get_subcommands() {
            for variable in sub.get_arguments().filter_map(clap::Arg::get_env) {
                assert!(help.contains(&*variable.to_string_lossy()), "{variable:?}");
                seen += 1;
            }
        }
        assert!(seen >= 4, "only {seen} variables");
    }
}
