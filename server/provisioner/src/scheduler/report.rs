//! A run as its server wrote it down: one line, then what the command printed.

use domain::scheduler::RunReport;
use wire::Timestamp;
use wire::scheduler::{RunState, Trigger};

use crate::output::{Reader, Said};

/// More than the program on the server ever sends.
pub const LONGEST: usize = 64 * 1024;

/// Reads a report. Who sends one need not be that program.
pub fn parse(bytes: &[u8]) -> Option<RunReport> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let words: Vec<_> = line.split(' ').collect();
    let ["run", key, state, trigger, started_at, ended_at, code] = words[..] else {
        return None;
    };
    Some(RunReport {
        key: Some(key).filter(|key| is_key(key))?.to_owned(),
        state: RunState::parse(state)?,
        trigger: Trigger::parse(trigger)?,
        started_at: time(started_at)?,
        ended_at: match ended_at {
            "-" => None,
            text => Some(time(text)?),
        },
        exit_code: match code {
            "-" => None,
            text => Some(text.parse().ok().filter(|code| (0..=255).contains(code))?),
        },
        output: fit_for_a_page(&bytes[end + 1..bytes.len().min(LONGEST)]),
    })
}

/// Text of a server: its only control sequences are colours, and it holds nothing that a database would refuse.
fn fit_for_a_page(bytes: &[u8]) -> String {
    let mut reader = Reader::default().heeding_no_marks();
    let mut said = reader.read(bytes);
    said.extend(reader.end());
    said.into_iter()
        .filter_map(|said| match said {
            Said::Text(text) => Some(text),
            Said::Summary(_) | Said::Fact { .. } | Said::Error(_) => None,
        })
        .collect()
}

fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte) || byte == b'-';
    (8..=40).contains(&key.len()) && key.bytes().all(plain)
}

/// Milliseconds of a year that a calendar has.
fn time(text: &str) -> Option<Timestamp> {
    const END: i64 = 253_402_300_800_000;
    let millis = text.parse().ok()?;
    (0..END).contains(&millis).then_some(Timestamp(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_is_read_with_what_was_printed_fit_for_a_page() {
        let bytes = b"run 1798761600000-0a1b2c3d failed cron 1798761600000 1798761601500 3\n\
                      \x1b]0;title\x07one\n::fact firewall_enabled no\n\xff\0two";
        let report = parse(bytes).expect("is one");
        assert_eq!(report.key, "1798761600000-0a1b2c3d");
        assert_eq!(
            (report.state, report.exit_code),
            (RunState::Failed, Some(3))
        );
        assert_eq!(report.ended_at, Some(Timestamp(1_798_761_601_500)));
        assert_eq!(
            report.output,
            "one\n::fact firewall_enabled no\n\u{fffd}two\n"
        );
        let running = parse(b"run 1798761600000-0a1b2c3d running panel 5 - -\n").expect("is one");
        assert_eq!((running.ended_at, running.exit_code), (None, None));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in [
            "",
            "run",
            "run 1798761600000-0a1b2c3d failed cron 1 2 3",
            "run ../../../etc/passwd0 failed cron 1 2 3\n",
            "run 1798761600000-0a1b2c3d active cron 1 2 3\n",
            "run 1798761600000-0a1b2c3d failed you 1 2 3\n",
            "run 1798761600000-0a1b2c3d failed cron -1 2 3\n",
            "run 1798761600000-0a1b2c3d failed cron 99999999999999999 2 3\n",
            "run 1798761600000-0a1b2c3d failed cron 1 2 256\n",
            "run 1798761600000-0a1b2c3d failed cron 1 2 3 4\n",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(parse(&bytes));
            let mut report = b"run 1798761600000-0a1b2c3d failed cron 1 2 3\n".to_vec();
            report.extend(&bytes);
            let output = parse(&report).map(|report| report.output).unwrap_or_default();
            prop_assert!(!output.contains('\0'));
        }
    }
}
