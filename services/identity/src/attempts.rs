//! How many sign-ins with one handle may fail in an hour.
//!
//! Counts are kept in a fixed number of buckets that handles are spread over by a keyed hash: no
//! flood of made-up handles takes more memory or pushes anybody's count out, and nobody can choose
//! whose bucket to share. Two handles in one bucket are counted together, which limits them
//! sooner, never later; what this machine can hash in an hour keeps that from mattering.
//!
//! An attempt is charged before its password is hashed and given back when it succeeds, so that
//! many at once cannot slip through, and one that is cut short counts as failed. Each replica
//! counts for itself.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::hmac;
use postern_shared::{clock::Timestamp, random::Random};

/// How long a count lasts from its first failure.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// How many buckets there are: a power of two, 2 MiB in all.
const BUCKETS: usize = 1 << 17;

/// Counts failed sign-ins.
#[derive(Debug)]
pub struct FailedSignIns {
    key: hmac::Key,
    failed_max: u32,
    buckets: Mutex<Box<[Bucket]>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    ends_at: Timestamp,
    failed: u32,
}

/// An attempt that was charged.
#[derive(Debug, Clone, Copy)]
pub struct Charge {
    bucket: usize,
    ends_at: Timestamp,
}

impl FailedSignIns {
    /// Allows `failed_max` failures per handle and hour.
    pub fn new(failed_max: u32, random: &Random) -> Self {
        let empty = Bucket {
            ends_at: Timestamp::from_unix_millis(i64::MIN),
            failed: 0,
        };
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random.bytes::<32>()),
            failed_max,
            buckets: Mutex::new(vec![empty; BUCKETS].into_boxed_slice()),
        }
    }

    /// Charges an attempt as if it had failed.
    ///
    /// # Errors
    /// How long to wait, when too many have failed.
    pub fn charge(&self, handle: &str, now: Timestamp) -> Result<Charge, Duration> {
        let index = self.bucket(handle);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[index];
        // A window that ends later than a new one would was made by a clock that ran ahead.
        if bucket.ends_at <= now || bucket.ends_at > now.plus(WINDOW) {
            *bucket = Bucket {
                ends_at: now.plus(WINDOW),
                failed: 0,
            };
        }
        if bucket.failed >= self.failed_max {
            return Err(now.until(bucket.ends_at));
        }
        bucket.failed += 1;
        Ok(Charge {
            bucket: index,
            ends_at: bucket.ends_at,
        })
    }

    /// Gives an attempt back that did not fail.
    pub fn refund(&self, charge: Charge) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &mut buckets[charge.bucket];
        if bucket.ends_at == charge.ends_at {
            bucket.failed = bucket.failed.saturating_sub(1);
        }
    }

    fn bucket(&self, handle: &str) -> usize {
        let tag = hmac::sign(&self.key, handle.as_bytes());
        let head = tag.as_ref().iter().take(8);
        let number = head.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number % BUCKETS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

    fn limit(failed_max: u32) -> FailedSignIns {
        FailedSignIns::new(failed_max, &Random::system())
    }

    #[test]
    fn so_many_fail_and_then_none_until_the_hour_is_over() {
        let limit = limit(3);
        for _ in 0..3 {
            limit.charge("zoe", START).unwrap();
        }
        let later = START.plus(Duration::from_secs(60));
        assert_eq!(
            limit.charge("zoe", later).unwrap_err(),
            Duration::from_secs(59 * 60)
        );
        limit.charge("max", later).unwrap();
        limit.charge("zoe", START.plus(WINDOW)).unwrap();
    }

    #[test]
    fn what_succeeds_is_not_counted() {
        let limit = limit(1);
        for _ in 0..10 {
            let charge = limit.charge("zoe", START).unwrap();
            limit.refund(charge);
        }
        let charge = limit.charge("zoe", START).unwrap();
        let next_hour = START.plus(WINDOW);
        limit.charge("zoe", next_hour).unwrap();
        // It belonged to an hour that is over.
        limit.refund(charge);
        assert!(limit.charge("zoe", next_hour).is_err());
    }

    #[test]
    fn a_flood_of_handles_frees_nobody() {
        let limit = limit(2);
        limit.charge("zoe", START).unwrap();
        limit.charge("zoe", START).unwrap();
        for number in 0..200_000 {
            let _ = limit.charge(&format!("made.up.{number}"), START);
        }
        assert!(limit.charge("zoe", START).is_err());
    }

    #[test]
    fn a_clock_that_jumps_back_locks_nobody_out() {
        let limit = limit(1);
        limit.charge("zoe", START.plus(100 * WINDOW)).unwrap();
        assert!(limit.charge("zoe", START).is_ok());
    }
}
