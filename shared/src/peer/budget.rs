//! How many calls may be repeated: a share of those that were made, and a few a second beside it,
//! so that a service that fails is not asked many times as often as one that works.
//!
//! Pure: time is an argument. The floor is what lets a peer that is seldom called repeat at all.

use std::time::Duration;

use tokio::time::Instant;

/// Retries that a call earns, in thousandths of one: 10 %.
const EARNED_PER_CALL: u32 = 100;
/// Earned retries that are kept, so that a calm hour does not pay for a storm.
const EARNED_MAX: u32 = 100 * RETRY;
/// Retries a second that nobody has to earn.
const FLOOR_PER_SECOND: u32 = 10;
/// One retry, in thousandths.
const RETRY: u32 = 1_000;

/// What a peer may still spend on repeating calls.
#[derive(Debug)]
pub(super) struct Budget {
    earned: u32,
    floor: u32,
    filled: Instant,
}

impl Budget {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            earned: 0,
            floor: FLOOR_PER_SECOND * RETRY,
            filled: now,
        }
    }

    /// A call is made.
    pub(super) fn earn(&mut self) {
        self.earned = (self.earned + EARNED_PER_CALL).min(EARNED_MAX);
    }

    /// Takes one retry, where there is one.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        let full = FLOOR_PER_SECOND * RETRY;
        let passed = now.saturating_duration_since(self.filled).as_millis();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        // A thousandth of a retry for each millisecond of a retry a second; what is less than a
        // millisecond stays for the next time.
        if passed > 0 {
            let more = passed.saturating_mul(FLOOR_PER_SECOND * RETRY / 1_000);
            self.floor = self.floor.saturating_add(more).min(full);
            self.filled += Duration::from_millis(passed.into());
        }
        let purse = match self.floor {
            RETRY.. => &mut self.floor,
            _ => &mut self.earned,
        };
        match purse.checked_sub(RETRY) {
            Some(rest) => {
                *purse = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(budget: &mut Budget, now: Instant) -> usize {
        (0..1_000).take_while(|_| budget.spend(now)).count()
    }

    #[test]
    fn a_tenth_of_the_calls_is_repeated_beside_the_floor() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        assert_eq!(spent(&mut budget, now), 10);
        for _ in 0..200 {
            budget.earn();
        }
        assert_eq!(spent(&mut budget, now), 20);
        budget.earn();
        assert_eq!(spent(&mut budget, now), 0);
    }

    #[test]
    fn the_floor_fills_with_time_and_does_not_pile_up() {
        let begun = Instant::now();
        let mut budget = Budget::new(begun);
        assert_eq!(spent(&mut budget, begun), 10);
        let after = |millis| begun + Duration::from_millis(millis);
        // Asking often loses nothing of what fills.
        for micros in 0..99_999 {
            assert!(!budget.spend(begun + Duration::from_micros(micros)));
        }
        assert_eq!(spent(&mut budget, after(100)), 1);
        assert_eq!(spent(&mut budget, after(600)), 5);
        assert_eq!(spent(&mut budget, after(3_600_000)), 10);
    }

    #[test]
    fn a_calm_hour_does_not_pay_for_a_storm() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        for _ in 0..1_000_000 {
            budget.earn();
        }
        assert_eq!(spent(&mut budget, now), 110);
    }
}
