//! Events on their way out: written in the transaction that they tell of, published afterwards.
//!
//! Promises: what was committed is published at least once, whatever crashes; what was rolled back
//! never is; no caller waits for a broker. The events of one aggregate and kind leave in the order
//! of their versions, except where more rows wait in a shard than a relay takes at once and the
//! clocks of the replicas that wrote them disagree. The rows hold ids alone, never what somebody
//! wrote or chose.

mod admin;
mod event;
mod metrics;
mod publish;
mod relay;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use postern_proto::event::v1::EventBatch;
use prost::Message as _;
use sea_orm::{DbErr, EntityTrait as _, Set};
use uuid::Uuid;

pub use admin::{Dead, Status, replay, retry_dead, status};
pub use event::{Body, Event};
pub(crate) use relay::{Relay, Settings};

use crate::{
    clock::Timestamp,
    db::{Migration, Tx},
};

/// How many shards the rows are spread over: as many relays can work at once. Never changed, or
/// the events of an aggregate would lie in two shards.
const SHARDS: u16 = 16;

/// The step that makes the tables of an outbox, under the name that it has in a service's schema.
#[must_use]
pub const fn migration(name: &'static str) -> Migration {
    Migration {
        name,
        statements: &[
            // One row a transaction and shard; what it holds is a `postern.event.v1.EventBatch`.
            "CREATE TABLE IF NOT EXISTS outbox (
                shard bigint NOT NULL,
                outbox_id uuid NOT NULL,
                events bytea NOT NULL,
                status text NOT NULL CHECK (status IN ('waiting', 'published', 'dead')),
                attempts bigint NOT NULL,
                problem text,
                created_at_ms bigint NOT NULL,
                published_at_ms bigint,
                PRIMARY KEY (shard, outbox_id)
            )",
            "CREATE INDEX IF NOT EXISTS outbox_status ON outbox (status, shard, outbox_id)",
            // Whoever holds the lock of a shard's row publishes what lies in the shard.
            "CREATE TABLE IF NOT EXISTS outbox_shard (shard bigint NOT NULL PRIMARY KEY)",
            "INSERT INTO outbox_shard (shard) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), \
             (9), (10), (11), (12), (13), (14), (15) ON CONFLICT DO NOTHING",
        ],
    }
}

/// Leaves events in the transaction of what they tell of, in one statement and one row a shard.
/// Once it is committed the relay is woken. A body that runs again leaves them anew.
///
/// # Errors
/// The database's.
pub async fn append(tx: &Tx, now: Timestamp, events: &[Event]) -> Result<(), DbErr> {
    let desk = tx.desk();
    let mut shards: BTreeMap<u16, EventBatch> = BTreeMap::new();
    for event in events {
        let batch = shards.entry(shard_of(event.body.aggregate())).or_default();
        batch.events.push(event.encode(desk.event_id(now)));
    }
    if shards.is_empty() {
        return Ok(());
    }
    let rows = shards.into_iter().map(|(shard, batch)| table::ActiveModel {
        shard: Set(i64::from(shard)),
        outbox_id: Set(desk.next_id(now)),
        events: Set(batch.encode_to_vec()),
        status: Set(table::WAITING.to_owned()),
        attempts: Set(0),
        problem: Set(None),
        created_at_ms: Set(now.unix_millis()),
        published_at_ms: Set(None),
    });
    table::Entity::insert_many(rows)
        .exec_without_returning(&**tx)
        .await?;
    tx.ring_after_commit();
    Ok(())
}

/// The ids of aggregates are random or hashes, so their first bytes spread evenly.
fn shard_of(aggregate: Uuid) -> u16 {
    let bytes = aggregate.as_bytes();
    u16::from_be_bytes([bytes[0], bytes[1]]) % SHARDS
}
