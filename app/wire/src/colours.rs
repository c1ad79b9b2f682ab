//! The colours of output: what is kept of a terminal's sequences (SGR), as it is stored and as it is read again.
//!
//! A line begins without colour, and what is stored holds no other control sequence than those that `Style::sequence`
//! makes. Reading drops whatever else looks like one.

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub bold: bool,
    pub dim: bool,
    pub underlined: bool,
    pub colour: Option<Colour>,
}

/// The eight colours of a terminal; their bright forms count as the same, as no page could show both so that both can
/// be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
}

impl Colour {
    pub const ALL: [Self; 8] = [
        Self::Black,
        Self::Red,
        Self::Green,
        Self::Yellow,
        Self::Blue,
        Self::Magenta,
        Self::Cyan,
        Self::White,
    ];

    /// The word in the page's markup.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::Red => "red",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
            Self::White => "white",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Black => 0,
            Self::Red => 1,
            Self::Green => 2,
            Self::Yellow => 3,
            Self::Blue => 4,
            Self::Magenta => 5,
            Self::Cyan => 6,
            Self::White => 7,
        }
    }

    fn of(number: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|colour| colour.number() == number)
    }
}

impl Style {
    /// The style after the numbers of one sequence. What a page does not show, backgrounds and blinking among it, is
    /// passed over, and so is a number that nobody knows.
    #[must_use]
    pub fn after(mut self, numbers: impl IntoIterator<Item = u16>) -> Self {
        let mut numbers = numbers.into_iter();
        while let Some(number) = numbers.next() {
            match number {
                0 => self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                4 => self.underlined = true,
                22 => (self.bold, self.dim) = (false, false),
                24 => self.underlined = false,
                30..=37 => self.colour = Colour::of(number - 30),
                90..=97 => self.colour = Colour::of(number - 90),
                39 => self.colour = None,
                // Of 256 colours the first sixteen are these; of the others, and of those by red, green and blue, none.
                38 | 48 => {
                    let chosen = match numbers.next() {
                        Some(5) => numbers.next(),
                        Some(2) => numbers.by_ref().take(3).last().map(|_| 16),
                        Some(_) | None => None,
                    };
                    if let (38, Some(chosen @ 0..16)) = (number, chosen) {
                        self.colour = Colour::of(chosen % 8);
                    }
                }
                _ => {}
            }
        }
        self
    }

    /// What changes any style into this one.
    pub fn sequence(self) -> String {
        let mut numbers = vec!["0".to_owned()];
        for (is_so, number) in [(self.bold, "1"), (self.dim, "2"), (self.underlined, "4")] {
            if is_so {
                numbers.push(number.to_owned());
            }
        }
        if let Some(colour) = self.colour {
            numbers.push((30 + colour.number()).to_string());
        }
        format!("{ESCAPE}[{}m", numbers.join(";"))
    }

    pub fn is_plain(self) -> bool {
        self == Self::default()
    }
}

const ESCAPE: char = '\u{1b}';

/// Stored text as pieces of one style each, without the sequences between them.
pub fn pieces(text: &str) -> Vec<(Style, &str)> {
    let mut pieces = Vec::new();
    let mut style = Style::default();
    for (at, part) in text.split(ESCAPE).enumerate() {
        let part = if at == 0 {
            part
        } else {
            match sequence_in(part) {
                Some((numbers, rest)) => {
                    style = style.after(numbers);
                    rest
                }
                // Nothing that was stored by the panel: shown without what would make it a sequence.
                None => part,
            }
        };
        if !part.is_empty() {
            pieces.push((style, part));
        }
    }
    pieces
}

/// Stored text without its colours.
pub fn plain(text: &str) -> String {
    pieces(text).into_iter().map(|(_, text)| text).collect()
}

/// What follows an escape, if it is one of ours: a few small numbers.
fn sequence_in(part: &str) -> Option<(Vec<u16>, &str)> {
    const LONGEST: usize = 16;
    let inside = part.strip_prefix('[')?;
    let end = inside.find('m').filter(|end| *end <= LONGEST)?;
    let numbers = inside[..end].split(';').map(number_of);
    Some((numbers.collect::<Option<_>>()?, &inside[end + 1..]))
}

fn number_of(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(numbers: &[u16]) -> Style {
        Style::default().after(numbers.iter().copied())
    }

    #[test]
    fn what_a_style_writes_reads_back_as_itself() {
        for colour in Colour::ALL.into_iter().map(Some).chain([None]) {
            for bits in 0..8 {
                let style = Style {
                    bold: bits & 1 != 0,
                    dim: bits & 2 != 0,
                    underlined: bits & 4 != 0,
                    colour,
                };
                let text = format!("{}x", style.sequence());
                assert_eq!(pieces(&text), [(style, "x")], "{text:?}");
                assert_eq!(plain(&text), "x");
            }
        }
    }

    #[test]
    fn numbers_are_taken_as_terminals_take_them() {
        assert_eq!(style(&[1, 31, 22]), style(&[31]));
        assert_eq!(style(&[31, 0]), Style::default());
        assert_eq!(style(&[91]), style(&[31]), "bright red is red");
        assert_eq!(style(&[38, 5, 1, 4]), style(&[31, 4]));
        assert_eq!(
            style(&[38, 5, 196, 4]),
            style(&[4]),
            "a colour that a page does not have"
        );
        assert_eq!(
            style(&[38, 2, 255, 0, 1, 4]),
            style(&[4]),
            "its numbers are no styles of their own"
        );
        assert_eq!(style(&[48, 5, 1]), Style::default(), "a background");
        assert_eq!(style(&[5, 7, 8, 999, 65535]), Style::default());
    }

    #[test]
    fn what_is_no_sequence_of_ours_is_text() {
        for text in [
            "\u{1b}]0;title\u{7}",
            "\u{1b}[2Jx",
            "\u{1b}[31",
            "\u{1b}",
            "\u{1b}[m",
            "\u{1b}[+1mx",
            "\u{1b}[99999mx",
        ] {
            assert!(!plain(text).contains('\u{1b}'), "{text:?}");
            assert!(
                pieces(text).iter().all(|(style, _)| style.is_plain()),
                "{text:?}"
            );
        }
        assert_eq!(plain("<b>\u{1b}[0;31m</b>"), "<b></b>");
    }
}
