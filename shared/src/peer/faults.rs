//! What a network does to calls, on purpose and by a seed: for tests alone.
//!
//! Requests and answers are lost, sent twice, delayed and overtaken, on calls inside the process
//! as on those over the network. What happens to a call follows from the seed, the two services and
//! the call's number, and from nothing else. No setting of a process switches this on.

use std::{
    future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use super::way::{Answer, Attempt, Lost, Way};
use crate::caller::ServiceName;

/// How often what happens, in thousandths of all calls, and how long it may take, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Where chance begins.
    pub seed: u64,
    /// Requests that never arrive.
    pub request_lost_permille: u32,
    /// Answers that never arrive; what was asked is done.
    pub answer_lost_permille: u32,
    /// Of what is lost: what is lost without a word, so that the caller waits until its deadline.
    /// Of the rest it learns at once, as of a connection that breaks.
    pub silent_permille: u32,
    /// Requests that arrive twice, one right after the other or the second one later.
    pub duplicated_permille: u32,
    /// How much later.
    pub duplicate_ms_max: u64,
    /// Requests that take their time.
    pub delayed_permille: u32,
    /// How much.
    pub delay_ms_max: u64,
    /// Requests that wait until one that was sent later has passed them.
    pub reordered_permille: u32,
    /// How long they wait at most.
    pub reorder_ms_max: u64,
}

/// How something is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Told,
    Silent,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    delay: Duration,
    overtaken: bool,
    request: Option<Loss>,
    /// How much later it arrives again.
    duplicate: Option<Duration>,
    answer: Option<Loss>,
}

impl Faults {
    fn fate(&self, me: ServiceName, peer: ServiceName, number: u64) -> Fate {
        let link = (me as u64) << 8 | peer as u64;
        let mut chance = Chance(mix(self.seed ^ mix(link ^ mix(number))));
        // Every fate draws all of its chances, so that one share does not shift the others.
        let delayed = chance.of(self.delayed_permille);
        let delay = chance.millis(self.delay_ms_max);
        let overtaken = chance.of(self.reordered_permille);
        let (request, request_loss) = (
            chance.of(self.request_lost_permille),
            chance.loss(self.silent_permille),
        );
        let duplicated = chance.of(self.duplicated_permille);
        let late = chance.of(500);
        let duplicate = chance.millis(self.duplicate_ms_max);
        let (answer, answer_loss) = (
            chance.of(self.answer_lost_permille),
            chance.loss(self.silent_permille),
        );
        Fate {
            delay: if delayed { delay } else { Duration::ZERO },
            overtaken,
            request: request.then_some(request_loss),
            duplicate: duplicated.then_some(if late { duplicate } else { Duration::ZERO }),
            answer: answer.then_some(answer_loss),
        }
    }
}

/// The faults between two services.
pub(super) struct Faulty {
    faults: Faults,
    me: ServiceName,
    peer: ServiceName,
    /// How many calls there were.
    calls: AtomicU64,
    /// The highest number of those that were sent.
    passed: watch::Sender<u64>,
    /// Requests that arrive once more; they end with the peer.
    duplicates: Mutex<JoinSet<()>>,
}

impl Faulty {
    pub(super) fn new(faults: Faults, me: ServiceName, peer: ServiceName) -> Self {
        Self {
            faults,
            me,
            peer,
            calls: AtomicU64::new(0),
            passed: watch::Sender::new(0),
            duplicates: Mutex::new(JoinSet::new()),
        }
    }

    /// Sends a request through all that may happen to it.
    pub(super) async fn send(&self, way: &Way, attempt: Attempt) -> Result<Answer, Lost> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let fate = self.faults.fate(self.me, self.peer, number);
        if !fate.delay.is_zero() {
            pause(fate.delay).await;
        }
        if fate.overtaken {
            let most = Duration::from_millis(self.faults.reorder_ms_max);
            let mut passed = self.passed.subscribe();
            let overtaken = passed.wait_for(|passed| *passed > number);
            // Where nobody comes, nobody overtakes.
            let _ = tokio::time::timeout(most, overtaken).await;
        }
        self.passed.send_if_modified(|passed| {
            let further = number > *passed;
            *passed = number.max(*passed);
            further
        });
        if let Some(loss) = fate.request {
            return loss.happen("the request").await;
        }
        if let Some(later) = fate.duplicate {
            self.duplicate(later, way.clone(), attempt.clone());
        }
        let answer = way.send(attempt).await;
        match fate.answer {
            Some(loss) => loss.happen("the answer").await,
            None => answer,
        }
    }

    fn duplicate(&self, later: Duration, way: Way, attempt: Attempt) {
        let again = async move {
            if !later.is_zero() {
                pause(later).await;
            }
            // Nobody waits for this answer.
            let _ = way.send(attempt).await;
        };
        let mut duplicates = self
            .duplicates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while duplicates.try_join_next().is_some() {}
        duplicates.spawn(again);
    }
}

impl Loss {
    async fn happen(self, what: &str) -> Result<Answer, Lost> {
        match self {
            Self::Told => Err(Lost::Broken(format!("{what} was lost on purpose"))),
            Self::Silent => future::pending().await,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a network that takes its time is what this plays"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// Numbers that follow from a first one: SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn of(&mut self, permille: u32) -> bool {
        self.next() % 1_000 < u64::from(permille)
    }

    fn millis(&mut self, max: u64) -> Duration {
        Duration::from_millis(self.next() % max.saturating_add(1))
    }

    fn loss(&mut self, silent_permille: u32) -> Loss {
        match self.of(silent_permille) {
            true => Loss::Silent,
            false => Loss::Told,
        }
    }
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceName::{Graph, Identity, Messaging};

    const FAULTS: Faults = Faults {
        seed: 7,
        request_lost_permille: 100,
        answer_lost_permille: 50,
        silent_permille: 500,
        duplicated_permille: 200,
        duplicate_ms_max: 20,
        delayed_permille: 300,
        delay_ms_max: 10,
        reordered_permille: 150,
        reorder_ms_max: 10,
    };

    fn fates(faults: &Faults, me: ServiceName, peer: ServiceName) -> Vec<Fate> {
        (1..=10_000)
            .map(|number| faults.fate(me, peer, number))
            .collect()
    }

    #[test]
    fn the_same_seed_decides_the_same_and_another_one_does_not() {
        let fates = |faults, me, peer| fates(&faults, me, peer);
        let first = fates(FAULTS, Messaging, Graph);
        assert_eq!(first, fates(FAULTS, Messaging, Graph));
        assert_ne!(first, fates(Faults { seed: 8, ..FAULTS }, Messaging, Graph));
        assert_ne!(first, fates(FAULTS, Messaging, Identity));
        assert_ne!(first, fates(FAULTS, Graph, Messaging));
        // More of one fault leaves the others where they were.
        let more = fates(
            Faults {
                duplicated_permille: 1_000,
                ..FAULTS
            },
            Messaging,
            Graph,
        );
        assert!(more.iter().all(|fate| fate.duplicate.is_some()));
        let same = |(one, other): (&Fate, &Fate)| {
            let (duplicate, one) = (other.duplicate, *one);
            assert_eq!(Fate { duplicate, ..one }, *other);
        };
        first.iter().zip(&more).for_each(same);
    }

    #[test]
    fn each_fault_has_its_share() {
        let fates = fates(&FAULTS, Messaging, Graph);
        let near = |what, share: fn(&Fate) -> bool, permille: usize| {
            let found = fates.iter().filter(|fate| share(fate)).count() / 10;
            let (least, most) = (permille * 8 / 10, permille * 12 / 10);
            assert!((least..=most).contains(&found), "{what}: {found} of 1,000");
        };
        near("lost requests", |fate| fate.request.is_some(), 100);
        near("silent", |fate| fate.request == Some(Loss::Silent), 50);
        near("lost answers", |fate| fate.answer.is_some(), 50);
        near("duplicates", |fate| fate.duplicate.is_some(), 200);
        near(
            "late",
            |fate| fate.duplicate.is_some_and(|late| !late.is_zero()),
            95,
        );
        near("delays", |fate| !fate.delay.is_zero(), 272);
        near("overtaken", |fate| fate.overtaken, 150);
        let most = Duration::from_millis(10);
        assert!(fates.iter().all(|fate| fate.delay <= most));
    }

    #[test]
    fn without_shares_nothing_happens() {
        let faults = Faults {
            seed: 7,
            ..Faults::default()
        };
        let nothing = Fate {
            delay: Duration::ZERO,
            overtaken: false,
            request: None,
            duplicate: None,
            answer: None,
        };
        let fates = fates(&faults, Messaging, Graph);
        assert!(fates.iter().all(|fate| *fate == nothing));
    }
}
