//! Checks that every field of free text shares.

/// Trims `text` and refuses what would disturb a line of a page or of a file.
///
/// # Errors
/// A sentence for the field: empty, longer than `longest` characters, or holding control characters
/// or marks that reorder the text around them.
pub fn one_line(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("This field is required.".to_owned());
    }
    if text.chars().count() > longest {
        return Err(format!("Use at most {longest} characters."));
    }
    if text.chars().any(char::is_control) {
        return Err("Use one line without control characters.".to_owned());
    }
    if text.chars().any(is_invisible_mark) {
        return Err("Remove the invisible text-direction marks.".to_owned());
    }
    Ok(text.to_owned())
}

/// Marks that reorder or hide text: bidirectional controls, zero-width characters, separators.
pub fn is_invisible_mark(character: char) -> bool {
    matches!(character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn one_line_keeps_ordinary_names() {
        assert_eq!(
            one_line("  web 1 – Zürich ", 100),
            Ok("web 1 – Zürich".to_owned())
        );
        assert_eq!(one_line("<script>", 100), Ok("<script>".to_owned()));
    }

    #[test]
    fn one_line_refuses_what_breaks_a_line() {
        for hostile in [
            "",
            "  ",
            "a\nb",
            "a\0b",
            "a\u{202e}b",
            "a\u{200f}b",
            &"x".repeat(1000),
        ] {
            assert!(one_line(hostile, 100).is_err(), "{hostile:?} passed");
        }
    }
}
