//! Whatever a server sends, in whatever pieces.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::colours::{pieces, plain};
use wire::text::is_invisible_mark;

use super::*;

/// Bytes of any kind, and among them the beginnings and ends of what a terminal would obey.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        vec(any::<u8>(), 0..20),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
        prop::sample::select(vec![
            "\u{1b}[31m",
            "\u{1b}[1;4;92m",
            "\u{1b}[m",
            "\u{1b}[",
            "\u{1b}]0;",
            "\u{7}",
            "\u{1b}\\",
            "\u{1b}P",
            "\u{1b}_",
            "\u{1b}X",
            "\u{9b}31m",
            "\u{9d}8;;x",
            "\u{90}",
            "\r",
            "\n",
            "\r\n",
            "\0",
            "\u{8}",
            "\u{7f}",
            "::summary ",
            "::error ",
            "::fact a b",
            "::fact ",
            "\u{202e}",
            "\u{2066}",
            "\u{2028}",
            "\u{feff}",
            "\u{200b}",
            "</script><script>hostile()</script>",
            "\u{1b}[999999999999999999999;1H",
            "\u{1b}[;;;;;;;;m",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

fn read_whole(bytes: &[u8]) -> Vec<Said> {
    let mut reader = Reader::default();
    let mut all = reader.read(bytes);
    all.extend(reader.end());
    all
}

fn texts(said: &Said) -> Vec<&str> {
    match said {
        Said::Text(text) | Said::Summary(text) | Said::Error(text) => vec![text],
        Said::Fact { key, value } => vec![key, value],
    }
}

proptest! {
    #[test]
    fn what_comes_out_is_text_and_colours_in_lines_of_bounded_length(bytes in hostile_bytes()) {
        for said in read_whole(&bytes) {
            for text in texts(&said) {
                prop_assert!(text.len() <= LONGEST_LINE + 16 * MOST_CHANGES);
                let again: String = pieces(text).into_iter().map(|(style, text)| style.sequence() + text).collect();
                let written = text.replace("\u{1b}[0m", "");
                prop_assert_eq!(again.replace("\u{1b}[0m", ""), written, "no sequence but our own");
                let text = plain(text);
                for character in text.trim_end_matches('\n').chars() {
                    prop_assert!(
                        (!character.is_control() || character == '\t') && !is_invisible_mark(character),
                        "{character:?} came through in {text:?}"
                    );
                }
            }
        }
    }

    /// For text; of bytes that are no UTF-8, vte may show more or fewer replacement marks.
    #[test]
    fn where_the_pieces_are_cut_changes_nothing(bytes in hostile_bytes(), cuts in vec(any::<prop::sample::Index>(), 0..8)) {
        let bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.push(bytes.len());
        places.sort_unstable();
        let mut reader = Reader::default();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in places {
            pieces.extend(reader.read(&bytes[from..to]));
            from = to;
        }
        pieces.extend(reader.end());
        prop_assert_eq!(pieces, read_whole(&bytes));
    }
}

#[test]
fn a_control_sequence_that_never_ends_hides_only_itself() {
    let mut reader = Reader::default();
    let long = vec![b'x'; 64 * 1024];
    for _ in 0..50 {
        assert_eq!(reader.read(&long).len(), 8);
        reader.read(b"\x1b]0;");
        assert!(reader.read(&long).is_empty());
        assert_eq!(reader.read(b"\x07\n").len(), 1);
    }
}

/// With its feature `std`, vte keeps such a sequence in a `Vec` for as long as it goes on: a server
/// could fill the panel's memory with it.
#[test]
fn the_parsers_memory_does_not_grow_with_what_a_server_sends() {
    assert!(size_of::<Parser>() > 1024, "its buffer is not inside it");
}
