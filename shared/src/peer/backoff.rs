//! How long to keep away after so many failures in a row: doubling up to a bound, and spread by
//! chance, so that those who failed together do not come back together.

use std::time::Duration;

use crate::random::Random;

/// The shift at which doubling stops, whatever the bound: no duration overflows.
const DOUBLINGS_MAX: u32 = 16;

/// Waits that double with every failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    /// The longest wait after the first failure.
    pub(super) first: Duration,
    /// The longest wait of all.
    pub(super) max: Duration,
}

impl Backoff {
    /// From nothing to the whole wait: for what nobody else waits for.
    pub(super) fn full(self, failures: u32, random: &Random) -> Duration {
        spread(self.longest(failures), random)
    }

    /// From half to the whole wait: for what must not come back at once.
    pub(super) fn upper_half(self, failures: u32, random: &Random) -> Duration {
        let half = self.longest(failures) / 2;
        half + spread(half, random)
    }

    fn longest(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }
}

fn spread(max: Duration, random: &Random) -> Duration {
    let micros = u64::try_from(max.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.below(micros.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_differ() {
        let random = Random::system();
        let (first, max) = (Duration::from_millis(100), Duration::from_millis(500));
        let backoff = Backoff { first, max };
        for (failures, longest) in [(1, 100), (2, 200), (3, 400), (4, 500), (u32::MAX, 500)] {
            let longest = Duration::from_millis(longest);
            let waits: Vec<_> = (0..200)
                .map(|_| backoff.upper_half(failures, &random))
                .collect();
            assert!(
                waits
                    .iter()
                    .all(|wait| (longest / 2..=longest).contains(wait))
            );
            assert!(waits.iter().any(|wait| wait != &waits[0]));
            let full = (0..200).map(|_| backoff.full(failures, &random));
            assert!(full.min().unwrap() < longest / 2, "{failures}");
        }
    }
}
