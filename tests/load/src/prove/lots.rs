//! What chance decides of a trial: it follows from the seed and the number alone.

use crate::digest::mix;

/// What a recipient says, or has said about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum No {
    /// Blocks one sender.
    Block,
    /// No longer follows one sender, whom only a friend may write to.
    Unfollow,
    /// Makes one sender no longer follow.
    RemoveFollower,
    /// Takes messages from no one.
    Nobody,
    /// Is suspended by a moderator.
    Suspend,
}

impl No {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Block,
        Self::Unfollow,
        Self::RemoveFollower,
        Self::Nobody,
        Self::Suspend,
    ];

    /// Its name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Unfollow => "unfollow",
            Self::RemoveFollower => "remove_follower",
            Self::Nobody => "no_one",
            Self::Suspend => "suspend",
        }
    }

    /// Whether it concerns one sender only.
    #[must_use]
    pub const fn is_for_one(self) -> bool {
        match self {
            Self::Block | Self::Unfollow | Self::RemoveFollower => true,
            Self::Nobody | Self::Suspend => false,
        }
    }
}

/// The lots of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lots {
    /// What is said.
    pub no: No,
    /// To which sender, where it is for one.
    pub target: usize,
    /// How many messages land before it is said.
    pub after: usize,
}

impl Lots {
    /// Draws them for a trial among so many senders.
    #[must_use]
    pub fn of(seed: u32, trial: u64, senders: usize) -> Self {
        let drawn = mix(mix(seed.into()) ^ trial);
        let below = |shift: u32, end: usize| {
            let part = (drawn >> shift) & 0xffff;
            usize::try_from(part).unwrap_or_default() % end.max(1)
        };
        Self {
            no: No::ALL[below(0, No::ALL.len())],
            target: below(16, senders),
            after: 1 + below(32, 2 * senders),
        }
    }

    /// Whether a sender is told no.
    #[must_use]
    pub fn concerns(&self, sender: usize) -> bool {
        !self.no.is_for_one() || sender == self.target
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_every_lot_falls() {
        let draw = |seed| (0..500).map(move |trial| Lots::of(seed, trial, 3));
        assert!(draw(7).eq(draw(7)));
        assert!(!draw(7).eq(draw(8)));
        let kinds: BTreeSet<_> = draw(7).map(|lots| (lots.no, lots.target)).collect();
        assert_eq!(kinds.len(), 15);
        let after: BTreeSet<_> = draw(7).map(|lots| lots.after).collect();
        assert_eq!(after, (1..=6).collect());
    }

    #[test]
    fn a_block_concerns_one_and_no_one_everybody() {
        let lots = |no| Lots {
            no,
            target: 1,
            after: 1,
        };
        assert_eq!(
            [0, 1, 2].map(|s| lots(No::Block).concerns(s)),
            [false, true, false]
        );
        assert_eq!([0, 1, 2].map(|s| lots(No::Nobody).concerns(s)), [true; 3]);
    }
}
