//! What a server answers in a session, as much of it as the panel keeps.

use std::collections::VecDeque;

use ssh::{Output, Stream};

use crate::output::{Reader, Said};

/// Of each answer, this much of the beginning is kept, and as much of the end as `TAIL`: a server that never stops
/// printing costs the panel no more memory than that.
pub const HEAD: usize = 768 * 1024;
pub const TAIL: usize = 256 * 1024;

/// Both streams of a script in order of arrival, bounded.
#[derive(Debug, Default)]
pub struct Answer {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Answer {
    /// All that was kept, with the count of what was not.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.head;
        if self.left_out > 0 {
            bytes.extend_from_slice(format!("\n[{} bytes left out]\n", self.left_out).as_bytes());
        }
        bytes.extend(self.tail);
        bytes
    }

    /// What it says by `::fact KEY VALUE`.
    pub fn facts(self) -> Vec<(String, String)> {
        let mut reader = Reader::default();
        let mut said = reader.read(&self.into_bytes());
        said.extend(reader.end());
        let facts = said.into_iter().filter_map(|said| match said {
            Said::Fact { key, value } => Some((key, value)),
            Said::Text(_) | Said::Summary(_) | Said::Error(_) => None,
        });
        facts.collect()
    }
}

impl Output for Answer {
    fn write(&mut self, _: Stream, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let too_many = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..too_many);
        self.left_out += too_many as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pieces: impl IntoIterator<Item = Vec<u8>>) -> Answer {
        let mut answer = Answer::default();
        for piece in pieces {
            answer.write(Stream::Stdout, &piece);
        }
        answer
    }

    #[test]
    fn a_short_answer_is_kept_as_it_is() {
        let kept = answer([b"one\n".to_vec(), b"two".to_vec()]);
        assert_eq!(kept.into_bytes(), b"one\ntwo");
    }

    #[test]
    fn an_endless_answer_is_its_beginning_its_end_and_a_count() {
        let pieces = (0..512).map(|_| vec![b'x'; 32 * 1024]);
        let kept = answer(pieces.chain([b"\nthe end".to_vec()]));
        assert!(kept.tail.capacity() <= 2 * TAIL, "{}", kept.tail.capacity());
        let bytes = kept.into_bytes();
        assert!(bytes.len() < HEAD + TAIL + 64);
        assert!(bytes.ends_with(b"\nthe end"));
        let left_out = 512 * 32 * 1024 + 8 - HEAD - TAIL;
        let text = String::from_utf8(bytes).expect("is ASCII");
        assert!(text.contains(&format!("\n[{left_out} bytes left out]\n")));
    }

    #[test]
    fn facts_are_found_among_other_lines() {
        let kept = answer([b"motd\n::fact rollback done\n::summary x\n".to_vec()]);
        assert_eq!(kept.facts(), [("rollback".into(), "done".into())]);
    }
}
