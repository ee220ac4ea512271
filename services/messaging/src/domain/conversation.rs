//! A conversation: what messaging itself knows of a pair of people.
//!
//! INVARIANT: `lo` < `hi`; `state_version` rises by one with every change of a consent or a request
//! and with nothing else.

use aws_lc_rs::digest;
use postern_shared::{
    clock::Timestamp,
    id::{ConversationId, UserId},
};

/// The conversation of a pair: the first 16 bytes of SHA-256(lo ‖ hi), the same for both.
#[must_use]
pub fn conversation_id(one: UserId, other: UserId) -> ConversationId {
    let (lo, hi) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    let both = [lo.uuid().into_bytes(), hi.uuid().into_bytes()].concat();
    let hash = digest::digest(&digest::SHA256, &both);
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    ConversationId::from_bytes(first)
}

/// By what act a person agreed to hear from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// They accepted the other's request.
    Accepted,
    /// They wrote to the other while the two were not friends.
    Wrote,
}

impl How {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Wrote => "wrote",
        }
    }
}

/// Whether a person agreed to hear from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Never.
    None,
    /// They did; whether it still counts is the policy's to say.
    Granted {
        /// By what act.
        how: How,
        /// epoch(person→other) as it was read then.
        epoch: u64,
        /// The person's settings version as it was read then.
        settings_version: u64,
        /// When: shown, never compared.
        at: Timestamp,
    },
    /// They took it back.
    Revoked,
}

/// What became of a person's request to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// There is none.
    None,
    /// It waits.
    Pending {
        /// Messages sent to it so far.
        sent: u32,
    },
    /// It waited, and nothing of it is left for the other to see: its author unsent every message,
    /// blocked the other, or it expired. Nothing is refunded: the messages count as if it waited.
    Withdrawn {
        /// Messages sent to it so far.
        sent: u32,
    },
    /// It was accepted.
    Accepted,
    /// It was declined.
    Declined {
        /// When another may be made.
        until: Timestamp,
    },
}

/// What one of the two did towards the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Whether this person agreed to hear from the other.
    pub consent: Consent,
    /// This person's request to the other.
    pub request: Request,
}

impl Side {
    /// Nothing yet.
    pub const NEW: Self = Self {
        consent: Consent::None,
        request: Request::None,
    };
}

/// What messaging knows of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The smaller of the two ids.
    pub lo: UserId,
    /// The larger.
    pub hi: UserId,
    /// The number of its newest message; 0 before the first.
    pub last_seq: i64,
    /// Rises with every change of the two sides.
    pub state_version: i64,
    /// What `lo` did.
    pub lo_side: Side,
    /// What `hi` did.
    pub hi_side: Side,
}

impl Conversation {
    /// Of two people who have not written to each other.
    #[must_use]
    pub fn new(one: UserId, other: UserId) -> Self {
        let (lo, hi) = if one < other {
            (one, other)
        } else {
            (other, one)
        };
        Self {
            id: conversation_id(lo, hi),
            lo,
            hi,
            last_seq: 0,
            state_version: 0,
            lo_side: Side::NEW,
            hi_side: Side::NEW,
        }
    }

    /// The other of the two; none for a third person.
    #[must_use]
    pub fn peer_of(&self, person: UserId) -> Option<UserId> {
        match person {
            person if person == self.lo => Some(self.hi),
            person if person == self.hi => Some(self.lo),
            _ => None,
        }
    }

    /// What a person of the two did.
    #[must_use]
    pub fn side(&self, person: UserId) -> Side {
        if person == self.lo {
            self.lo_side
        } else {
            self.hi_side
        }
    }

    /// The same with one side changed. The version rises iff that changes anything.
    #[must_use]
    pub fn with_side(mut self, person: UserId, side: Side) -> Self {
        let place = if person == self.lo {
            &mut self.lo_side
        } else {
            &mut self.hi_side
        };
        if *place != side {
            *place = side;
            self.state_version += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use postern_shared::random::Random;

    use super::*;

    #[test]
    fn both_name_the_same_conversation() {
        let random = Random::system();
        let (a, b) = (UserId::random(&random), UserId::random(&random));
        assert_eq!(conversation_id(a, b), conversation_id(b, a));
        assert_ne!(
            conversation_id(a, b),
            conversation_id(a, UserId::random(&random))
        );
        let both = Conversation::new(a, b);
        assert!(both.lo < both.hi);
        assert_eq!(both.peer_of(a), Some(b));
        assert_eq!(both.peer_of(UserId::random(&random)), None);
    }

    #[test]
    fn the_version_rises_with_changes_alone() {
        let random = Random::system();
        let (a, b) = (UserId::random(&random), UserId::random(&random));
        let new = Conversation::new(a, b);
        assert_eq!(new.with_side(a, Side::NEW).state_version, 0);
        let pending = Side {
            request: Request::Pending { sent: 1 },
            ..Side::NEW
        };
        let changed = new.with_side(a, pending);
        assert_eq!(
            (changed.state_version, changed.side(a), changed.side(b)),
            (1, pending, Side::NEW)
        );
    }
}
