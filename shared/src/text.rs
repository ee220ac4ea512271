//! Names that people give: one rule for what may be in them.
//!
//! Message text is not a name: it is kept as it is.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The most combining marks in a row; more only serve to paint over other lines.
const COMBINING_MARKS_MAX: usize = 8;

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("must have at most {max} characters, has {got}")]
    TooLong {
        /// The limit in characters.
        max: usize,
        /// What came.
        got: usize,
    },
    /// A character that does not show or that reorders others.
    #[error(
        "must not contain the character U+{0:04X}: control, bidirectional and tag characters \
             are not allowed"
    )]
    Forbidden(u32),
    /// More combining marks in a row than any script needs.
    #[error("must not contain more than {COMBINING_MARKS_MAX} combining marks in a row")]
    TooManyMarks,
}

/// Brings a name into NFC without surrounding white space, and checks it.
///
/// # Errors
/// When nothing is left, when it has more than `chars_max` characters, or when a character in it
/// could be used to mislead.
pub fn name(raw: &str, chars_max: usize) -> Result<String, NameError> {
    // Whatever is this long cannot become short enough; it is not worth normalising.
    let raw_chars = raw
        .chars()
        .take(chars_max.saturating_mul(20).saturating_add(1))
        .count();
    if raw_chars > chars_max.saturating_mul(20) {
        return Err(NameError::TooLong {
            max: chars_max,
            got: raw.chars().count(),
        });
    }
    if let Some(bad) = raw.chars().find(|&c| is_forbidden(c)) {
        return Err(NameError::Forbidden(u32::from(bad)));
    }
    let normal: String = raw.nfc().collect();
    let normal = normal.trim();
    if !normal.chars().any(is_visible) {
        return Err(NameError::Empty);
    }
    let got = normal.chars().count();
    if got > chars_max {
        return Err(NameError::TooLong {
            max: chars_max,
            got,
        });
    }
    if longest_run_of_marks(normal) > COMBINING_MARKS_MAX {
        return Err(NameError::TooManyMarks);
    }
    Ok(normal.to_owned())
}

/// Control characters (C0, C1), bidirectional controls, line and paragraph separators, tag
/// characters, byte-order marks and noncharacters. ZWJ and ZWNJ stay: emoji and scripts need them.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}' | '\u{200B}')
        || (u32::from(c) & 0xFFFE) == 0xFFFE
}

fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !is_combining_mark(c)
        && !matches!(
            c,
            '\u{200C}'
                | '\u{200D}'
                | '\u{00AD}'
                | '\u{034F}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FFA0}'
        )
}

fn longest_run_of_marks(text: &str) -> usize {
    let (mut run, mut longest) = (0, 0);
    for c in text.chars() {
        run = if is_combining_mark(c) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nfc_and_trimmed() {
        assert_eq!(name("  Zoe\u{308} ", 50).unwrap(), "Zo\u{eb}");
        assert_eq!(name("👩‍🚀 Aya", 50).unwrap(), "👩‍🚀 Aya");
        assert_eq!(name("नेहा", 50).unwrap(), "नेहा");
        let once = name("Å ngström", 50).unwrap();
        assert_eq!(name(&once, 50).unwrap(), once);
    }

    #[test]
    fn what_misleads_is_refused() {
        for bad in [
            "a\u{202E}b",
            "a\u{2066}b",
            "a\u{0}b",
            "a\u{85}b",
            "a\u{E0041}b",
            "a\u{200B}b",
            "a\nb",
            "\u{FEFF}a",
            "a\u{FFFE}",
        ] {
            assert!(
                matches!(name(bad, 50), Err(NameError::Forbidden(_))),
                "{bad:?}"
            );
        }
        assert_eq!(
            name(&format!("a{}", "\u{301}\u{323}".repeat(5)), 50),
            Err(NameError::TooManyMarks)
        );
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(name(&"é".repeat(50), 50).unwrap().chars().count(), 50);
        assert_eq!(
            name(&"é".repeat(51), 50),
            Err(NameError::TooLong { max: 50, got: 51 })
        );
        for empty in ["", "   ", "\u{200D}", "\u{3164}"] {
            assert_eq!(name(empty, 50), Err(NameError::Empty), "{empty:?}");
        }
    }
}
