//! How long calls take and how they end, by the semantic conventions for RPC (1.42).

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Histogram, Meter},
};
use tonic::Code;

use super::code_name;

/// Bounds of the histograms in seconds, as the conventions advise.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The two histograms of calls.
#[derive(Debug, Clone)]
pub struct RpcMetrics {
    server: Histogram<f64>,
    client: Histogram<f64>,
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
        Self {
            server: histogram("rpc.server.call.duration", "Calls that this process served"),
            client: histogram("rpc.client.call.duration", "Calls that this process made"),
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
}

fn attributes(method: &str, code: Code) -> [KeyValue; 3] {
    [
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", code_name(code)),
    ]
}
