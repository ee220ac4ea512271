//! What is measured of the decisions: how often the owners had to be asked, and how often again.

use std::fmt;

use moka::notification::RemovalCause;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Meter},
};
use postern_shared::caller::ServiceName;

/// What was found of somebody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lookup {
    /// What will do.
    Hit,
    /// Something too old for what it was needed for.
    Stale,
    /// Nothing.
    Missing,
}

/// Why a message is decided, once more or at first.
#[derive(Debug, Clone, Copy)]
pub enum Round {
    /// It came.
    First,
    /// Kept facts would have it worse than fresh ones may.
    Fresh,
    /// It was the first between the two, and their rows were made.
    Created,
    /// A fence, the pair or a budget moved before the commit.
    Moved,
    /// An owner was behind a fence.
    Behind,
}

/// The instruments.
#[derive(Clone)]
pub struct Counts {
    sends: Counter<u64>,
    rounds: Counter<u64>,
    lookups: Counter<u64>,
    evictions: Counter<u64>,
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    /// Makes them.
    pub fn new(meter: &Meter) -> Self {
        let counter = |name: &'static str, unit: &'static str, what: &'static str| {
            let counter = meter.u64_counter(name).with_unit(unit);
            counter.with_description(what).build()
        };
        Self {
            sends: counter(
                "postern.messaging.sends",
                "{message}",
                "Messages that were decided, by whether another service was asked for it",
            ),
            rounds: counter(
                "postern.messaging.rounds",
                "{round}",
                "How often messages were decided, by why",
            ),
            lookups: counter(
                "postern.messaging.cache.lookups",
                "{lookup}",
                "What was found of what an owner said before",
            ),
            evictions: counter(
                "postern.messaging.cache.evictions",
                "{entry}",
                "What an owner said and is kept no longer, by why",
            ),
        }
    }

    /// Counts a message that was decided.
    pub fn sent(&self, asked: bool) {
        let facts = if asked { "asked" } else { "cached" };
        self.sends.add(1, &[KeyValue::new("facts", facts)]);
    }

    /// Counts a round.
    pub fn round(&self, why: Round) {
        let why = match why {
            Round::First => "first",
            Round::Fresh => "fresh",
            Round::Created => "created",
            Round::Moved => "moved",
            Round::Behind => "behind",
        };
        self.rounds.add(1, &[KeyValue::new("why", why)]);
    }

    pub(super) fn looked_up(&self, owner: ServiceName, found: Lookup) {
        let found = match found {
            Lookup::Hit => "hit",
            Lookup::Stale => "stale",
            Lookup::Missing => "miss",
        };
        let labels = [of(owner), KeyValue::new("result", found)];
        self.lookups.add(1, &labels);
    }

    pub(super) fn evicted(&self, owner: ServiceName, cause: RemovalCause) {
        let cause = match cause {
            RemovalCause::Expired => "age",
            RemovalCause::Explicit => "raised",
            RemovalCause::Replaced => "replaced",
            RemovalCause::Size => "room",
        };
        let labels = [of(owner), KeyValue::new("cause", cause)];
        self.evictions.add(1, &labels);
    }
}

fn of(owner: ServiceName) -> KeyValue {
    KeyValue::new("owner", owner.as_str())
}
