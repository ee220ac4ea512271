//! Measures graph's internal GetRelationship, of one server or of two side by side.
//!
//! It promises that two servers are asked in turn, call by call, in one run, so that whatever else
//! the machine does meets both alike: the ratio of their medians is the result. It tries nothing
//! again; the first call that fails ends it.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use postern_proto::graph::v1::relationship_service_client::RelationshipServiceClient;
use postern_proto::graph::v1::{GetRelationshipRequest, Relationship};
use serde::Serialize;
use tokio::time::Instant;
use tonic::Request;
use tonic::metadata::{Ascii, AsciiMetadataKey, MetadataValue};

use crate::args::{Asked, RelationshipsArgs};
use crate::error::{CallError, LoadError};
use crate::pairs::Whom;
use crate::replicas::Replica;
use crate::report::{histogram, per_second, quantile_ms, rounded};
use crate::retry::attempt;

const RPC: &str = "GetRelationship";

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The server.
    pub internal: Measured,
    /// The server that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Measured>,
    /// The median of the first by that of the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ratio: Option<f64>,
    /// The same of what 99 of 100 calls do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ratio: Option<f64>,
    /// Calls a second, those to both servers together.
    pub per_second: f64,
}

/// What was measured of one server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Where it is.
    pub url: String,
    /// Calls that were measured.
    pub calls: u64,
    /// Pairs among them with a follow or a block between them.
    pub related: u64,
    /// Half of the answers took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 answers took no longer, in milliseconds.
    pub p99_ms: f64,
}

impl Comparison {
    /// The result for machines, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings can always be written")
    }
}

/// Measures.
///
/// # Errors
/// When a file or a header is wrong, and at the first call that fails.
pub async fn run(args: &RelationshipsArgs) -> Result<Comparison, LoadError> {
    let asked = std::iter::once(&args.internal).chain(&args.against);
    let servers: Vec<Server> = asked
        .map(|asked| Server::new(asked, args.connections))
        .collect::<Result<_, _>>()?;
    let mut tallies: Vec<Tally> = servers.iter().map(|_| Tally::new()).collect();
    ask(&servers, 0, args.warm_up.into(), args.in_flight, |_, _| ()).await?;
    let started = Instant::now();
    let first = args.warm_up.into();
    ask(
        &servers,
        first,
        args.calls.into(),
        args.in_flight,
        |server, answer| tallies[server].count(&answer),
    )
    .await?;
    let elapsed = started.elapsed();
    let mut measured = servers
        .iter()
        .zip(&tallies)
        .map(|(server, tally)| tally.measured(server.replica.url()));
    let internal = measured.next().expect("the first server is always asked");
    let against = measured.next();
    let ratio = |of: fn(&Measured) -> f64| {
        let below = against.as_ref().map(of).filter(|below| *below > 0.0)?;
        Some(rounded(of(&internal) / below))
    };
    let calls = tallies.iter().map(|tally| tally.latency_us.len()).sum();
    Ok(Comparison {
        p50_ratio: ratio(|measured| measured.p50_ms),
        p99_ratio: ratio(|measured| measured.p99_ms),
        per_second: rounded(per_second(calls, elapsed)),
        internal,
        against,
    })
}

/// Asks each server `count` questions from `first` on, all servers in turn.
async fn ask(
    servers: &[Server],
    first: u64,
    count: u64,
    in_flight: usize,
    mut answered: impl FnMut(usize, Answered),
) -> Result<(), LoadError> {
    let ask = |question: u64| {
        let turns = servers.iter().enumerate();
        stream::iter(turns.map(move |(index, server)| async move {
            Ok::<_, LoadError>((index, server.ask(question).await?))
        }))
    };
    stream::iter(first..first + count)
        .flat_map(ask)
        .buffer_unordered(in_flight)
        .try_for_each(|(server, answer)| {
            answered(server, answer);
            std::future::ready(Ok(()))
        })
        .await
}

/// One server and what it is asked.
struct Server {
    replica: Replica,
    name: AsciiMetadataKey,
    credential: MetadataValue<Ascii>,
    whom: Whom,
}

/// One answer.
struct Answered {
    related: bool,
    latency: Duration,
}

impl Server {
    fn new(asked: &Asked, connections: usize) -> Result<Self, LoadError> {
        let (name, credential) = header(&asked.header)?;
        Ok(Self {
            replica: Replica::new(&asked.url, connections)?,
            name,
            credential,
            whom: Whom::read(&asked.about)?,
        })
    }

    async fn ask(&self, question: u64) -> Result<Answered, CallError> {
        let [user_id, peer_id] = self.whom.pair(question);
        let mut request = Request::new(GetRelationshipRequest {
            user_id: user_id.to_owned(),
            peer_id: peer_id.to_owned(),
            ..Default::default()
        });
        let metadata = request.metadata_mut();
        metadata.insert(self.name.clone(), self.credential.clone());
        let mut graph = RelationshipServiceClient::new(self.replica.connection());
        let started = Instant::now();
        let answer = attempt(request, async |request| {
            graph.get_relationship(request).await
        })
        .await;
        let latency = started.elapsed();
        let about = || format!("{user_id} and {peer_id}");
        let answer = answer.map_err(|status| CallError {
            rpc: RPC,
            handle: about(),
            url: Some(self.replica.url().to_owned()),
            attempts: 1,
            elapsed: latency,
            patience_ended: false,
            status,
        })?;
        let found = answer
            .relationship
            .filter(|found| found.user_id == user_id && found.peer_id == peer_id);
        let found = found.ok_or_else(|| {
            CallError::broken(
                RPC,
                &about(),
                "the answer is not about those who were asked about",
            )
        })?;
        Ok(Answered {
            related: is_related(&found),
            latency,
        })
    }
}

const fn is_related(found: &Relationship) -> bool {
    found.user_follows || found.peer_follows || found.user_blocks || found.peer_blocks
}

/// Takes `name: value` apart.
fn header(header: &str) -> Result<(AsciiMetadataKey, MetadataValue<Ascii>), LoadError> {
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    let (name, value) = (name.trim(), value.trim());
    let bad = |problem| LoadError::Header {
        // What has no colon may be the secret itself.
        name: if header.contains(':') { name } else { "…" }.to_owned(),
        problem,
    };
    if value.is_empty() {
        return Err(bad("expected `name: value`"));
    }
    let lower = name.to_ascii_lowercase();
    let key = AsciiMetadataKey::from_bytes(lower.as_bytes());
    let key = key.map_err(|_| bad("the name is none that gRPC can carry as text"))?;
    let value = MetadataValue::try_from(value);
    let mut value = value.map_err(|_| bad("the value is not printable ASCII"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// The answers of one server, counted.
struct Tally {
    latency_us: Histogram<u64>,
    related: u64,
}

impl Tally {
    fn new() -> Self {
        Self {
            latency_us: histogram(),
            related: 0,
        }
    }

    fn count(&mut self, answer: &Answered) {
        let micros = u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.saturating_record(micros);
        self.related += u64::from(answer.related);
    }

    fn measured(&self, url: &str) -> Measured {
        Measured {
            url: url.to_owned(),
            calls: self.latency_us.len(),
            related: self.related,
            p50_ms: quantile_ms(&self.latency_us, 0.5),
            p99_ms: quantile_ms(&self.latency_us, 0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name_and_a_value() {
        let (name, value) = header("Postern-Service:  messaging.abc ").unwrap();
        assert_eq!(name, "postern-service");
        assert_eq!(value, "messaging.abc");
        for (bad, expected) in [
            ("", "cannot send `…` as a header: expected `name: value`"),
            (
                "messaging.abc",
                "cannot send `…` as a header: expected `name: value`",
            ),
            ("a:", "cannot send `a` as a header: expected `name: value`"),
            (
                "a b: c",
                "cannot send `a b` as a header: the name is none that gRPC can carry as text",
            ),
            (
                "a: \u{1}c",
                "cannot send `a` as a header: the value is not printable ASCII",
            ),
        ] {
            assert_eq!(header(bad).unwrap_err().to_string(), expected, "{bad:?}");
        }
    }
}
