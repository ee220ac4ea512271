//! A person's own filter words: up to 100, each once, in the order in which they were given.

use std::collections::HashSet;

use postern_shared::text::{self, NameError};

/// The most words that one person may filter by.
pub const KEYWORDS_MAX: usize = 100;
/// The most characters of one word.
const KEYWORD_CHARS_MAX: usize = 50;

/// One word, in NFC, trimmed, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keyword(String);

impl Keyword {
    /// Reads what a person typed.
    ///
    /// # Errors
    /// When nothing is left of it, or when it is too long or holds what no name may hold.
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        text::name(raw, KEYWORD_CHARS_MAX).map(Self)
    }
}

/// There are too many words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {KEYWORDS_MAX} words, has {0}")]
pub struct TooManyKeywords(usize);

/// All of a person's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// Keeps each word once, where it first stood.
    ///
    /// # Errors
    /// When more than [`KEYWORDS_MAX`] are left.
    pub fn new(words: Vec<Keyword>) -> Result<Self, TooManyKeywords> {
        let mut seen = HashSet::new();
        let once: Vec<_> = words
            .into_iter()
            .map(|word| word.0)
            .filter(|word| seen.insert(word.clone()))
            .collect();
        if once.len() > KEYWORDS_MAX {
            return Err(TooManyKeywords(once.len()));
        }
        Ok(Self(once))
    }

    /// Words that were kept before. They are not checked again: a rule that is tightened later
    /// must not make a person's settings unreadable.
    #[must_use]
    pub const fn stored(words: Vec<String>) -> Self {
        Self(words)
    }

    /// The words in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(raw: impl IntoIterator<Item = &'a str>) -> Vec<Keyword> {
        raw.into_iter()
            .map(|word| Keyword::parse(word).unwrap())
            .collect()
    }

    #[test]
    fn each_word_is_kept_once_after_nfc_and_case_counts() {
        let kept = Keywords::new(words(["Zo\u{eb}", "b", " Zoe\u{308} ", "B", "b"])).unwrap();
        assert_eq!(kept.as_slice(), ["Zo\u{eb}", "b", "B"]);
    }

    #[test]
    fn words_and_their_number_are_limited() {
        assert!(Keyword::parse(&"é".repeat(50)).is_ok());
        for bad in ["", " ", "a\u{0}b", "a\nb", "\u{202E}a", &"é".repeat(51)] {
            assert!(Keyword::parse(bad).is_err(), "{bad:?}");
        }
        let many: Vec<_> = (0..=KEYWORDS_MAX).map(|n| n.to_string()).collect();
        let many = words(many.iter().map(String::as_str));
        assert!(Keywords::new(many[1..].to_vec()).is_ok());
        assert_eq!(Keywords::new(many), Err(TooManyKeywords(101)));
    }
}
