//! What the transactions of one database share beside it: the ids of what they leave in the outbox,
//! and the bell that wakes whoever carries it on.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::{clock::Timestamp, id, random::Random};

/// What the transactions of one database and its relay share.
#[derive(Debug)]
pub(crate) struct Desk {
    /// Rung after a commit that left events.
    pub(crate) bell: Arc<Notify>,
    random: Random,
    /// Milliseconds and counter of the last row.
    last: Mutex<(i64, u16)>,
}

impl Desk {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            bell: Arc::default(),
            random,
            last: Mutex::new((0, 0)),
        }
    }

    /// The id of an event.
    pub(crate) fn event_id(&self, now: Timestamp) -> Uuid {
        id::version_7(now, &self.random)
    }

    /// An id of a row that sorts after every one made here before, also within one millisecond:
    /// whoever changes an aggregate later has the later row, because they waited for its lock.
    pub(crate) fn next_id(&self, now: Timestamp) -> Uuid {
        /// The 12 bits behind the time in a version 7 UUID.
        const COUNTER_MAX: u16 = 0xfff;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match *last {
            (millis, _) if millis < now.unix_millis() => (now.unix_millis(), 0),
            (millis, COUNTER_MAX) => (millis + 1, 0),
            (millis, counter) => (millis, counter + 1),
        };
        let (millis, counter) = *last;
        let mut bytes: [u8; 10] = self.random.bytes();
        bytes[..2].copy_from_slice(&counter.to_be_bytes());
        id::version_7_of(Timestamp::from_unix_millis(millis), &bytes)
    }
}
