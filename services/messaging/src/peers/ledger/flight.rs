//! The questions of a ledger that are on their way: whoever wants the same takes a seat in one.

use std::hash::Hash;

use postern_shared::clock::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Fact, Had, Kept, Ledger, OutOfTime, Said, Version, Wanted, failed, reaches};

/// A question that is on its way.
pub(super) struct Flight<V> {
    ticket: u64,
    min: Version,
    landed: watch::Receiver<Option<Had<V>>>,
}

impl<K, V> Ledger<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Fact,
{
    /// Takes a seat in every question on its way that will do, and opens one for all the others.
    pub(super) fn board(
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
}

/// Where a caller's answer belongs, and what it is; none: it has to be asked for again.
pub(super) type Landing<V> = (usize, Option<Had<V>>);

/// Whose answer is awaited, where it belongs, and who else waits for it.
type Awaited<K, V> = (usize, Wanted<K>, watch::Sender<Option<Had<V>>>);

/// A question of this caller's own. When it is dropped, whoever waits for it asks for themselves.
pub(super) struct Lead<'a, K, V>
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
    pub(super) async fn fly<F, Fut>(self, ask: &F) -> Vec<Landing<V>>
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
pub(super) struct Seat<V> {
    at: usize,
    since: u64,
    landed: watch::Receiver<Option<Had<V>>>,
}

impl<V: Fact> Seat<V> {
    /// What is answered there; none when the one who asked did not wait for it.
    pub(super) async fn wait(mut self, deadline: Instant) -> Landing<V> {
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
