//! What is measured of an outbox: how much waits and how it leaves.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Meter},
};

use super::{publish::Verdict, table::Backlog};
use crate::{caller::ServiceName, clock::Timestamp};

/// The instruments of one service's outbox.
#[derive(Debug)]
pub(super) struct Metrics {
    published: Counter<u64>,
    retried: Counter<u64>,
    dead: Counter<u64>,
    waiting: Gauge<u64>,
    oldest: Gauge<f64>,
    service: [KeyValue; 1],
}

impl Metrics {
    pub(super) fn new(meter: &Meter, service: ServiceName) -> Self {
        let counter = |name: &'static str, unit: &'static str, what: &'static str| {
            meter
                .u64_counter(name)
                .with_unit(unit)
                .with_description(what)
                .build()
        };
        Self {
            published: counter("postern.outbox.published", "{event}", "Events that arrived"),
            retried: counter(
                "postern.outbox.retried",
                "{row}",
                "Rows that were tried and wait for another try",
            ),
            dead: counter("postern.outbox.dead", "{row}", "Rows that were given up on"),
            waiting: meter
                .u64_gauge("postern.outbox.waiting")
                .with_unit("{row}")
                .with_description("Rows that wait, in the whole database")
                .build(),
            oldest: meter
                .f64_gauge("postern.outbox.oldest")
                .with_unit("s")
                .with_description("For how long the oldest waiting row has waited")
                .build(),
            service: [KeyValue::new("postern.service", service.as_str())],
        }
    }

    /// Counts what became of some rows.
    pub(super) fn settled(&self, rows: usize, verdict: &Verdict) {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let dead = verdict.rejected.iter().filter(|row| row.is_dead()).count();
        self.published.add(verdict.events, &self.service);
        self.retried
            .add(count(rows - verdict.published.len() - dead), &self.service);
        self.dead.add(count(dead), &self.service);
    }

    /// Shows how much waits.
    pub(super) fn backlog(&self, backlog: Backlog, now: Timestamp) {
        let oldest = backlog.oldest_at_ms.map(Timestamp::from_unix_millis);
        let age = oldest.map_or(Duration::ZERO, |oldest| oldest.until(now));
        let rows = u64::try_from(backlog.rows).unwrap_or(0);
        self.waiting.record(rows, &self.service);
        self.oldest.record(age.as_secs_f64(), &self.service);
    }
}
