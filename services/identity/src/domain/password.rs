//! Passwords: what may be chosen as one.
//!
//! By NIST SP 800-63B-4 for a password that stands alone: at least 15 characters, no rules of
//! composition, nothing that is commonly used, and the same password however it is typed (NFC). A
//! [`Password`] is wiped from memory when it goes, and shows in no log.

mod common;

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::Handle;

/// The fewest characters of a password that is chosen.
const CHARS_MIN: usize = 15;
/// The most bytes, so that nobody makes us hash a book.
const BYTES_MAX: usize = 128;
/// What is longer than this cannot become short enough: NFC shrinks no text to a quarter.
const RAW_BYTES_MAX: usize = 4 * BYTES_MAX;
/// A handle as short as this may well stand in a good password.
const HANDLE_CHARS_IGNORED: usize = 3;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// None was sent.
    #[error("must not be empty")]
    Missing,
    /// Too short to be chosen.
    #[error("must have at least {CHARS_MIN} characters")]
    TooShort,
    /// Too long to be hashed.
    #[error("must have at most {BYTES_MAX} bytes")]
    TooLong,
    /// Among the first that an attacker tries.
    #[error("is too common or too regular: choose one that is hard to guess")]
    Common,
    /// Made of what everybody knows of its owner.
    #[error("must not contain the handle")]
    ContainsHandle,
}

/// A password in its one spelling.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password that someone wants to sign in with from now on.
    ///
    /// # Errors
    /// When it is easy to guess or does not fit.
    pub fn choose(raw: &str, handle: Option<&Handle>) -> Result<Self, PasswordError> {
        let password = Self::present(raw)?;
        if password.0.chars().count() < CHARS_MIN {
            return Err(PasswordError::TooShort);
        }
        let folded = Zeroizing::new(password.0.to_lowercase());
        let named = handle
            .map(Handle::as_str)
            .filter(|h| h.len() > HANDLE_CHARS_IGNORED);
        if named.is_some_and(|handle| folded.contains(handle)) {
            return Err(PasswordError::ContainsHandle);
        }
        if common::is_common(&folded) {
            return Err(PasswordError::Common);
        }
        Ok(password)
    }

    /// Takes a password that someone signs in with.
    ///
    /// # Errors
    /// When it is missing, or longer than any that can have been chosen.
    pub fn present(raw: &str) -> Result<Self, PasswordError> {
        if raw.is_empty() {
            return Err(PasswordError::Missing);
        }
        if raw.len() > RAW_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        // As long as it can get, so that growing leaves no copy behind.
        let mut normal = Zeroizing::new(String::with_capacity(raw.len() * 3));
        normal.extend(raw.nfc());
        if normal.len() > BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(normal))
    }

    /// What is hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(raw: &str) -> Result<(), PasswordError> {
        let handle = Handle::parse("zoe.h").unwrap();
        Password::choose(raw, Some(&handle)).map(|_| ())
    }

    #[test]
    fn length_is_counted_in_characters_and_bytes_of_nfc() {
        assert_eq!(choose("plum-tractor-9"), Err(PasswordError::TooShort));
        assert_eq!(choose("plum-tractor-97"), Ok(()));
        assert_eq!(choose("пароль-ли-это-м"), Ok(()));
        // 14 characters once the marks are composed.
        assert_eq!(
            choose("plum-tracto\u{308}r-9"),
            Err(PasswordError::TooShort)
        );
        let long: String = ('!'..='~').cycle().step_by(7).take(128).collect();
        assert_eq!(choose(&long), Ok(()));
        assert_eq!(choose(&format!("{long}x")), Err(PasswordError::TooLong));
        // 384 bytes that are 128 in NFC.
        assert!(Password::present(&"\u{212A}".repeat(128)).is_ok());
        assert_eq!(choose(&"x".repeat(60_000)), Err(PasswordError::TooLong));
        assert_eq!(choose(""), Err(PasswordError::Missing));
    }

    #[test]
    fn the_same_password_however_it_is_typed() {
        let composed = Password::present("Caf\u{e9} am Ring 7").unwrap();
        let decomposed = Password::present("Cafe\u{301} am Ring 7").unwrap();
        assert_eq!(composed.as_bytes(), decomposed.as_bytes());
    }

    #[test]
    fn the_handle_is_no_password() {
        assert_eq!(
            choose("xx-ZOE.H-tractor"),
            Err(PasswordError::ContainsHandle)
        );
        let short = Handle::parse("zoe").unwrap();
        assert!(Password::choose("zoetrope-tractor", Some(&short)).is_ok());
        assert!(Password::choose("xx-zoe.h-tractor", None).is_ok());
    }

    #[test]
    fn what_is_common_is_refused_at_the_choice_alone() {
        assert_eq!(choose("passwordpassword"), Err(PasswordError::Common));
        assert!(Password::present("passwordpassword").is_ok());
    }

    #[test]
    fn a_password_shows_nowhere() {
        let password = Password::present("plum-tractor-97").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
