//! What a server printed, made fit for a page: text without control sequences, and the marks by
//! which our own scripts report.

use vte::{Params, Parser, Perform};
use wire::text::is_invisible_mark;

/// A line longer than this is cut in two: a server that never ends its line must not fill memory.
const LONGEST_LINE: usize = 8 * 1024;

/// Turns bytes as they come into lines.
#[derive(Default)]
pub struct Reader {
    parser: Parser,
    line: Line,
}

/// One thing that a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Shown as it is, with its line end.
    Text(String),
    /// `::summary TEXT`: what the step found or did.
    Summary(String),
    /// `::fact KEY VALUE`
    Fact { key: String, value: String },
    /// `::error TEXT`: what went wrong and what to do next.
    Error(String),
}

impl Reader {
    /// Reads on. Any bytes are fine; a character cut in two waits for its other half.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Said> {
        self.parser.advance(&mut self.line, bytes);
        std::mem::take(&mut self.line.ready)
    }

    /// What is left when nothing more comes.
    pub fn end(&mut self) -> Vec<Said> {
        if !self.line.text.is_empty() {
            self.line.finish();
        }
        std::mem::take(&mut self.line.ready)
    }
}

#[derive(Default)]
struct Line {
    text: String,
    ready: Vec<Said>,
}

impl Line {
    fn finish(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.ready.push(said(text));
    }

    fn add(&mut self, character: char) {
        self.text.push(if is_invisible_mark(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        });
        if self.text.len() >= LONGEST_LINE {
            self.finish();
        }
    }
}

impl Perform for Line {
    fn print(&mut self, character: char) {
        // vte hands DEL and the C1 controls to `print` when they come as UTF-8.
        if !character.is_control() {
            self.add(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.finish(),
            b'\t' => self.add('\t'),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, _: &Params, _: &[u8], _: bool, _: char) {}
}

fn said(line: String) -> Said {
    if let Some(text) = line.strip_prefix("::summary ") {
        return Said::Summary(text.trim().to_owned());
    }
    if let Some(text) = line.strip_prefix("::error ") {
        return Said::Error(text.trim().to_owned());
    }
    if let Some((key, value)) = line
        .strip_prefix("::fact ")
        .and_then(|fact| fact.split_once(' '))
    {
        return Said::Fact {
            key: key.to_owned(),
            value: value.trim().to_owned(),
        };
    }
    Said::Text(line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Said> {
        let mut reader = Reader::default();
        let mut all: Vec<_> = pieces.iter().flat_map(|piece| reader.read(piece)).collect();
        all.extend(reader.end());
        all
    }

    fn text(line: &str) -> Said {
        Said::Text(line.to_owned())
    }

    #[test]
    fn control_sequences_are_taken_out_and_text_stays() {
        let hostile = b"\x1b[31mred\x1b[0m\ttab\x07\n\x1b]0;title\x07after\r\n\x1b]8;;http://evil\x1b\\link\n";
        assert_eq!(
            read(&[hostile]),
            [text("red\ttab\n"), text("after\n"), text("link\n")]
        );
    }

    #[test]
    fn a_character_cut_in_two_is_whole_again() {
        assert_eq!(
            read(&["gr\u{fc}n\n".as_bytes()]),
            read(&[b"gr\xc3", b"\xbcn\n"])
        );
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_it() {
        let lines = read(&[b"a\xff\xfe\0b\n", b"next\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], text("next\n"));
    }

    #[test]
    fn marks_that_turn_the_reading_direction_are_made_visible() {
        assert_eq!(read(&["a\u{202e}b\n".as_bytes()]), [text("a\u{fffd}b\n")]);
    }

    #[test]
    fn our_scripts_report_by_marks() {
        let lines =
            read(&[b"::summary Debian 12\n::fact sshd_port 2222\n::error no\n::summaryx\nrest"]);
        assert_eq!(
            lines,
            [
                Said::Summary("Debian 12".into()),
                Said::Fact {
                    key: "sshd_port".into(),
                    value: "2222".into()
                },
                Said::Error("no".into()),
                text("::summaryx\n"),
                text("rest\n"),
            ]
        );
    }

    #[test]
    fn a_line_without_end_is_cut() {
        assert!(read(&[&vec![b'x'; 100_000]]).len() > 10);
    }
}
