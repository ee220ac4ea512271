//! Handles: the names that people are found by.
//!
//! A [`Handle`] can only be made by [`Handle::parse`], so that what is stored is always well formed
//! and has one spelling. It must not be shown in logs.

use std::fmt;

/// The fewest characters of a handle.
const HANDLE_CHARS_MIN: usize = 2;
/// The most characters of a handle.
pub const HANDLE_CHARS_MAX: usize = 24;

/// Why a text is not a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// Too short or too long.
    #[error("must have {HANDLE_CHARS_MIN} to {HANDLE_CHARS_MAX} characters, has {0}")]
    Length(usize),
    /// An upper-case letter.
    #[error("must be in lower case: upper-case letters are not allowed")]
    UpperCase,
    /// A character outside the alphabet.
    #[error("must consist of a-z, 0-9, `.` and `_`")]
    Character,
    /// A dot or an underscore at an end.
    #[error("must begin and end with a letter or a digit")]
    Ends,
    /// Dots side by side.
    #[error("must not contain two dots in a row")]
    Dots,
}

/// 2 to 24 of `a-z`, `0-9`, `.` and `_`; a letter or a digit at both ends, no two dots in a row.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Handle(String);

impl Handle {
    /// Checks a text.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(raw: &str) -> Result<Self, HandleError> {
        let chars = raw.chars().count();
        if !(HANDLE_CHARS_MIN..=HANDLE_CHARS_MAX).contains(&chars) {
            return Err(HandleError::Length(chars));
        }
        if raw.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(HandleError::UpperCase);
        }
        if !raw
            .bytes()
            .all(|byte| is_alphanumeric(byte) || matches!(byte, b'.' | b'_'))
        {
            return Err(HandleError::Character);
        }
        let ends = [raw.bytes().next(), raw.bytes().next_back()];
        if !ends.into_iter().flatten().all(is_alphanumeric) {
            return Err(HandleError::Ends);
        }
        if raw.contains("..") {
            return Err(HandleError::Dots);
        }
        Ok(Self(raw.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(..)")
    }
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_handle() {
        for good in [
            "ab",
            "a1",
            "42",
            "a.b",
            "a_b",
            "a__b",
            "a._b",
            "zoe.h_9",
            &"a".repeat(24),
        ] {
            assert_eq!(Handle::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_is_none_and_why() {
        use HandleError::{Character, Dots, Ends, Length, UpperCase};
        for (bad, why) in [
            ("", Length(0)),
            ("a", Length(1)),
            (&*"a".repeat(25), Length(25)),
            (&*"é".repeat(25), Length(25)),
            ("Alice", UpperCase),
            ("alicE", UpperCase),
            ("al ice", Character),
            ("al-ice", Character),
            ("@alice", Character),
            ("al\u{0}ice", Character),
            ("zoë", Character),
            ("аlice", Character),
            ("alice\n", Character),
            ("a\u{200d}b", Character),
            (".alice", Ends),
            ("alice.", Ends),
            ("_alice", Ends),
            ("alice_", Ends),
            ("..", Ends),
            ("a..b", Dots),
            ("a.b...c", Dots),
        ] {
            assert_eq!(Handle::parse(bad).map(|_| ()), Err(why), "{bad:?}");
        }
        assert!(HandleError::UpperCase.to_string().contains("lower case"));
    }
}
