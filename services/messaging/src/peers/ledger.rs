//! What one owner said lately: kept for a while, and asked for once where many want it at once.
//!
//! Promises: a value is kept together with its version, never over a newer one, and for no longer
//! than the age that is set, counted from when it was asked for. A failure is never kept, nor that
//! somebody does not exist. Whoever needs an answer that was asked for after some moment, or one of
//! some version at least, gets that or none.
//!
//! Must not be what makes a decision safe: the guard in the commit is that. What is kept is as old
//! as it is, and whoever uses it has to see to what may be done with that.

mod flight;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future;
use moka::{future::Cache, ops::compute};
use postern_shared::{
    caller::ServiceName,
    clock::{Clock, Timestamp},
};
use tokio::time::Instant;

use super::metrics::{Counts, Lookup};
use flight::Flight;

/// The versions of those whom a fact is about: one, or two.
pub(super) type Version = [u64; 2];

/// What an owner says of somebody.
pub(super) trait Fact: Clone + fmt::Debug + Send + Sync + 'static {
    /// What it was read at.
    fn version(&self) -> Version;

    /// Whether it has become untrue by the passing of time alone.
    fn ended(&self, _now: Timestamp) -> bool {
        false
    }

    /// How much room it takes; 1 for most.
    fn weight(&self) -> u32 {
        1
    }
}

/// Whether a version is at least as new as another in every part.
pub(super) fn reaches(version: Version, min: Version) -> bool {
    version[0] >= min[0] && version[1] >= min[1]
}

/// What is wanted of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<K> {
    /// Of whom.
    pub(super) key: K,
    /// The lowest version that will do.
    pub(super) min: Version,
    /// Whether something older is kept: then the owner is told what will do.
    pub(super) is_behind: bool,
}

impl<K> Wanted<K> {
    /// Of this one, in these versions at least.
    pub(super) const fn at(key: K, min: Version) -> Self {
        Self {
            key,
            min,
            is_behind: false,
        }
    }

    /// Of this one, in whatever version there is.
    pub(super) const fn any(key: K) -> Self {
        Self::at(key, [0, 0])
    }
}

/// What came of asking about one.
#[derive(Debug, Clone)]
pub(super) enum Said<V> {
    /// This.
    Known(V),
    /// There is nobody.
    Absent,
    /// Something older than will do.
    Behind,
    /// Nothing that can be used.
    Failed,
}

/// Who asked ran out of time: whoever has more of it asks again.
#[derive(Debug)]
pub(super) struct OutOfTime;

/// An answer, and how it was had.
#[derive(Debug, Clone)]
pub(super) struct Had<V> {
    /// What was said.
    pub(super) said: Said<V>,
    /// The number of the question that it answers.
    pub(super) ticket: u64,
    /// Whether nobody was asked or waited for.
    pub(super) is_kept: bool,
}

/// Numbers questions in the order in which they are asked, in one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Tickets(Arc<AtomicU64>);

impl Tickets {
    /// The number of the last question so far: all later ones have greater numbers.
    pub(super) fn last(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// What is common to all ledgers of a process.
#[derive(Debug, Clone)]
pub(super) struct Means {
    /// For how long an answer is kept; zero: not at all.
    pub(super) max_age: Duration,
    /// What time it is.
    pub(super) clock: Clock,
    /// Who numbers the questions.
    pub(super) tickets: Tickets,
    /// Where is counted what was kept.
    pub(super) counts: Counts,
}

#[derive(Debug, Clone)]
struct Kept<V> {
    fact: V,
    ticket: u64,
    asked_at: Timestamp,
}

impl<V: Fact> Kept<V> {
    fn will_do<K>(&self, wanted: &Wanted<K>, since: u64, now: Timestamp) -> bool {
        self.ticket > since && reaches(self.fact.version(), wanted.min) && !self.fact.ended(now)
    }

    fn had(self) -> Had<V> {
        Had {
            said: Said::Known(self.fact),
            ticket: self.ticket,
            is_kept: true,
        }
    }
}

/// One owner's answers by whom they are about.
pub(super) struct Ledger<K, V> {
    owner: ServiceName,
    kept: Cache<K, Kept<V>>,
    flights: Mutex<HashMap<K, Flight<V>>>,
    means: Means,
}

impl<K, V> fmt::Debug for Ledger<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl<K, V> Ledger<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fact,
{
    /// Keeps as many answers of an owner.
    pub(super) fn new(owner: ServiceName, most: u64, means: &Means) -> Self {
        let counts = means.counts.clone();
        let mut kept = Cache::builder()
            .max_capacity(most)
            .weigher(|_, kept: &Kept<V>| kept.fact.weight())
            .eviction_listener(move |_, _, cause| counts.evicted(owner, cause));
        if !means.max_age.is_zero() {
            // Frees the room of what nobody asks for, by a clock that never jumps. What is used is
            // held to the age by the service's own clock, from when it was asked for.
            kept = kept.time_to_live(means.max_age);
        }
        Self {
            owner,
            kept: kept.build(),
            flights: Mutex::default(),
            means: means.clone(),
        }
    }

    /// What is known of each, in the order in which they are named: what is kept, what somebody
    /// else asks at the moment, or what the owner answers to `ask`. An answer to a question
    /// numbered `since` or lower will not do.
    pub(super) async fn get<F, Fut>(
        &self,
        mut wanted: Vec<Wanted<K>>,
        since: u64,
        deadline: Instant,
        ask: F,
    ) -> Vec<Had<V>>
    where
        F: Fn(Vec<Wanted<K>>) -> Fut,
        Fut: Future<Output = Result<Vec<Said<V>>, OutOfTime>>,
    {
        let mut had: Vec<Option<Had<V>>> = Vec::with_capacity(wanted.len());
        for one in &mut wanted {
            had.push(self.look_up(one, since).await);
        }
        loop {
            let missing = wanted
                .iter()
                .enumerate()
                .filter(|(at, _)| had[*at].is_none());
            let missing: Vec<_> = missing.map(|(at, one)| (at, *one)).collect();
            if missing.is_empty() {
                break;
            }
            let (lead, aboard) = self.board(missing, since);
            let waiting = future::join_all(aboard.into_iter().map(|seat| seat.wait(deadline)));
            let (own, others) = future::join(lead.fly(&ask), waiting).await;
            for (at, answer) in own.into_iter().chain(others) {
                had[at] = answer;
            }
        }
        let min = |at: usize| wanted[at].min;
        had.into_iter()
            .enumerate()
            .map(|(at, had)| had.unwrap_or_else(failed).held_to(min(at)))
            .collect()
    }

    /// Drops what is kept of somebody, should it be older than this.
    pub(super) async fn forget_below(&self, key: K, min: Version) {
        if let Some(kept) = self.kept.get(&key).await
            && !reaches(kept.fact.version(), min)
        {
            self.kept.invalidate(&key).await;
        }
    }

    async fn look_up(&self, wanted: &mut Wanted<K>, since: u64) -> Option<Had<V>> {
        let now = self.means.clock.now();
        let Some(kept) = self.young(&wanted.key, now).await else {
            self.means.counts.looked_up(self.owner, Lookup::Missing);
            return None;
        };
        // Versions only rise: an answer below what is known already is none.
        let version = kept.fact.version();
        wanted.is_behind = !reaches(version, wanted.min);
        wanted.min = [version[0].max(wanted.min[0]), version[1].max(wanted.min[1])];
        if !kept.will_do(wanted, since, now) {
            self.means.counts.looked_up(self.owner, Lookup::Stale);
            return None;
        }
        self.means.counts.looked_up(self.owner, Lookup::Hit);
        Some(kept.had())
    }

    async fn young(&self, key: &K, now: Timestamp) -> Option<Kept<V>> {
        let found = self.kept.get(key).await;
        found.filter(|kept| self.is_young(kept, now))
    }

    /// By the clock of the service; what comes from its future, because it was put back, is old.
    fn is_young(&self, kept: &Kept<V>, now: Timestamp) -> bool {
        kept.asked_at <= now && kept.asked_at.until(now) < self.means.max_age
    }

    /// Keeps an answer, unless something newer is kept: then it is behind.
    async fn keep(&self, key: K, kept: Kept<V>) -> Said<V> {
        if self.means.max_age.is_zero() {
            return Said::Known(kept.fact);
        }
        let (now, version, ticket) = (self.means.clock.now(), kept.fact.version(), kept.ticket);
        let answer = kept.fact.clone();
        let put = |stands: Option<moka::Entry<K, Kept<V>>>| {
            let newer = stands.is_some_and(|stands| {
                let stands = stands.value();
                let stands_at = stands.fact.version();
                let is_newer =
                    !reaches(version, stands_at) || version == stands_at && ticket < stands.ticket;
                is_newer && self.is_young(stands, now)
            });
            future::ready(if newer {
                compute::Op::Nop
            } else {
                compute::Op::Put(kept)
            })
        };
        match self.kept.entry(key).and_compute_with(put).await {
            compute::CompResult::Unchanged(stands)
                if !reaches(version, stands.value().fact.version()) =>
            {
                Said::Behind
            }
            _ => Said::Known(answer),
        }
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Fact> Had<V> {
    fn held_to(mut self, min: Version) -> Self {
        if matches!(&self.said, Said::Known(fact) if !reaches(fact.version(), min)) {
            self.said = Said::Behind;
        }
        self
    }
}

fn failed<V>() -> Had<V> {
    Had {
        said: Said::Failed,
        ticket: u64::MAX,
        is_kept: false,
    }
}

#[cfg(test)]
mod tests;
