//! When to stop asking an address that does not serve: too many failures open the breaker, and
//! nothing is sent until it has rested; then one call tries, and its end decides for all. A call
//! that insists need not wait for the rest to be over.
//!
//! Pure: a state machine over moments and outcomes that never waits. Each state has an era; what
//! ends in another era than it began in says nothing of the present and is not counted.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::random::Random;

/// What is remembered, in seconds of one slot each.
const WINDOW_SECONDS: u64 = 10;
/// Of fewer calls no share is taken.
const CALLS_MIN: u32 = 20;
/// The share of failures that opens, in per cent.
const FAILED_PERCENT: u32 = 50;
/// How long it stays open: 1 to 2 s at first, doubling to 2.5 to 5 s.
const REST: Backoff = Backoff {
    first: Duration::from_secs(2),
    max: Duration::from_secs(5),
};

/// How a call ended, as far as it tells of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was served, whatever the answer.
    Good,
    /// It was not.
    Bad,
    /// Nobody waited for the end.
    Unknown,
}

/// A change that people want to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing is sent for a while.
    Opened,
    /// Everything is sent again.
    Closed,
}

/// Names the era in which a call began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The breaker of one address.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    era: u64,
    /// How often it opened without a calm window between.
    openings: u32,
}

#[derive(Debug)]
enum State {
    Closed(Window),
    Open {
        until: Instant,
    },
    /// One call is out to try.
    Trying,
}

impl Breaker {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Closed(Window::new(now)),
            era: 0,
            openings: 0,
        }
    }

    /// Whether a call may begin.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match self.state {
            State::Closed(_) => true,
            State::Open { until } => until <= now,
            State::Trying => false,
        }
    }

    /// Whether a call may begin that insists: the one that tries, before the rest is over.
    pub(super) fn admits_insistence(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// A call begins that was admitted.
    pub(super) fn begin(&mut self) -> Ticket {
        if matches!(self.state, State::Open { .. }) {
            self.turn(State::Trying);
        }
        Ticket(self.era)
    }

    /// It ended.
    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        now: Instant,
        random: &Random,
    ) -> Option<Turn> {
        if ticket.0 != self.era {
            return None;
        }
        match (&mut self.state, outcome) {
            (State::Closed(_), Outcome::Unknown) | (State::Open { .. }, _) => None,
            (State::Closed(window), outcome) => {
                window.count(outcome == Outcome::Bad, now);
                if outcome == Outcome::Good || !window.fails(now) {
                    return None;
                }
                if window.is_calm(now) {
                    self.openings = 0;
                }
                Some(self.open(now, random))
            }
            (State::Trying, Outcome::Good) => {
                self.turn(State::Closed(Window::new(now)));
                Some(Turn::Closed)
            }
            (State::Trying, Outcome::Bad) => Some(self.open(now, random)),
            // Nothing was learned: the next call tries.
            (State::Trying, Outcome::Unknown) => {
                self.turn(State::Open { until: now });
                None
            }
        }
    }

    fn open(&mut self, now: Instant, random: &Random) -> Turn {
        self.openings = self.openings.saturating_add(1);
        let until = now + REST.upper_half(self.openings, random);
        self.turn(State::Open { until });
        Turn::Opened
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }
}

/// The calls of the last seconds.
#[derive(Debug)]
struct Window {
    begun: Instant,
    slots: [Slot; WINDOW_SECONDS as usize],
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    second: u64,
    calls: u32,
    failed: u32,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self {
            begun: now,
            slots: [Slot::default(); WINDOW_SECONDS as usize],
        }
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs()
    }

    fn count(&mut self, failed: bool, now: Instant) {
        let second = self.second(now);
        let slot = &mut self.slots[(second % WINDOW_SECONDS) as usize];
        if slot.second != second {
            *slot = Slot {
                second,
                ..Slot::default()
            };
        }
        slot.calls = slot.calls.saturating_add(1);
        slot.failed = slot.failed.saturating_add(u32::from(failed));
    }

    /// Whether so many failed that it has to open.
    fn fails(&self, now: Instant) -> bool {
        let second = self.second(now);
        let fresh = |slot: &&Slot| slot.second + WINDOW_SECONDS > second;
        let (calls, failed) =
            self.slots
                .iter()
                .filter(fresh)
                .fold((0_u32, 0_u32), |(calls, failed), slot| {
                    (
                        calls.saturating_add(slot.calls),
                        failed.saturating_add(slot.failed),
                    )
                });
        calls >= CALLS_MIN
            && u64::from(failed) * 100 >= u64::from(calls) * u64::from(FAILED_PERCENT)
    }

    /// Whether it has been closed for as long as is remembered.
    fn is_calm(&self, now: Instant) -> bool {
        self.second(now) >= WINDOW_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Try {
        breaker: Breaker,
        now: Instant,
        random: Random,
    }

    impl Try {
        fn new() -> Self {
            let now = Instant::now();
            let (breaker, random) = (Breaker::new(now), Random::system());
            Self {
                breaker,
                now,
                random,
            }
        }

        fn pass(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
        }

        fn admits(&self) -> bool {
            self.breaker.admits(self.now)
        }

        fn end(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Turn> {
            self.breaker.end(ticket, outcome, self.now, &self.random)
        }

        fn call(&mut self, outcome: Outcome) -> Option<Turn> {
            assert!(self.admits());
            let ticket = self.breaker.begin();
            self.end(ticket, outcome)
        }

        fn calls(&mut self, count: usize, outcome: Outcome) {
            for _ in 0..count {
                assert_eq!(self.call(outcome), None);
            }
        }

        /// How long it stays open, in milliseconds.
        fn rest(&mut self) -> u64 {
            let begun = self.now;
            while !self.admits() {
                self.pass(1);
            }
            u64::try_from((self.now - begun).as_millis()).unwrap()
        }

        fn opened() -> Self {
            let mut this = Self::new();
            this.calls(19, Outcome::Bad);
            assert_eq!(this.call(Outcome::Bad), Some(Turn::Opened));
            assert!(!this.admits());
            this
        }
    }

    #[test]
    fn half_of_twenty_open_and_fewer_do_not() {
        Try::opened();
        let mut half = Try::new();
        half.calls(10, Outcome::Good);
        half.calls(9, Outcome::Bad);
        assert_eq!(half.call(Outcome::Bad), Some(Turn::Opened));
        let mut less = Try::new();
        less.calls(11, Outcome::Good);
        less.calls(10, Outcome::Bad);
        assert_eq!(less.call(Outcome::Bad), Some(Turn::Opened));
        let mut unknown = Try::new();
        unknown.calls(1_000, Outcome::Unknown);
        unknown.calls(19, Outcome::Bad);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut slow = Try::new();
        for _ in 0..100 {
            slow.calls(1, Outcome::Bad);
            slow.pass(600);
        }
        let mut healed = Try::new();
        healed.calls(19, Outcome::Bad);
        healed.pass(10_000);
        healed.calls(19, Outcome::Bad);
        // The first second has left the window, the other nine have not.
        let mut long = Try::new();
        for _ in 0..10 {
            long.calls(3, Outcome::Good);
            long.pass(1_000);
        }
        long.calls(26, Outcome::Bad);
        assert_eq!(long.call(Outcome::Bad), Some(Turn::Opened));
    }

    #[test]
    fn one_call_tries_after_the_rest_and_closes() {
        let mut broken = Try::opened();
        assert!((1_000..=2_000).contains(&broken.rest()));
        let ticket = broken.breaker.begin();
        assert!(!broken.admits(), "a second call must not try");
        broken.pass(60_000);
        assert!(!broken.admits());
        assert_eq!(broken.end(ticket, Outcome::Good), Some(Turn::Closed));
        // What failed before it closed is forgotten.
        broken.calls(19, Outcome::Bad);
    }

    #[test]
    fn each_failed_try_makes_the_rest_longer_until_it_has_been_calm() {
        let mut broken = Try::opened();
        for longest in [2_000, 4_000, 5_000, 5_000] {
            let rest = broken.rest();
            assert!((longest / 2..=longest).contains(&rest), "{rest}");
            assert_eq!(broken.call(Outcome::Bad), Some(Turn::Opened));
        }
        let again = |broken: &mut Try| {
            broken.rest();
            assert_eq!(broken.call(Outcome::Good), Some(Turn::Closed));
        };
        again(&mut broken);
        broken.calls(19, Outcome::Bad);
        assert_eq!(broken.call(Outcome::Bad), Some(Turn::Opened));
        assert!(broken.rest() >= 2_500);
        again(&mut broken);
        broken.pass(10_000);
        broken.calls(19, Outcome::Bad);
        assert_eq!(broken.call(Outcome::Bad), Some(Turn::Opened));
        assert!(broken.rest() <= 2_000);
    }

    #[test]
    fn who_insists_tries_before_the_rest_is_over_and_alone() {
        let mut broken = Try::opened();
        for _ in 0..3 {
            assert!(!broken.admits() && broken.breaker.admits_insistence());
            let ticket = broken.breaker.begin();
            assert!(!broken.admits() && !broken.breaker.admits_insistence());
            assert_eq!(broken.end(ticket, Outcome::Bad), Some(Turn::Opened));
        }
        let ticket = broken.breaker.begin();
        assert_eq!(broken.end(ticket, Outcome::Good), Some(Turn::Closed));
        assert!(broken.admits() && !broken.breaker.admits_insistence());
    }

    #[test]
    fn a_try_that_nobody_waited_for_leaves_it_to_the_next() {
        let mut broken = Try::opened();
        broken.rest();
        assert_eq!(broken.call(Outcome::Unknown), None);
        assert!(broken.admits());
        assert_eq!(broken.call(Outcome::Good), Some(Turn::Closed));
    }

    #[test]
    fn what_began_before_it_opened_decides_nothing_afterwards() {
        let mut broken = Try::new();
        let early: Vec<_> = (0..40).map(|_| broken.breaker.begin()).collect();
        broken.calls(19, Outcome::Bad);
        assert_eq!(broken.call(Outcome::Bad), Some(Turn::Opened));
        for ticket in &early[..20] {
            assert_eq!(broken.end(*ticket, Outcome::Good), None);
        }
        assert!(!broken.admits());
        broken.rest();
        let ticket = broken.breaker.begin();
        assert_eq!(broken.end(early[20], Outcome::Good), None);
        assert_eq!(broken.end(ticket, Outcome::Good), Some(Turn::Closed));
        for ticket in &early[21..] {
            assert_eq!(broken.end(*ticket, Outcome::Bad), None);
        }
        assert!(broken.admits());
    }
}
