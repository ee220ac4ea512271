//! One handful of rows, published: the events of an aggregate one after the other, those of
//! different aggregates at once.
//!
//! An event is only sent once the one before it has arrived, so that no failure half-way can turn
//! two around. It touches no database: what it answers is for its caller to write down. Bytes go
//! out as they came in, also those that only a newer version would understand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use postern_proto::event::v1::Event;
use prost::{Message, bytes::Bytes};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::table;
use crate::{
    bus::{Broker, Outgoing, PublishError},
    caller::ServiceName,
};

/// Aggregates whose events are under way at once.
const AGGREGATES_MAX: usize = 256;

/// What became of some rows.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Every event of these has arrived.
    pub(super) published: Vec<Uuid>,
    /// Of these an event can never arrive as it is.
    pub(super) rejected: Vec<Rejected>,
    /// How many events have arrived.
    pub(super) events: u64,
    /// Why the others are not published: the broker could not be reached.
    pub(super) unavailable: Option<String>,
    /// Time was up, and more would have arrived with more of it.
    pub(super) more: bool,
}

/// A row that the broker will not have.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) id: Uuid,
    /// How often that happened, this time included.
    pub(super) attempts: i64,
    pub(super) problem: String,
}

/// An `EventBatch` whose events are left as they are.
#[derive(Clone, PartialEq, Message)]
struct RawBatch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

/// An event on its way.
struct Link {
    row: usize,
    version: u64,
    outgoing: Outgoing,
}

/// How far the events of one aggregate came.
struct Progress {
    /// The row of each event that arrived.
    arrived: Vec<usize>,
    /// The row of the one that did not, and why; no reason when time was up.
    stopped: Option<(usize, Option<PublishError>)>,
}

/// Publishes rows, the oldest first, within a time.
pub(super) async fn publish(
    brokers: &[Arc<dyn Broker>],
    service: ServiceName,
    rows: &[table::Model],
    patience: Duration,
) -> Verdict {
    let until = Instant::now() + patience;
    // Events of each row that have not arrived; what is wrong with it.
    let mut missing = vec![0_usize; rows.len()];
    let mut problems: Vec<Option<String>> = vec![None; rows.len()];
    let mut chains: BTreeMap<(String, String), Vec<Link>> = BTreeMap::new();
    for (row, model) in rows.iter().enumerate() {
        match outgoing(service, &model.events) {
            Ok(events) => {
                missing[row] = events.len();
                for outgoing in events {
                    let (key, version) = (key(&outgoing.event), outgoing.event.version);
                    chains.entry(key).or_default().push(Link {
                        row,
                        version,
                        outgoing,
                    });
                }
            }
            Err(problem) => problems[row] = Some(problem),
        }
    }
    let chains = chains.into_values().map(|mut chain| {
        // The clocks of two replicas may disagree about which row is older.
        chain.sort_by_key(|link| link.version);
        run(brokers, chain, until)
    });
    let progress: Vec<_> = stream::iter(chains)
        .buffer_unordered(AGGREGATES_MAX)
        .collect()
        .await;
    let mut verdict = Verdict::default();
    let mut slow = false;
    for Progress { arrived, stopped } in progress {
        for row in arrived {
            missing[row] -= 1;
            verdict.events += 1;
        }
        match stopped {
            Some((row, Some(PublishError::Rejected(problem)))) => problems[row] = Some(problem),
            Some((_, Some(PublishError::Unavailable(why)))) => verdict.unavailable = Some(why),
            Some((_, None)) => slow = true,
            None => {}
        }
    }
    for (row, model) in rows.iter().enumerate() {
        match problems[row].take() {
            Some(problem) => verdict.rejected.push(Rejected {
                id: model.outbox_id,
                attempts: model.attempts + 1,
                problem,
            }),
            None if missing[row] == 0 => verdict.published.push(model.outbox_id),
            None => {}
        }
    }
    // A broker that is slow is not away: as long as rows get through, the rest follows at once.
    verdict.more = slow && !verdict.published.is_empty();
    if slow && !verdict.more {
        verdict
            .unavailable
            .get_or_insert_with(|| "it took too long".to_owned());
    }
    verdict
}

/// The events of a row, ready to be sent.
fn outgoing(service: ServiceName, events: &[u8]) -> Result<Vec<Outgoing>, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("not decodable: {error}");
    let batch = RawBatch::decode(Bytes::copy_from_slice(events)).map_err(|e| unreadable(&e))?;
    let each = batch.events.into_iter().map(|payload| {
        let event = Event::decode(payload.clone()).map_err(|error| unreadable(&error))?;
        if !is_name(&event.name) || event.event_id.is_empty() {
            return Err(unreadable(&"an event without a name or an id"));
        }
        Ok(Outgoing {
            subject: format!("postern.{service}.{}.v1", event.name),
            event: Arc::new(event),
            payload,
        })
    });
    each.collect()
}

/// Whether a text can be part of a subject: `message.created`.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split('.')
        .all(|part| !part.is_empty() && part.chars().all(plain))
}

/// What belongs together in the order of its versions: see the contract.
fn key(event: &Event) -> (String, String) {
    let kind = event.name.split('.').next().unwrap_or_default();
    (event.aggregate_id.clone(), kind.to_owned())
}

async fn run(brokers: &[Arc<dyn Broker>], chain: Vec<Link>, until: Instant) -> Progress {
    let mut arrived = Vec::with_capacity(chain.len());
    for link in chain {
        if let Err(error) = send(brokers, &link.outgoing, until).await {
            return Progress {
                arrived,
                stopped: Some((link.row, error)),
            };
        }
        arrived.push(link.row);
    }
    Progress {
        arrived,
        stopped: None,
    }
}

async fn send(
    brokers: &[Arc<dyn Broker>],
    outgoing: &Outgoing,
    until: Instant,
) -> Result<(), Option<PublishError>> {
    for broker in brokers {
        match timeout_at(until, broker.publish(outgoing)).await {
            Ok(done) => done.map_err(Some)?,
            Err(_) => return Err(None),
        }
    }
    Ok(())
}
