//! The protocol with one mistake in it. Each was thought to be good enough by somebody; each breaks
//! the promise, and the model shows in how few steps.

use crate::property::{AUDITED, LANDS, LISTED};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Check, then persist: what was decided is inserted without a guard.
    Naive,
    /// Check, persist, check again and take the message back: it was there in between.
    CheckAgain,
    /// The guard is read first and the message inserted later, without the lock between the two.
    GuardOutside,
    /// A missing mailbox row is no fence, and there is nothing to lock either.
    MissingRowPasses,
    /// A raise changes the row that is there, and acknowledges when there is none.
    RaiseNeedsRow,
    /// `fence = version` instead of the greatest: an older raise that comes late lowers it.
    Equal,
    /// The guard looks at graph's fence only.
    OneFenceChecked,
    /// Settings raises no fence; its readers will notice.
    OneFenceRaised,
    /// The change is acknowledged, and messaging hears of it by an event.
    Event,
    /// The task is written after the change's transaction: a crash between them forgets it.
    TaskAfterCommit,
    /// The relay removes a task when it has sent it, not when it was acknowledged.
    RelayForgets,
    /// An owner answers the value of one moment with the version of a later one.
    ValueBeforeVersion,
    /// What a change does to lists is done in whatever order it arrives.
    EffectsInAnyOrder,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Naive,
        Self::CheckAgain,
        Self::GuardOutside,
        Self::MissingRowPasses,
        Self::RaiseNeedsRow,
        Self::Equal,
        Self::OneFenceChecked,
        Self::OneFenceRaised,
        Self::Event,
        Self::TaskAfterCommit,
        Self::RelayForgets,
        Self::ValueBeforeVersion,
        Self::EffectsInAnyOrder,
    ];

    /// The promises that it breaks.
    #[must_use]
    pub const fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::EffectsInAnyOrder => &[LISTED],
            Self::ValueBeforeVersion => &[LANDS, AUDITED],
            _ => &[LANDS],
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::CheckAgain => "check-again",
            Self::GuardOutside => "guard-outside",
            Self::MissingRowPasses => "missing-row-passes",
            Self::RaiseNeedsRow => "raise-needs-row",
            Self::Equal => "equal",
            Self::OneFenceChecked => "one-fence-checked",
            Self::OneFenceRaised => "one-fence-raised",
            Self::Event => "event",
            Self::TaskAfterCommit => "task-after-commit",
            Self::RelayForgets => "relay-forgets",
            Self::ValueBeforeVersion => "value-before-version",
            Self::EffectsInAnyOrder => "effects-in-any-order",
        }
    }
}
