//! The mark by which a client says which settings it saw: it names a person's version and shows
//! nothing of it.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use postern_shared::id::UserId;

/// How many bytes of the digest an etag keeps: 16 characters.
const BYTES: usize = 12;

/// The settings were changed since they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the settings are not those of this etag any more: read them again")]
pub struct EtagMismatch;

/// The etag of one version of a person's settings: 16 characters.
#[must_use]
pub fn etag(user: UserId, version: u64) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(user.uuid().as_bytes());
    digest.update(&version.to_be_bytes());
    URL_SAFE_NO_PAD.encode(&digest.finish().as_ref()[..BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_differ_by_person_and_version_and_stay() {
        let one: UserId = "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f35".parse().unwrap();
        let two: UserId = "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f36".parse().unwrap();
        assert_eq!(etag(one, 1).len(), 16);
        assert_eq!(etag(one, 1), etag(one, 1));
        assert_ne!(etag(one, 1), etag(one, 2));
        assert_ne!(etag(one, 1), etag(two, 1));
    }
}
