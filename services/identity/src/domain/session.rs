//! Sessions and the refresh tokens that keep them alive.
//!
//! A refresh token works once. Used again soon, it leads to the same successor, so that a lost
//! answer signs nobody out; used again later, it was copied, and the session ends. Only hashes are
//! stored: a successor is derived from the token itself and a salt that is kept beside the hash of
//! the used one, so that neither who holds the database nor who holds an older token alone makes
//! one.

use std::{fmt, time::Duration};

use aws_lc_rs::{
    digest::{self, SHA256},
    hmac,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postern_shared::{
    clock::Timestamp,
    id::{SessionId, UserId},
    text::{self, NameError},
};
use zeroize::Zeroizing;

/// The most characters of a device's name.
const DEVICE_NAME_CHARS_MAX: usize = 64;
/// Bytes of a refresh token.
const TOKEN_BYTES: usize = 32;
/// Bytes of the salt of a successor.
pub const SALT_BYTES: usize = 16;
/// So long a used token still leads to its successor.
const GRACE: Duration = Duration::from_secs(10);

/// Checks the name that a client gives itself; it may be empty.
///
/// # Errors
/// When it is too long or misleading.
pub fn device_name(raw: &str) -> Result<String, NameError> {
    if raw.is_empty() {
        return Ok(String::new());
    }
    text::name(raw, DEVICE_NAME_CHARS_MAX)
}

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// Which; later ones sort later.
    pub id: SessionId,
    /// What the client called itself; may be empty.
    pub device_name: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its tokens were last refreshed.
    pub refreshed_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
}

/// A refresh token: 256 bits, wiped from memory when it goes, and in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Zeroizing<[u8; TOKEN_BYTES]>);

impl RefreshToken {
    /// Takes random bytes.
    pub fn new(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads what a client sent; none when it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let length = BASE64_URL_SAFE_NO_PAD
            .decode_slice(text, bytes.as_mut_slice())
            .ok()?;
        (length == TOKEN_BYTES).then_some(Self(bytes))
    }

    /// As the client gets it.
    pub fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// As it is stored.
    pub fn hash(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, self.0.as_slice()))
    }

    /// The token that follows on this one.
    pub fn successor(&self, salt: &[u8; SALT_BYTES]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let tag = hmac::sign(&key, &[b"postern refresh token", &salt[..]].concat());
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes.copy_from_slice(tag.as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

/// What is stored of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// Whose.
    pub user: UserId,
    /// Of which sign-in.
    pub session: SessionId,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// Set once it has been used.
    pub used: Option<Used>,
}

/// What is stored of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// When.
    pub at: Timestamp,
    /// What its successor was made with.
    pub salt: [u8; SALT_BYTES],
}

/// What using a token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A new successor.
    Rotate,
    /// The successor that it had before; if that has been used itself, the end of the session.
    Repeat([u8; SALT_BYTES]),
    /// The end of its session.
    Revoke,
    /// Nothing.
    Refuse,
}

impl StoredToken {
    /// Judges a use of this token at `now`.
    pub fn judge(&self, now: Timestamp) -> Judgement {
        match self.used {
            Some(used) if now > used.at.plus(GRACE) => Judgement::Revoke,
            Some(used) => Judgement::Repeat(used.salt),
            None if self.expires_at <= now => Judgement::Refuse,
            None => Judgement::Rotate,
        }
    }
}

#[cfg(test)]
mod tests {
    use postern_shared::random::Random;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn only_what_we_made_reads_as_a_token() {
        let token = RefreshToken::new(Random::system().bytes());
        let text = token.to_text();
        assert_eq!(text.len(), 43);
        assert!(RefreshToken::parse(&text).is_some_and(|read| read == token));
        for junk in [
            "",
            "x",
            &text[..42],
            &format!("{text}="),
            &format!("{text}A"),
            "!",
        ] {
            assert!(RefreshToken::parse(junk).is_none(), "{junk}");
        }
        assert!(RefreshToken::parse(&"A".repeat(60_000)).is_none());
    }

    #[test]
    fn a_successor_depends_on_token_and_salt() {
        let (token, other) = (RefreshToken::new([1; 32]), RefreshToken::new([2; 32]));
        let successor = token.successor(&[1; 16]);
        assert!(successor == token.successor(&[1; 16]));
        assert!(successor != token.successor(&[2; 16]));
        assert!(successor != other.successor(&[1; 16]));
        assert!(successor != token && successor.hash() != token.hash());
    }

    #[test]
    fn a_token_works_once_and_for_10_s_more() {
        let random = Random::system();
        let mut token = StoredToken {
            user: UserId::random(&random),
            session: SessionId::new(at(0), &random),
            expires_at: at(100_000),
            used: None,
        };
        assert_eq!(token.judge(at(99_999)), Judgement::Rotate);
        assert_eq!(token.judge(at(100_000)), Judgement::Refuse);
        token.used = Some(Used {
            at: at(5_000),
            salt: [3; 16],
        });
        assert_eq!(token.judge(at(5_000)), Judgement::Repeat([3; 16]));
        assert_eq!(token.judge(at(15_000)), Judgement::Repeat([3; 16]));
        assert_eq!(token.judge(at(15_001)), Judgement::Revoke);
        assert_eq!(token.judge(at(900_000)), Judgement::Revoke);
    }

    #[test]
    fn a_token_shows_nowhere() {
        assert_eq!(
            format!("{:?}", RefreshToken::new([1; 32])),
            "RefreshToken(..)"
        );
    }

    #[test]
    fn a_device_may_have_no_name() {
        assert_eq!(device_name(""), Ok(String::new()));
        assert_eq!(device_name(" Phone "), Ok("Phone".to_owned()));
        assert!(device_name(&"x".repeat(64)).is_ok());
        assert!(device_name(&"x".repeat(65)).is_err());
    }
}
