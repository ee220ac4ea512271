//! Typed ids: one type for each kind of thing, so that no two can be swapped.
//!
//! On the wire an id is a lower-case hyphenated UUID; nothing else is accepted, so that every id
//! has exactly one spelling. In the database it is a UUID. This is the only list of ids.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{clock::Timestamp, random::Random};

/// The text is not a lower-case hyphenated UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a lower-case UUID such as `018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35`")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID as it comes out of the database.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID as it goes into the database.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A person. Random (version 4): an ordered one would tell when they joined.
    UserId,
    /// A sign-in.
    SessionId,
    /// A follow or a block, ordered by when it was made.
    EdgeId,
    /// A conversation, derived from its two people.
    ConversationId,
    /// The record of one decision, ordered by when it was made.
    DecisionId,
    /// An action of moderation, ordered by when it was decided.
    ActionId,
    /// A record of who did what about an account, ordered by when it was done.
    AuditId,
    /// One setting that a call changed, ordered by when it was changed.
    ChangeId,
}

impl UserId {
    /// Makes a new random id.
    #[must_use]
    pub fn random(random: &Random) -> Self {
        Self(uuid::Builder::from_random_bytes(random.bytes()).into_uuid())
    }
}

impl SessionId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }
}

impl EdgeId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }
}

impl DecisionId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }
}

impl ActionId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }
}

impl AuditId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }
}

impl ChangeId {
    /// Makes a new id that sorts after those made before.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self(version_7(now, random))
    }

    /// What sorts before every id that is made from `at` on.
    #[must_use]
    pub fn first(at: Timestamp) -> Self {
        Self(version_7_of(at, &[0; 10]))
    }
}

impl ConversationId {
    /// Takes the first 16 bytes of a hash of the two people.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

pub(crate) fn version_7(now: Timestamp, random: &Random) -> Uuid {
    version_7_of(now, &random.bytes())
}

/// The same with what stands behind the time: 12 bits that sort, of 16, and then what is random.
pub(crate) fn version_7_of(now: Timestamp, bytes: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, bytes).into_uuid()
}

fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let hyphenated = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if !hyphenated {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        let good = "018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35";
        assert_eq!(good.parse::<UserId>().unwrap().to_string(), good);
        for bad in [
            "",
            "018F4E2A-7C1B-7D3E-9A4F-2B6C8D0E1F35",
            "018f4e2a7c1b7d3e9a4f2b6c8d0e1f35",
            "{018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35}",
            "urn:uuid:018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35",
            "018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f3g",
        ] {
            assert_eq!(bad.parse::<UserId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn later_ids_sort_later_and_user_ids_tell_no_time() {
        let random = Random::system();
        let early = EdgeId::new(Timestamp::from_unix_millis(1_000), &random);
        let late = EdgeId::new(Timestamp::from_unix_millis(1_001), &random);
        assert!(early < late);
        assert_eq!(UserId::random(&random).uuid().get_version_num(), 4);
    }
}
