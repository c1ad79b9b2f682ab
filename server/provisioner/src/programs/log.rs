//! What the processes of a program printed last, as journald keeps it. Programs print any bytes.

use domain::programs::ProgramHandle;
use serde::Deserialize;
use wire::Timestamp;
use wire::programs::LogLine;

use crate::output::{Reader, Said};

/// The values that `LOG` reads.
pub fn question(program: &ProgramHandle, processes: u16) -> String {
    format!("{program}\n{processes}\n")
}

/// Reads what `LOG` prints: an entry a line, of which the first may be cut off at its beginning.
pub fn read(bytes: &[u8]) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut room = LONGEST;
    // The newest count most.
    for line in bytes.split(|byte| *byte == b'\n').rev() {
        let Some(line) = serde_json::from_slice(line).ok().and_then(line_of) else {
            continue;
        };
        let Some(rest) = room.checked_sub(line.text.len()) else {
            break;
        };
        room = rest;
        lines.push(line);
    }
    lines.reverse();
    lines
}

/// In bytes of text, for one look.
const LONGEST: usize = 128 * 1024;

/// An entry of the journal, of the fields that are asked for.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    micros: String,
    #[serde(rename = "MESSAGE")]
    message: Message,
    /// The unit that systemd tells of.
    #[serde(rename = "UNIT")]
    about: Option<String>,
    /// The unit that printed it.
    #[serde(rename = "_SYSTEMD_UNIT")]
    of: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    /// What is no text, or has control characters.
    Bytes(Vec<u8>),
}

fn line_of(entry: Entry) -> Option<LogLine> {
    let micros: i64 = entry.micros.parse().ok()?;
    let bytes = match entry.message {
        Message::Text(text) => text.into_bytes(),
        Message::Bytes(bytes) => bytes,
    };
    let unit = entry.about.as_ref().or(entry.of.as_ref());
    Some(LogLine {
        at: Timestamp(micros / 1_000),
        process: unit.and_then(|unit| number_of(unit)),
        is_about_it: entry.about.is_some(),
        text: fit_for_a_page(&bytes),
    })
}

/// `brokeforge-program-5f0c9a12b3d4e6f7@2.service` is the second process.
fn number_of(unit: &str) -> Option<i32> {
    let (_, instance) = unit.rsplit_once('@')?;
    instance.strip_suffix(".service")?.parse().ok()
}

/// Text of a server: its only control sequences are colours.
fn fit_for_a_page(bytes: &[u8]) -> String {
    let mut reader = Reader::default().heeding_no_marks();
    let mut said = reader.read(bytes);
    said.extend(reader.end());
    let text: String = said
        .into_iter()
        .filter_map(|said| match said {
            Said::Text(text) => Some(text),
            Said::Summary(_) | Said::Fact { .. } | Said::Error(_) => None,
        })
        .collect();
    text.trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_read_with_their_process_and_any_bytes_are_made_fit_for_a_page() {
        let told = br#"_MESSAGE":"cut off at its beginning"}
{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1798761600000000","MESSAGE":"<b>one</b> ::error no","_SYSTEMD_UNIT":"brokeforge-program-5f0c9a12b3d4e6f7@2.service"}
{"__REALTIME_TIMESTAMP":"1798761601500999","MESSAGE":[27,91,51,49,109,114,101,100,255,0,27,91,109],"_SYSTEMD_UNIT":"brokeforge-program-5f0c9a12b3d4e6f7@1.service"}
{"__REALTIME_TIMESTAMP":"1798761602000000","MESSAGE":"Main process exited","UNIT":"brokeforge-program-5f0c9a12b3d4e6f7@1.service","_SYSTEMD_UNIT":"init.scope"}
{"__REALTIME_TIMESTAMP":"1798761603000000","MESSAGE":null,"_SYSTEMD_UNIT":"x"}
"#;
        let lines = read(told);
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.process, line.is_about_it, &*line.text))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(2), false, "<b>one</b> ::error no"),
                (Some(1), false, "\u{1b}[0;31mred\u{fffd}\u{1b}[0m"),
                (Some(1), true, "Main process exited"),
            ]
        );
        assert_eq!(lines[1].at, Timestamp(1_798_761_601_500));
    }

    #[test]
    fn of_too_much_the_newest_is_kept() {
        let entry = |place: usize| {
            let text = "x".repeat(5_000);
            format!("{{\"__REALTIME_TIMESTAMP\":\"{place}000\",\"MESSAGE\":\"{text}\"}}\n")
        };
        let told: String = (0..200).map(entry).collect();
        let lines = read(told.as_bytes());
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= LONGEST && lines.len() > 20, "{bytes}");
        assert_eq!(lines.last().map(|line| line.at), Some(Timestamp(199)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(read(&bytes));
            let entry = serde_json::json!({ "__REALTIME_TIMESTAMP": "5", "MESSAGE": bytes });
            let lines = read(entry.to_string().as_bytes());
            prop_assert_eq!(lines.len(), 1);
            prop_assert!(!lines[0].text.contains('\0'));
        }
    }
}
