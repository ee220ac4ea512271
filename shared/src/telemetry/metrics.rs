//! How long calls take and how they end, by the semantic conventions for RPC (1.42), and what was
//! done about those that failed.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};
use tonic::Code;

use super::code_name;
use crate::caller::ServiceName;

/// Bounds of the histograms in seconds, as the conventions advise.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The two histograms of calls, and counters of what the calling side did.
#[derive(Debug, Clone)]
pub struct RpcMetrics {
    server: Histogram<f64>,
    client: Histogram<f64>,
    retries: Counter<u64>,
    retries_refused: Counter<u64>,
    ejections: Counter<u64>,
    breaker_openings: Counter<u64>,
}

impl RpcMetrics {
    pub(super) fn new(meter: &Meter) -> Self {
        let histogram = |name: &'static str, what: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(what)
                .with_boundaries(BOUNDS.to_vec())
                .build()
        };
        let counter = |name: &'static str, unit: &'static str, what: &'static str| {
            let builder = meter.u64_counter(name).with_unit(unit);
            builder.with_description(what).build()
        };
        Self {
            server: histogram("rpc.server.call.duration", "Calls that this process served"),
            client: histogram("rpc.client.call.duration", "Calls that this process made"),
            retries: counter(
                "rpc.client.retries",
                "{retry}",
                "Calls that were made again after a failure",
            ),
            retries_refused: counter(
                "rpc.client.retries.refused",
                "{retry}",
                "Calls that were not made again because too many had been",
            ),
            ejections: counter(
                "rpc.client.ejections",
                "{ejection}",
                "Addresses that did not serve and are left alone for a while",
            ),
            breaker_openings: counter(
                "rpc.client.breaker.openings",
                "{opening}",
                "Addresses that failed too often and are not asked for a while",
            ),
        }
    }

    /// Counts a call that was served. `method` is `_OTHER` where there is no such RPC.
    pub fn server(&self, method: &str, code: Code, took: Duration) {
        self.server
            .record(took.as_secs_f64(), &attributes(method, code));
    }

    /// Counts a call that was made.
    pub fn client(&self, method: &str, code: Code, took: Duration) {
        self.client
            .record(took.as_secs_f64(), &attributes(method, code));
    }

    /// Counts a call that is made again.
    pub fn retried(&self, peer: ServiceName) {
        self.retries.add(1, &of(peer));
    }

    /// Counts a call that would be made again if the budget allowed it.
    pub fn retry_refused(&self, peer: ServiceName) {
        self.retries_refused.add(1, &of(peer));
    }

    /// Counts an address that is left alone because it could not be reached.
    pub fn ejected(&self, peer: ServiceName) {
        self.ejections.add(1, &of(peer));
    }

    /// Counts an address that is not asked because it failed too often.
    pub fn breaker_opened(&self, peer: ServiceName) {
        self.breaker_openings.add(1, &of(peer));
    }
}

fn of(peer: ServiceName) -> [KeyValue; 1] {
    [KeyValue::new("service.peer.name", peer.as_str())]
}

fn attributes(method: &str, code: Code) -> [KeyValue; 3] {
    [
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", code_name(code)),
    ]
}
