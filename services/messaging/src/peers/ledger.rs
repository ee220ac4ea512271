//! What one owner said lately: kept for a while, and asked for once where many want it at once.
//!
//! Promises: a value is kept together with its version, never over a newer one, and for no longer
//! than the age that is set, counted from when it was asked for. A failure is never kept, nor that
//! somebody does not exist. Whoever needs an answer that was asked for after some moment, or one of
//! some version at least, gets that or none.
//!
//! Must not be what makes a decision safe: the guard in the commit is that. What is kept is as old
//! as it is, and whoever uses it has to see to what may be done with that.

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
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::metrics::{Counts, Lookup};

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

/// A question that is on its way.
struct Flight<V> {
    ticket: u64,
    min: Version,
    landed: watch::Receiver<Option<Had<V>>>,
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

    /// Takes a seat in every question on its way that will do, and opens one for all the others.
    fn board(
        &self,
        missing: Vec<(usize, Wanted<K>)>,
        since: u64,
    ) -> (Lead<'_, K, V>, Vec<Seat<V>>) {
        let mut flights = self.flights();
        let mut lead = Lead {
            ledger: self,
            ticket: self.means.tickets.next(),
            since,
            asked_at: self.means.clock.now(),
            awaited: Vec::new(),
        };
        let mut aboard = Vec::new();
        for (at, wanted) in missing {
            match flights.get(&wanted.key) {
                Some(flight) if flight.ticket > since && reaches(flight.min, wanted.min) => {
                    let landed = flight.landed.clone();
                    aboard.push(Seat { at, since, landed });
                }
                _ => {
                    let (sender, landed) = watch::channel(None);
                    let (ticket, min) = (lead.ticket, wanted.min);
                    let flight = Flight {
                        ticket,
                        min,
                        landed,
                    };
                    flights.insert(wanted.key, flight);
                    lead.awaited.push((at, wanted, sender));
                }
            }
        }
        (lead, aboard)
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

/// Where a caller's answer belongs, and what it is; none: it has to be asked for again.
type Landing<V> = (usize, Option<Had<V>>);

/// Whose answer is awaited, where it belongs, and who else waits for it.
type Awaited<K, V> = (usize, Wanted<K>, watch::Sender<Option<Had<V>>>);

/// A question of this caller's own. When it is dropped, whoever waits for it asks for themselves.
struct Lead<'a, K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fact,
{
    ledger: &'a Ledger<K, V>,
    ticket: u64,
    since: u64,
    asked_at: Timestamp,
    awaited: Vec<Awaited<K, V>>,
}

impl<K, V> Lead<'_, K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fact,
{
    /// Asks, keeps what was answered, and tells those who wait.
    async fn fly<F, Fut>(self, ask: &F) -> Vec<Landing<V>>
    where
        F: Fn(Vec<Wanted<K>>) -> Fut,
        Fut: Future<Output = Result<Vec<Said<V>>, OutOfTime>>,
    {
        let mut landed = Vec::with_capacity(self.awaited.len());
        let mut open = Vec::new();
        for (at, wanted, waiting) in &self.awaited {
            // It may have been answered between the look at what is kept and this question.
            let now = self.ledger.means.clock.now();
            let kept = self.ledger.young(&wanted.key, now).await;
            match kept.filter(|kept| kept.will_do(wanted, self.since, now)) {
                Some(kept) => landed.push(land(*at, kept.had(), waiting)),
                None => open.push((*at, *wanted, waiting)),
            }
        }
        if open.is_empty() {
            return landed;
        }
        let asked = open.iter().map(|(_, wanted, _)| *wanted).collect();
        let Ok(answers) = ask(asked).await else {
            landed.extend(open.iter().map(|(at, ..)| (*at, Some(failed()))));
            return landed;
        };
        for ((at, wanted, waiting), said) in open.into_iter().zip(answers) {
            let ticket = self.ticket;
            let said = match said {
                Said::Known(fact) if !reaches(fact.version(), wanted.min) => Said::Behind,
                Said::Known(fact) => {
                    let asked_at = self.asked_at;
                    let kept = Kept {
                        fact,
                        ticket,
                        asked_at,
                    };
                    self.ledger.keep(wanted.key, kept).await
                }
                other => other,
            };
            let is_kept = false;
            landed.push(land(
                at,
                Had {
                    said,
                    ticket,
                    is_kept,
                },
                waiting,
            ));
        }
        landed
    }
}

/// Tells those who wait as well.
fn land<V: Fact>(at: usize, had: Had<V>, waiting: &watch::Sender<Option<Had<V>>>) -> Landing<V> {
    waiting.send_replace(Some(had.clone()));
    (at, Some(had))
}

impl<K, V> Drop for Lead<'_, K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fact,
{
    fn drop(&mut self) {
        let mut flights = self.ledger.flights();
        for (_, wanted, _) in &self.awaited {
            let own = |flight: &Flight<V>| flight.ticket == self.ticket;
            if flights.get(&wanted.key).is_some_and(own) {
                flights.remove(&wanted.key);
            }
        }
    }
}

/// A seat in another caller's question.
struct Seat<V> {
    at: usize,
    since: u64,
    landed: watch::Receiver<Option<Had<V>>>,
}

impl<V: Fact> Seat<V> {
    /// What is answered there; none when the one who asked did not wait for it.
    async fn wait(mut self, deadline: Instant) -> Landing<V> {
        let landed = timeout_at(deadline, self.landed.wait_for(Option::is_some)).await;
        let had = match landed {
            Ok(Ok(had)) => (had.clone())
                .filter(|had| had.ticket > self.since)
                .map(|had| Had {
                    is_kept: false,
                    ..had
                }),
            Ok(Err(_)) => None,
            // There is no time to ask again.
            Err(_) => Some(failed()),
        };
        (self.at, had)
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
