//! Findings as lines for people, or as JSON.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stdout};

use anyhow::Result;
use serde_json::json;

use super::{Finding, Level};

/// # Errors
/// When standard output is closed.
pub fn print(findings: &[Finding], as_json: bool) -> Result<()> {
    let text = if as_json {
        let wrong = wrong(findings);
        let all = json!({ "sound": wrong == 0, "wrong": wrong, "findings": findings });
        serde_json::to_string_pretty(&all)? + "\n"
    } else {
        let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        lines(findings, colours)
    };
    stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// `✓ fine   database   .../brokeforge.db opens`, and below it what to do.
fn lines(findings: &[Finding], colours: bool) -> String {
    let mut text = format!("BrokeForge {}\n\n", env!("CARGO_PKG_VERSION"));
    for finding in findings {
        let (mark, colour) = match finding.level {
            Level::Fine => ("✓ fine ", "32"),
            Level::Note => ("• note ", "33"),
            Level::Wrong => ("✗ WRONG", "31"),
        };
        let mark = if colours {
            format!("\u{1b}[{colour}m{mark}\u{1b}[0m")
        } else {
            mark.to_owned()
        };
        let _ = writeln!(text, "{mark}  {:<11} {}", finding.check, finding.found);
        if let Some(advice) = &finding.advice {
            let _ = writeln!(text, "{:22}-> {advice}", "");
        }
    }
    let end = match wrong(findings) {
        0 => "Nothing is wrong.".to_owned(),
        1 => "1 thing is wrong.".to_owned(),
        more => format!("{more} things are wrong."),
    };
    text + "\n" + &end + "\n"
}

fn wrong(findings: &[Finding]) -> usize {
    findings
        .iter()
        .filter(|finding| finding.level == Level::Wrong)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_word_what_was_found_and_below_it_what_to_do() {
        let findings = [
            Finding::fine("database", "data/brokeforge.db opens"),
            Finding::wrong("port", "taken", "choose another one"),
        ];
        let text = lines(&findings, false);
        assert!(
            text.contains("✓ fine   database    data/brokeforge.db opens\n"),
            "{text}"
        );
        assert!(text.contains("✗ WRONG  port        taken\n"), "{text}");
        assert!(text.contains("-> choose another one\n"), "{text}");
        assert!(text.ends_with("1 thing is wrong.\n"), "{text}");
        assert!(!text.contains('\u{1b}') && lines(&findings, true).contains('\u{1b}'));
    }
}
