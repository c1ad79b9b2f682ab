//! What an event carries through a server: its number, and when it was sent.

use std::time::Duration;

/// As many characters as the time in a real event has.
const NUMBER_DIGITS: usize = 6;
const TIME_DIGITS: usize = 14;
const DIGITS: usize = NUMBER_DIGITS + TIME_DIGITS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    pub number: usize,
    /// Since the generator's start.
    pub sent_at: Duration,
}

impl Marker {
    pub fn text(self) -> String {
        let nanoseconds = self.sent_at.as_nanos();
        format!(
            "@@{:0NUMBER_DIGITS$}{nanoseconds:0TIME_DIGITS$}@@",
            self.number
        )
    }

    /// The marker in a message, if it has one.
    pub fn find(message: &[u8]) -> Option<Self> {
        let start = message.iter().position(|byte| *byte == b'@')?;
        let digits = message.get(start..)?.strip_prefix(b"@@")?.get(..DIGITS)?;
        let (number, time) = digits.split_at(NUMBER_DIGITS);
        Some(Self {
            number: usize::try_from(parse(number)?).ok()?,
            sent_at: Duration::from_nanos(parse(time)?),
        })
    }
}

fn parse(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_in_what_surrounds_it() {
        let marker = Marker {
            number: 123,
            sent_at: Duration::from_nanos(4_567_890_123),
        };
        let text = marker.text();
        assert_eq!(text.len(), "2026-11-24T00:00:00.000Z".len());
        let message = format!(r#"{{"data":"{{\"timestamp\":\"{text}\"}}"}}"#);
        assert_eq!(Marker::find(message.as_bytes()), Some(marker));
        assert_eq!(Marker::find(&text.as_bytes()[..20]), None);
        assert_eq!(Marker::find(b"{}"), None);
    }
}
