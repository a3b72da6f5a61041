//! What people write beside what they did: one line, shown in lists.

/// Characters.
const MOST: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error("seen {seen} characters, expected at most {most}")]
    Long { seen: usize, most: usize },
    #[error("it has a line break, a tab or another control character: write it in one line")]
    Control,
}

pub(crate) fn check(note: &str) -> Result<(), NoteError> {
    check_length(note, MOST)
}

/// One line of at most so many characters.
pub(crate) fn check_length(note: &str, most: usize) -> Result<(), NoteError> {
    let seen = note.chars().count();
    if seen > most {
        return Err(NoteError::Long { seen, most });
    }
    // Line and paragraph separators, and what turns the direction of writing.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match note.chars().any(breaks) {
        true => Err(NoteError::Control),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_bounded_length() {
        assert!(check("").is_ok() && check(&"é".repeat(MOST)).is_ok());
        assert!(matches!(check(&"é".repeat(MOST + 1)), Err(NoteError::Long { seen, .. }) if seen == MOST + 1));
        for text in [
            "two\nlines",
            "a\ttab",
            "\u{1b}[31m",
            "two\u{2028}lines",
            "\u{202e}sdrawkcab",
        ] {
            assert!(matches!(check(text), Err(NoteError::Control)), "{text:?}");
        }
    }
}
