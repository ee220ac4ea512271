//! The guard of a commit: a fence stops what was decided before it.
//!
//! Whoever shows that nothing lands after an acknowledged "no" has to show as well that something
//! would land without the guard, or the showing proves nothing. So it can be taken away: in the
//! tests of this crate and in builds with the feature `unguarded`, which serve the proof alone.
//! In every other build there is nothing here but the comparison.

use super::{entity::mailbox, rows};
use crate::domain::Versions;

/// Whether fences are looked at; they are, unless a proof takes the guard away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    #[cfg(any(test, feature = "unguarded"))]
    is_off: bool,
}

impl Guard {
    /// No guard at all.
    #[cfg(any(test, feature = "unguarded"))]
    pub const OFF: Self = Self { is_off: true };

    /// Whether no fence of a person is above the versions that a decision was made with.
    pub(super) fn allows(self, fences: &mailbox::Model, seen: Versions) -> bool {
        #[cfg(any(test, feature = "unguarded"))]
        if self.is_off {
            return true;
        }
        fences.fence_graph <= rows::number(seen.graph)
            && fences.fence_settings <= rows::number(seen.settings)
            && fences.fence_identity <= rows::number(seen.identity)
    }
}
