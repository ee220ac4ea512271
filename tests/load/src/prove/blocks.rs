//! How long a block takes until it is acknowledged, in silence and under a flood.
//!
//! It promises the same calls both times, by the same recipient on the same services: only the
//! flood differs.

use std::cell::Cell;

use futures_util::future::{try_join, try_join_all};
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

use super::Cast;
use crate::calls;
use crate::error::CallError;
use crate::progress::{Phase, Style};
use crate::report::{histogram, per_second, quantile_ms, rounded};

/// Latencies of Block with and without a flood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blocks {
    /// Nobody writes to the recipient.
    pub idle: Latency,
    /// Every sender writes to the recipient, one message after the other.
    pub flooded: Latency,
    /// How many senders that are.
    pub senders: usize,
    /// Answers a second to what they send.
    pub sends_per_second: f64,
}

/// How long blocks took until they were acknowledged as enforced.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// How many that were.
    pub blocks: u64,
    /// How many were not acknowledged as enforced; they are not among those.
    pub pending: u64,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took no longer, in milliseconds.
    pub p99_ms: f64,
}

/// Measures so many blocks each way; nothing where none is wanted.
pub async fn measure(
    cast: &Cast<'_>,
    blocks: u32,
    style: Style,
) -> Result<Option<Blocks>, CallError> {
    if blocks == 0 {
        return Ok(None);
    }
    for sender in &cast.senders {
        calls::befriend(cast.client, sender, recipient(cast)).await?;
    }
    let begin = |name| Phase::begin(style, name, blocks as usize, cast.client.retry.count());
    let phase = begin("blocks, idle");
    let idle = block(cast, blocks, &phase).await?;
    phase.end();
    let phase = begin("blocks, flood");
    let (over, started) = (Cell::new(false), Instant::now());
    let blocking = async {
        let flooded = block(cast, blocks, &phase).await;
        over.set(true);
        flooded
    };
    let floods = cast.senders.iter().map(|sender| async {
        let mut sent = 0;
        while !over.get() {
            let (message, to) = (cast.next_message(), recipient(cast));
            calls::send(cast.client, cast.names, sender, to, message).await?;
            sent += 1;
        }
        Ok(sent)
    });
    let (flooded, sent) = try_join(blocking, try_join_all(floods)).await?;
    phase.end();
    let sent: u64 = sent.into_iter().sum();
    Ok(Some(Blocks {
        idle,
        flooded,
        senders: cast.senders.len(),
        sends_per_second: rounded(per_second(sent, started.elapsed())),
    }))
}

fn recipient<'a>(cast: &'a Cast<'_>) -> &'a crate::session::Session {
    // INVARIANT: there is a recipient for every lane, and at least one lane.
    &cast.recipients[0]
}

/// Blocks one sender after the other and makes friends with them again.
async fn block(cast: &Cast<'_>, blocks: u32, phase: &Phase) -> Result<Latency, CallError> {
    let (client, recipient) = (cast.client, recipient(cast));
    let mut latency_us: Histogram<u64> = histogram();
    let mut pending = 0;
    for sender in cast.senders.iter().cycle().take(blocks as usize) {
        let started = Instant::now();
        let enforced = calls::block(client, recipient, sender).await?;
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if enforced {
            latency_us.saturating_record(micros);
        } else {
            pending += 1;
        }
        calls::unblock(client, recipient, sender).await?;
        calls::befriend(client, recipient, sender).await?;
        phase.advance(client.retry.count());
    }
    Ok(Latency {
        blocks: latency_us.len(),
        pending,
        p50_ms: quantile_ms(&latency_us, 0.5),
        p99_ms: quantile_ms(&latency_us, 0.99),
    })
}
