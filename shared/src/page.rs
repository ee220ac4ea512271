//! Pages of a list, and the tokens that lead from one to the next.
//!
//! A token is encrypted and authenticated (AES-256-GCM-SIV): it tells a client nothing, and it is
//! bound to its caller, its RPC and its parameters, so that no other use of it is accepted.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postern_proto::common::v1::{ErrorReason, PageInfo, PageRequest};
use tonic::Code;

use crate::{
    error::{Failure, Invalid, Violation},
    id::UserId,
    random::Random,
};

/// Bytes of the key that page tokens are made with.
pub const KEY_BYTES: usize = 32;
/// A cursor is at most a few ids long; whatever is longer is not ours.
const TOKEN_CHARS_MAX: usize = 512;

/// How long the pages of a list are.
#[derive(Debug, Clone, Copy)]
pub struct PageSizes {
    /// Entries when the caller does not say.
    pub default: u32,
    /// Entries at the most.
    pub max: u32,
}

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The RPC, by a name that never changes.
    pub rpc: &'a str,
    /// Who lists.
    pub user: UserId,
    /// Every other parameter that shapes the list, in one string.
    pub parameters: &'a str,
}

/// A page that was asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many entries at the most; at least 1.
    pub size: u32,
    /// Where the page before ended; none for the first.
    pub after: Option<Vec<u8>>,
}

/// Why a page cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The size is wrong.
    #[error(transparent)]
    Size(#[from] Invalid),
    /// The token is not ours, or not for this.
    #[error(
        "the page token was not issued for this caller, call and parameters: \
             leave it empty to start again"
    )]
    Token,
}

impl Failure for PageError {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Size(invalid) => invalid.classify(),
            Self::Token => (Code::InvalidArgument, ErrorReason::InvalidPageToken),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Size(invalid) => invalid.violations(),
            Self::Token => &[],
        }
    }
}

/// Makes and reads page tokens.
#[derive(Debug)]
pub struct Pager {
    key: LessSafeKey,
    derives: hmac::Key,
    random: Random,
}

impl Pager {
    /// Takes the key that all replicas of a deployment share.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES], random: Random) -> Self {
        let derives = hmac::Key::new(hmac::HMAC_SHA256, key);
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).expect("the key has this cipher's length");
        Self {
            key: LessSafeKey::new(key),
            derives,
            random,
        }
    }

    /// A key for another purpose, which all replicas share as they share this one. From it follows
    /// nothing of this one, nor of that for any other purpose.
    #[must_use]
    pub(crate) fn key_for(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let derived = hmac::sign(&self.derives, purpose.as_bytes());
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(derived.as_ref());
        key
    }

    /// Checks what a caller asked for.
    ///
    /// # Errors
    /// A negative size; a token that was not made for this scope.
    pub fn read(
        &self,
        asked: Option<&PageRequest>,
        sizes: PageSizes,
        scope: Scope<'_>,
    ) -> Result<Page, PageError> {
        let (size, token) =
            asked.map_or((0, ""), |page| (page.page_size, page.page_token.as_str()));
        let size = u32::try_from(size)
            .map_err(|_| Invalid::field("page.page_size", "must be 0 (the default) or more"))?;
        let size = if size == 0 {
            sizes.default
        } else {
            size.min(sizes.max)
        };
        let after = if token.is_empty() {
            None
        } else {
            Some(self.open(token, scope)?)
        };
        Ok(Page { size, after })
    }

    /// What to tell about the next page. `fetched` holds up to `size` + 1 entries: the one too many
    /// only shows that there is a next page, and is dropped. `cursor` names the place of the last
    /// entry that is kept.
    pub fn next<T>(
        &self,
        fetched: &mut Vec<T>,
        size: u32,
        scope: Scope<'_>,
        cursor: impl Fn(&T) -> Vec<u8>,
    ) -> PageInfo {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = fetched.len() > size;
        fetched.truncate(size);
        let next_page_token = match fetched.last() {
            Some(last) if more => self.seal(cursor(last), scope),
            _ => String::new(),
        };
        PageInfo { next_page_token }
    }

    fn seal(&self, mut cursor: Vec<u8>, scope: Scope<'_>) -> String {
        let nonce: [u8; NONCE_LEN] = self.random.bytes();
        let sealed = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to(scope)),
            &mut cursor,
        );
        sealed.expect("a cursor is far below the cipher's limit of 64 GiB");
        BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &cursor].concat())
    }

    fn open(&self, token: &str, scope: Scope<'_>) -> Result<Vec<u8>, PageError> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(PageError::Token);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| PageError::Token)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(PageError::Token)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| PageError::Token)?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(bound_to(scope)), &mut sealed);
        Ok(opened.map_err(|_| PageError::Token)?.to_vec())
    }
}

/// Every part with its length, so that no two scopes read the same.
fn bound_to(scope: Scope<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [
        scope.rpc.as_bytes(),
        scope.user.uuid().as_bytes(),
        scope.parameters.as_bytes(),
    ] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: PageSizes = PageSizes { default: 2, max: 3 };

    fn ask(page_size: i32, page_token: &str) -> Option<PageRequest> {
        Some(PageRequest {
            page_size,
            page_token: page_token.to_owned(),
        })
    }

    #[test]
    fn sizes_are_coerced_and_negative_ones_refused() {
        let random = Random::system();
        let pager = Pager::new(&[7; 32], random.clone());
        let scope = Scope {
            rpc: "List",
            user: UserId::random(&random),
            parameters: "",
        };
        let size = |n| {
            pager
                .read(ask(n, "").as_ref(), SIZES, scope)
                .map(|page| page.size)
        };
        assert_eq!(size(0).unwrap(), 2);
        assert_eq!(size(1).unwrap(), 1);
        assert_eq!(size(1_000_000).unwrap(), 3);
        assert!(matches!(size(-1), Err(PageError::Size(_))));
    }

    #[test]
    fn a_token_works_for_its_scope_alone() {
        let random = Random::system();
        let pager = Pager::new(&[7; 32], random.clone());
        let (me, other) = (UserId::random(&random), UserId::random(&random));
        let scope = Scope {
            rpc: "List",
            user: me,
            parameters: "inbox",
        };
        let mut entries = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
        let info = pager.next(&mut entries, 2, scope, Clone::clone);
        assert_eq!(entries.len(), 2);
        let token = info.next_page_token.as_str();
        let read = |scope, token: &str| pager.read(ask(0, token).as_ref(), SIZES, scope);
        assert_eq!(read(scope, token).unwrap().after, Some(b"b".to_vec()));
        for wrong in [
            Scope {
                user: other,
                ..scope
            },
            Scope {
                rpc: "Other",
                ..scope
            },
            Scope {
                parameters: "requests",
                ..scope
            },
        ] {
            assert!(matches!(read(wrong, token), Err(PageError::Token)));
        }
        for index in 0..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last character may carry bits that base64 does not use: then it is not ours.
            assert!(read(scope, &forged).is_err(), "{index}");
        }
        for junk in ["x", "!!!", &"A".repeat(100), &"A".repeat(10_000)] {
            assert!(matches!(read(scope, junk), Err(PageError::Token)));
        }
        let elsewhere = Pager::new(&[8; 32], random);
        assert!(
            elsewhere
                .read(ask(0, token).as_ref(), SIZES, scope)
                .is_err()
        );
    }

    #[test]
    fn every_purpose_has_a_key_that_all_replicas_share() {
        let pager = |key| Pager::new(&[key; 32], Random::system());
        let (one, other) = (pager(7).key_for("one"), pager(7).key_for("other"));
        assert_eq!(one, pager(7).key_for("one"));
        assert_ne!(one, other);
        assert_ne!(one, pager(8).key_for("one"));
        assert_ne!(one, [7; 32]);
        // Whoever prints a pager prints no key.
        let printed = format!("{:?}", pager(7));
        assert!(!printed.contains("7, 7"), "{printed}");
    }

    #[test]
    fn the_last_page_has_no_token() {
        let random = Random::system();
        let pager = Pager::new(&[7; 32], random.clone());
        let scope = Scope {
            rpc: "List",
            user: UserId::random(&random),
            parameters: "",
        };
        let mut entries = vec![b"a".to_vec(), b"b".to_vec()];
        assert_eq!(
            pager
                .next(&mut entries, 2, scope, Clone::clone)
                .next_page_token,
            ""
        );
        assert_eq!(entries.len(), 2);
    }
}
