//! Requests that nobody touched for long leave their recipients' lists.
//!
//! Such a request is withdrawn, not declined: its sender can tell nothing. What they sent to it
//! counts on, so nothing is refunded; where they may still write, the next message brings it back.
//!
//! Every replica does this, and doing it twice does no harm. When a process starts it looks once at
//! everything that is old, and from then on at what grew old since.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use postern_shared::clock::{Clock, Timestamp};

use crate::store::Store;

/// How often it is looked.
pub const EVERY: Duration = Duration::from_secs(3_600);

/// The job.
#[derive(Debug)]
pub struct Expiry {
    store: Store,
    clock: Clock,
    after: Duration,
    /// Everything that was sent before this moment has been looked at.
    done_ms: AtomicI64,
}

impl Expiry {
    /// Withdraws what nobody touched for `after`.
    #[must_use]
    pub fn new(store: Store, clock: Clock, after: Duration) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            after,
            done_ms: AtomicI64::new(0),
        })
    }

    /// Looks once. What could not be done is tried again the next time.
    pub async fn run(&self) {
        let since = Timestamp::from_unix_millis(self.done_ms.load(Ordering::Relaxed));
        let before = self.clock.now().minus(self.after);
        match self.store.expire_requests(since, before).await {
            Ok(expired) => {
                self.done_ms
                    .fetch_max(before.unix_millis(), Ordering::Relaxed);
                if expired > 0 {
                    tracing::info!(expired, "requests that nobody touched were withdrawn");
                }
            }
            Err(error) => tracing::warn!(%error, "old requests were not withdrawn"),
        }
    }
}
