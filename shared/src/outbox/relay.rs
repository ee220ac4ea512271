//! What carries the rows of one database to the brokers: one relay a service and process.
//!
//! Promises: a row is marked only after its events have arrived, so that a relay that dies at any
//! point loses nothing; on PostgreSQL two never work in one shard at once, and one that dies frees
//! its shard with its connection. A broker that is away is left alone for a while, and the rows
//! are not even read.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use opentelemetry::metrics::Meter;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    metrics::Metrics,
    publish::{Verdict, publish},
    table,
};
use crate::{
    bus::{Broker, PublishError},
    caller::ServiceName,
    clock::{Clock, Timestamp},
    db::Db,
    random::Random,
};

/// Rows of a shard that are worked on at once.
const ROWS_MAX: u64 = 64;
/// Shards that are worked on at once: each holds a connection meanwhile.
const SHARDS_AT_ONCE: usize = 2;
/// How long publishing the rows of one shard may take. What has not arrived by then waits.
const PUBLISH: Duration = Duration::from_secs(5);
/// When the database gives up on a relay that holds a shard and says nothing, in milliseconds:
/// its machine may have vanished without a word.
const SILENT_HOLDER: &str = "SET LOCAL idle_in_transaction_session_timeout = 15000";
/// How often it is looked for rows that nobody rang for: those of other processes.
const POLL: Duration = Duration::from_secs(1);
/// How long commits gather under load before the next look.
const GATHER: Duration = Duration::from_millis(25);
/// How soon a shard that another replica held is looked at again.
const HELD: Duration = Duration::from_millis(100);
/// The first and the longest wait for a broker or a database that is away.
const BACKOFF_MS: (u64, u64) = (200, 5_000);
/// What the last look may take once the process stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often it is measured how much waits.
const MEASURE: Duration = Duration::from_secs(10);
/// How long published rows are kept, so that they can be published again.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How often what is older is removed, and how many rows at once.
const PURGE: Duration = Duration::from_secs(60);
const PURGE_ROWS: u64 = 500;

/// What a relay is made from.
pub(crate) struct Settings<'a> {
    pub(crate) service: ServiceName,
    pub(crate) db: Db,
    pub(crate) brokers: Vec<Arc<dyn Broker>>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) meter: &'a Meter,
}

/// The relay.
#[derive(Debug)]
pub(crate) struct Relay {
    service: ServiceName,
    db: Db,
    brokers: Vec<Arc<dyn Broker>>,
    clock: Clock,
    random: Random,
    metrics: Metrics,
}

/// What a look at the outbox came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// There may be more to do at once.
    pub(super) more: bool,
    /// Somebody else is at work where something waits.
    pub(super) held: bool,
    /// Why something could not be done now.
    pub(super) stalled: Option<String>,
}

impl Relay {
    pub(crate) fn new(settings: Settings<'_>) -> Self {
        Self {
            service: settings.service,
            db: settings.db,
            brokers: settings.brokers,
            clock: settings.clock,
            random: settings.random,
            metrics: Metrics::new(settings.meter, settings.service),
        }
    }

    /// Works until told to stop; then it looks once more, for what the last calls left.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.publishing(&stop),
            every(MEASURE, &stop, || self.measure()),
            every(PURGE, &stop, || self.purge()),
        );
    }

    async fn publishing(&self, stop: &CancellationToken) {
        let mut failures = 0;
        loop {
            let last = stop.is_cancelled();
            let turn = tokio::select! {
                turn = self.turn() => turn,
                // Whatever it was doing is done again by the next process.
                () = farewell(stop) => return,
            };
            if last && !turn.more {
                return;
            }
            failures = self.note(&turn, failures);
            if turn.more {
                continue;
            }
            let wait = async {
                if turn.stalled.is_some() {
                    pause(self.backoff(failures)).await;
                } else if turn.held {
                    // They may have looked before the last commit, and nobody rings for them.
                    pause(HELD).await;
                } else {
                    pause(GATHER).await;
                    let _ = timeout(POLL, self.db.desk().bell.notified()).await;
                }
            };
            tokio::select! {
                () = wait => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Looks once: publishes what waits.
    pub(super) async fn turn(&self) -> Turn {
        match self.look().await {
            Ok(turn) => turn,
            Err(error) => Turn::stalled(error.to_string()),
        }
    }

    async fn look(&self) -> Result<Turn, DbErr> {
        for broker in &self.brokers {
            if let Err(PublishError::Unavailable(why) | PublishError::Rejected(why)) =
                broker.ready().await
            {
                return Ok(Turn::stalled(why));
            }
        }
        let mut shards = table::shards_waiting(self.db.reader()).await?;
        // A shard that always stalls must not keep those behind it waiting for ever.
        let first = self.random.below(u64::try_from(shards.len()).unwrap_or(0));
        shards.rotate_left(usize::try_from(first).unwrap_or(0));
        if self.db.backend() == DbBackend::Sqlite {
            return self.work_alone(shards).await;
        }
        let shards = stream::iter(shards).map(|shard| self.work_claimed(shard));
        let mut turns = shards.buffer_unordered(SHARDS_AT_ONCE);
        let mut all = Turn::default();
        while let Some(turn) = turns.next().await {
            all = all.and(turn?);
            if all.stalled.is_some() {
                // The others would only wait for the same broker.
                break;
            }
        }
        Ok(all)
    }

    /// PostgreSQL: the shard is ours while the transaction lasts, and it ends with us.
    async fn work_claimed(&self, shard: i64) -> Result<Turn, DbErr> {
        let tx = self.db.begin().await?;
        tx.execute_unprepared(SILENT_HOLDER).await?;
        if !table::claim(&tx, shard).await? {
            tx.rollback().await?;
            let held = true;
            return Ok(Turn {
                held,
                ..Turn::default()
            });
        }
        let rows = table::waiting(&tx, shard, ROWS_MAX).await?;
        let verdict = publish(&self.brokers, self.service, &rows, PUBLISH).await;
        table::settle(&tx, shard, &verdict, self.clock.now()).await?;
        tx.commit().await?;
        Ok(self.done(rows.len(), verdict))
    }

    /// SQLite: nobody else has the file. Its one writer is not held while anything is published,
    /// and everything is marked by one transaction.
    async fn work_alone(&self, shards: Vec<i64>) -> Result<Turn, DbErr> {
        let mut turn = Turn::default();
        let mut verdicts = Vec::new();
        for shard in shards {
            let rows = table::waiting(self.db.reader(), shard, ROWS_MAX).await?;
            let verdict = publish(&self.brokers, self.service, &rows, PUBLISH).await;
            let stalled = verdict.unavailable.is_some();
            verdicts.push((shard, rows.len(), verdict));
            if stalled {
                break;
            }
        }
        let (now, settled) = (self.clock.now(), &verdicts);
        if !settled.is_empty() {
            self.db
                .write(|tx| async move {
                    for (shard, _, verdict) in settled {
                        table::settle(&tx, *shard, verdict, now).await?;
                    }
                    Ok::<_, DbErr>(())
                })
                .await?;
        }
        for (_, rows, verdict) in verdicts {
            turn = turn.and(self.done(rows, verdict));
        }
        Ok(turn)
    }

    fn done(&self, rows: usize, verdict: Verdict) -> Turn {
        self.metrics.settled(rows, &verdict);
        for row in verdict.rejected.iter().filter(|row| row.is_dead()) {
            tracing::error!(
                outbox.id = %row.id,
                problem = row.problem,
                "events were given up on; `outbox retry-dead` tries them again"
            );
        }
        let full = u64::try_from(rows).unwrap_or(0) == ROWS_MAX;
        Turn {
            more: verdict.more || (full && !verdict.published.is_empty()),
            held: false,
            stalled: verdict.unavailable,
        }
        .and(Turn::default())
    }

    /// Tells of a change for the worse or the better, once.
    fn note(&self, turn: &Turn, failures: u32) -> u32 {
        match (&turn.stalled, failures) {
            (None, 0) => 0,
            (None, _) => {
                tracing::info!(service = %self.service, "events leave again");
                0
            }
            (Some(why), 0) => {
                tracing::warn!(service = %self.service, why, "events wait; nothing is lost");
                1
            }
            (Some(_), failures) => failures.saturating_add(1),
        }
    }

    /// Half of it is chance, so that replicas do not come back as one.
    fn backoff(&self, failures: u32) -> Duration {
        let (first, longest) = BACKOFF_MS;
        let doubled = first
            .saturating_mul(1 << failures.saturating_sub(1).min(10))
            .min(longest);
        Duration::from_millis(doubled / 2 + self.random.below(doubled / 2 + 1))
    }

    async fn measure(&self) {
        match table::backlog(self.db.reader()).await {
            Ok(backlog) => self.metrics.backlog(backlog, self.clock.now()),
            Err(error) => tracing::debug!(%error, "it could not be measured how much waits"),
        }
    }

    async fn purge(&self) {
        if let Err(error) = self.remove_old().await {
            tracing::warn!(%error, "published events were not removed; the next run tries again");
        }
    }

    /// Removes what was published long ago, step by step.
    pub(super) async fn remove_old(&self) -> Result<u64, DbErr> {
        let before = self.clock.now().minus(KEPT);
        let (mut removed, mut failed) = (0, None);
        for shard in table::shards(self.db.reader()).await? {
            match self.remove_old_of(shard, before).await {
                Ok(rows) => removed += rows,
                // The other shards have their own.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    async fn remove_old_of(&self, shard: i64, before: Timestamp) -> Result<u64, DbErr> {
        let mut removed = 0;
        loop {
            let reader = self.db.reader();
            let ids = table::published_before(reader, shard, before, PURGE_ROWS).await?;
            if ids.is_empty() {
                return Ok(removed);
            }
            let ids = &ids;
            removed += self
                .db
                .write(|tx| async move { table::remove(&tx, shard, ids).await })
                .await?;
        }
    }
}

impl Turn {
    fn stalled(why: String) -> Self {
        Self {
            stalled: Some(why),
            ..Self::default()
        }
    }

    /// Both together. What is stalled is not hurried.
    fn and(self, other: Self) -> Self {
        let stalled = self.stalled.or(other.stalled);
        Self {
            more: (self.more || other.more) && stalled.is_none(),
            held: self.held || other.held,
            stalled,
        }
    }
}

/// Does something at once and then now and then, until told to stop.
async fn every<F, Fut>(period: Duration, stop: &CancellationToken, job: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    while !stop.is_cancelled() {
        tokio::select! {
            () = job() => {}
            () = farewell(stop) => return,
        }
        let _ = timeout(period, stop.cancelled()).await;
    }
}

/// Ends when a process that stops has waited long enough.
async fn farewell(stop: &CancellationToken) {
    stop.cancelled().await;
    pause(FAREWELL).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "commits gather, and a broker that is away is left alone for a while"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
