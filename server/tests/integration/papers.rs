//! The papers say what is so: commands, files and messages that they name exist.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn papers() -> Vec<(PathBuf, String)> {
    let mut all: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
        .iter()
        .map(|name| Path::new(ROOT).join(name))
        .collect();
    for entry in fs::read_dir(Path::new(ROOT).join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "md") {
            all.push(path);
        }
    }
    all.into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The texts between two marks of one kind, on one line each.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((inside, behind)) = after.split_once(close) else {
                break;
            };
            found.push(inside);
            rest = behind;
        }
    }
    found
}

#[test]
fn every_link_in_the_papers_leads_somewhere() {
    let mut checked = 0;
    for (paper, text) in papers() {
        for target in between(&text, "](", ")") {
            if target.contains("://") {
                continue;
            }
            let file = target.split('#').next().unwrap();
            let path = paper.parent().unwrap().join(file);
            assert!(path.exists(), "{}: {target}", paper.display());
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} links");
}

#[test]
fn every_command_and_file_named_in_the_papers_exists() {
    let mut checked = 0;
    for (paper, text) in papers() {
        let words = text
            .split(|character: char| character.is_whitespace() || "`(),;:\"'|".contains(character));
        for word in words {
            let word = word.trim_end_matches(['.', '/']);
            let is_ours = [
                "script/",
                "server/",
                "app/",
                "end2end/",
                "docs/",
                "style/",
                "migrations/",
                "frontend/",
                ".ci/",
                // As which a crate's folder was once named: nothing is there.
                "provisioner/",
                "domain/",
                "wire/",
                "ssh/",
            ]
            .iter()
            .any(|folder| word.starts_with(folder));
            // `<feature>` and `m000N` stand for names; `*` for many files.
            if is_ours && !word.contains(['<', '*', '{', 'N']) {
                let path = Path::new(ROOT).join(word);
                assert!(path.exists(), "{}: {word}", paper.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 20, "only {checked} names");
}

/// Everything the panel and its scripts can say, with the line breaks inside texts taken out.
fn everything_said() -> String {
    let mut all = String::new();
    for folder in [
        "app/src",
        "app/wire/src",
        "server/src",
        "server/domain/src",
        "server/provisioner/src",
        "server/ssh/src",
        "script",
    ] {
        collect(&Path::new(ROOT).join(folder), &mut all);
    }
    let mut joined = String::new();
    for line in all.lines() {
        if let Some(unfinished) = line.strip_suffix('\\') {
            joined += unfinished.trim_start();
        } else {
            joined += line.trim_start();
            joined.push('\n');
        }
    }
    joined.replace("\\\"", "\"")
}

fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push_str(&text);
            into.push('\n');
        }
    }
}

/// A message stands in the first cell of a row, in quotes; `...` stands for what differs.
#[test]
fn every_message_in_the_troubleshooting_is_one_that_the_panel_can_say() {
    let paper = fs::read_to_string(Path::new(ROOT).join("docs/troubleshooting.md")).unwrap();
    let said = everything_said();
    let mut checked = 0;
    for row in paper.lines().filter(|line| line.starts_with("| \"")) {
        let cell = row.split('|').nth(1).unwrap();
        for message in between(cell, "\"", "\"") {
            for part in message.split("...") {
                let part = part.trim();
                if !part.is_empty() {
                    assert!(said.contains(part), "nobody says {part:?}: {row}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 20, "only {checked} messages");
}

#[test]
fn every_variable_and_flag_in_the_papers_is_one_that_the_binary_takes() {
    use clap::CommandFactory;
    let command = server::commands::Arguments::command();
    let known: Vec<String> = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .flat_map(|argument| {
            let long = argument.get_long().map(|name| format!("--{name}"));
            let variable = argument
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            [long, variable].into_iter().flatten()
        })
        .collect();
    let install = fs::read_to_string(Path::new(ROOT).join("docs/install.md")).unwrap();
    let mut checked = 0;
    for variable in install
        .split(|character: char| !character.is_ascii_uppercase() && character != '_')
        .filter(|word| word.starts_with("BROKEFORGE_"))
    {
        assert!(known.iter().any(|name| name == variable), "{variable}");
        checked += 1;
    }
    for (paper, text) in papers() {
        for line in text.lines().filter_map(|line| {
            line.split_once("brokeforge serve")
                .or_else(|| line.split_once("brokeforge doctor"))
        }) {
            for flag in line
                .1
                .split_whitespace()
                .filter(|word| word.starts_with("--"))
            {
                let flag = flag.trim_end_matches(['`', ',', '.']);
                let is_known = known.iter().any(|name| name == flag) || flag == "--help";
                assert!(is_known, "{}: {flag}", paper.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 3, "only {checked}");
}

#[test]
fn what_is_kept_and_for_how_long_is_what_the_paper_says() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let paper = fs::read_to_string(Path::new(ROOT).join("docs/install.md")).unwrap();
    let paper = paper.split_whitespace().collect::<Vec<_>>().join(" ");
    let sessions = domain::retention::DEAD_SESSIONS_MS / DAY_MS;
    let output = domain::retention::OUTPUT_MS / DAY_MS;
    let last = domain::retention::OUTPUT_OF_LAST;
    let runs = domain::retention::RUNS_MS / DAY_MS;
    for said in [
        format!("over for {sessions} days"),
        format!("older than {output} days"),
        format!("last {last} operations"),
        format!("stay for {runs} days"),
    ] {
        assert!(paper.contains(&said), "{said}");
    }
}
