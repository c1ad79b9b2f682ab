//! What a server printed, made fit for a page: text whose only control sequences are colours, and the marks
//! by which our own scripts report.

use vte::{Params, Parser, Perform};
use wire::colours::Style;
use wire::text::is_invisible_mark;

/// A line longer than this is cut in two: a server that never ends its line must not fill memory.
const LONGEST_LINE: usize = 8 * 1024;
/// Colours beyond these of one line are left out: each takes room that no text accounts for.
const MOST_CHANGES: usize = 200;
const DOTS: &str = "•••";

/// Turns bytes as they come into lines.
#[derive(Default)]
pub struct Reader {
    parser: Parser,
    line: Line,
    /// Bytes read, and those of them that made whole lines.
    read: u64,
    whole: u64,
    /// The first bytes of a character whose others have not come. vte waits for them too, but shows a
    /// control character of two bytes differently when it comes in two parts.
    unfinished: Vec<u8>,
}

/// One thing that a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Shown as it is, with its line end, and with its colours as `wire::colours` reads them.
    Text(String),
    /// `::summary TEXT`: what the step found or did.
    Summary(String),
    /// `::fact KEY VALUE`
    Fact { key: String, value: String },
    /// `::error TEXT`: what went wrong and what to do next.
    Error(String),
}

impl Reader {
    /// A reader that puts dots in the place of these words.
    pub fn masking(secrets: &[String]) -> Self {
        let mut reader = Self::default();
        let words = secrets.iter().filter(|secret| !secret.is_empty());
        reader.line.secrets = words.cloned().collect();
        // One that holds another goes first.
        reader
            .line
            .secrets
            .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        reader
    }

    /// Takes every line for text from now on.
    #[must_use]
    pub fn heeding_no_marks(mut self) -> Self {
        self.line.heeds_no_marks = true;
        self
    }

    /// Reads on. Any bytes are fine; a character cut in two waits for its other half.
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut held = std::mem::take(&mut self.unfinished);
        held.extend_from_slice(bytes);
        self.unfinished = held.split_off(whole_characters(&held));
        let mut rest = &held[..];
        while !rest.is_empty() {
            let (piece, next) = rest.split_at(piece_of(rest));
            rest = next;
            self.parser.advance(&mut self.line, piece);
            self.read += piece.len() as u64;
            let ends = piece.ends_with(b"\n");
            let is_long =
                self.line.text.len() >= LONGEST_LINE && whole_characters(piece) == piece.len();
            if is_long && !ends {
                self.line.finish(Finish::Cut);
            }
            if is_long || ends {
                self.whole = self.read;
            }
        }
        std::mem::take(&mut self.line.ready)
    }

    /// How much was read so far.
    pub fn read_bytes(&self) -> u64 {
        self.read + self.unfinished.len() as u64
    }

    /// How much of that is in what `read` has returned: a reader that begins there says the rest.
    pub fn whole_bytes(&self) -> u64 {
        self.whole
    }

    /// What is left when nothing more comes.
    pub fn end(&mut self) -> Vec<Said> {
        let unfinished = std::mem::take(&mut self.unfinished);
        self.parser.advance(&mut self.line, &unfinished);
        if !self.line.text.is_empty() {
            self.line.finish(Finish::Ended);
        }
        std::mem::take(&mut self.line.ready)
    }
}

/// Up to a line's end, at most `PIECE` bytes, and no character cut in two.
fn piece_of(bytes: &[u8]) -> usize {
    const PIECE: usize = 1024;
    let most = bytes.len().min(PIECE);
    if let Some(end) = bytes[..most].iter().position(|byte| *byte == b'\n') {
        return end + 1;
    }
    if most == bytes.len() {
        return most;
    }
    let mut cut = most;
    while cut > most - 4 && bytes[cut] & 0xc0 == 0x80 {
        cut -= 1;
    }
    cut
}

/// How many of the bytes come before a character that is cut at their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail_at = bytes.len().saturating_sub(3);
    let tail = &bytes[tail_at..];
    let Some(lead) = tail.iter().rposition(|byte| byte & 0xc0 == 0xc0) else {
        return bytes.len();
    };
    let length = match tail[lead] {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    if lead + length > tail.len() {
        tail_at + lead
    } else {
        bytes.len()
    }
}

#[derive(Default)]
struct Line {
    text: String,
    /// Where in the text which style begins, in order.
    changes: Vec<(usize, Style)>,
    style: Style,
    ready: Vec<Said>,
    secrets: Vec<String>,
    heeds_no_marks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    /// The next line begins without colour, whoever reads on from there.
    Ended,
    /// The same line goes on.
    Cut,
}

impl Line {
    fn finish(&mut self, finish: Finish) {
        let mut text = std::mem::take(&mut self.text);
        let mut changes = std::mem::take(&mut self.changes);
        match finish {
            Finish::Ended => self.style = Style::default(),
            Finish::Cut if self.style.is_plain() => {}
            Finish::Cut => self.changes.push((0, self.style)),
        }
        // In the text alone, so that no colour in the middle of a secret hides it.
        for secret in &self.secrets {
            mask(&mut text, &mut changes, secret);
        }
        let said = if self.heeds_no_marks {
            Said::Text(text + "\n")
        } else {
            said(text)
        };
        self.ready.push(match said {
            Said::Text(text) => Said::Text(coloured(&text, &changes)),
            marked @ (Said::Summary(_) | Said::Fact { .. } | Said::Error(_)) => marked,
        });
    }

    fn add(&mut self, character: char) {
        self.text.push(if is_invisible_mark(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        });
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
            b'\n' => self.finish(Finish::Ended),
            b'\t' => self.add('\t'),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, numbers: &Params, between: &[u8], is_cut: bool, action: char) {
        if action != 'm' || !between.is_empty() || is_cut {
            return;
        }
        self.style = self.style.after(numbers.iter().flatten().copied());
        let here = self.text.len();
        if let Some((at, style)) = self.changes.last_mut()
            && *at == here
        {
            *style = self.style;
        } else if self.changes.len() < MOST_CHANGES {
            self.changes.push((here, self.style));
        }
    }
}

/// Puts dots in the place of a secret, and moves what comes behind.
fn mask(text: &mut String, changes: &mut [(usize, Style)], secret: &str) {
    let mut from = 0;
    while let Some(found) = text[from..].find(secret) {
        let (start, end) = (from + found, from + found + secret.len());
        text.replace_range(start..end, DOTS);
        for (at, _) in changes.iter_mut().filter(|(at, _)| *at > start) {
            *at = (*at).max(end) - secret.len() + DOTS.len();
        }
        from = start + DOTS.len();
    }
}

/// The text of a line with its colours in it, and none beyond its end.
fn coloured(text: &str, changes: &[(usize, Style)]) -> String {
    let (mut all, mut from, mut last) = (String::new(), 0, Style::default());
    let line_end = text.len() - usize::from(text.ends_with('\n'));
    for (at, style) in changes {
        if *at >= line_end || *style == last {
            continue;
        }
        all.push_str(&text[from..*at]);
        all.push_str(&style.sequence());
        (from, last) = (*at, *style);
    }
    all.push_str(&text[from..line_end]);
    if !last.is_plain() {
        all.push_str(&Style::default().sequence());
    }
    all.push_str(&text[line_end..]);
    all
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
mod robustness;

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
            [
                text("\u{1b}[0;31mred\u{1b}[0m\ttab\n"),
                text("after\n"),
                text("link\n")
            ]
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
    fn a_reader_that_begins_where_another_had_whole_lines_says_the_rest_of_it() {
        let mut all = b"one\n\x1b[1mtwo gr\xc3\xbcn\n::summary three\n".repeat(3);
        all.extend("\u{fc}".repeat(20_000).bytes());
        all.extend(b"\nlast");
        let text = |said: Vec<Said>| {
            let lines = said.into_iter().map(|said| match said {
                Said::Text(text) => text,
                other => format!("{other:?}"),
            });
            lines.collect::<String>()
        };
        let whole = text(read(&[&all]));
        for cut in (0..all.len()).step_by(97) {
            let mut first = Reader::default();
            let said = text(first.read(&all[..cut]));
            let from = usize::try_from(first.whole_bytes()).expect("is small");
            assert!(from <= cut);
            // Where a line without end is cut in two depends on where it is read from.
            let rest = text(read(&[&all[from..]]));
            let (said, whole) = ((said + &rest).replace('\n', ""), whole.replace('\n', ""));
            assert!(said == whole, "cut at {cut}");
        }
    }

    #[test]
    fn secrets_are_masked_in_text_and_in_marks() {
        let mut reader = Reader::masking(&["hunter2".into(), String::new(), "hunter2!".into()]);
        let said = reader.read(b"password hunter2!, hunter2\n::error no hunter2\n");
        assert_eq!(
            said,
            [text("password •••, •••\n"), Said::Error("no •••".into())]
        );
    }

    #[test]
    fn colours_stay_and_end_with_their_line() {
        assert_eq!(
            read(&[b"\x1b[1;32mok\x1b[m done\n\x1b[4;38;5;9munder\x1b[2J\x1b[24m\nplain\n"]),
            [
                text("\u{1b}[0;1;32mok\u{1b}[0m done\n"),
                text("\u{1b}[0;4;31munder\u{1b}[0m\n"),
                text("plain\n"),
            ]
        );
        assert_eq!(
            read(&[b"\x1b[31m::summary \x1b[1mdone\n"]),
            [Said::Summary("done".into())]
        );
    }

    #[test]
    fn a_colour_in_the_middle_of_a_secret_does_not_hide_it() {
        let mut reader = Reader::masking(&["hunter2".into()]);
        let said = reader.read(b"a \x1b[31mhun\x1b[32mter\x1b[0m2 b \x1b[33mhunter2\x1b[0m c\n");
        let Said::Text(line) = &said[0] else {
            panic!("{said:?}")
        };
        assert_eq!(wire::colours::plain(line), "a ••• b ••• c\n");
        assert!(line.ends_with("\u{1b}[0;33m•••\u{1b}[0m c\n"), "{line:?}");
    }

    #[test]
    fn a_line_of_colours_alone_takes_little_room() {
        let said = read(&[&b"\x1b[31mx\x1b[32my".repeat(4000)]);
        let bytes: usize = said
            .iter()
            .map(|said| match said {
                Said::Text(text) => text.len(),
                Said::Summary(_) | Said::Fact { .. } | Said::Error(_) => 0,
            })
            .sum();
        assert!(bytes < 8000 + 10 * MOST_CHANGES, "{bytes}");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        assert!(read(&[&vec![b'x'; 100_000]]).len() > 10);
    }
}
