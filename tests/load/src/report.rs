//! The result of a replay: one line of JSON, and one sentence when something is wrong.
//!
//! The keys are a contract with those who read the line by machine: they may be added to, not
//! changed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::retry::Retries;
use crate::send::{Answer, Folder, Sent};
use crate::verify::Faults;

/// The longest latency told apart from longer ones: an hour, in microseconds.
const LATENCY_MAX_US: u64 = 3_600_000_000;
/// How exact a latency is: 3 digits.
const LATENCY_DIGITS: u8 = 3;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Messages that were tried.
    pub sent: u64,
    /// Messages that were answered as being in the inbox.
    pub delivered: u64,
    /// Messages that were answered as being a request.
    pub requests: u64,
    /// Messages that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// See `verify::Faults`.
    pub missing: u64,
    /// See `verify::Faults`.
    pub duplicated: u64,
    /// See `verify::Faults`.
    pub out_of_order: u64,
    /// Answers a second while sending.
    pub per_second: f64,
    /// Half of the answers took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 answers took no longer, in milliseconds.
    pub p99_ms: f64,
    /// Calls of all kinds that were tried more than once.
    pub retried: u64,
    /// Attempts whose connection could not be opened or broke.
    pub connections_failed: u64,
    /// Messages of the trace that have no answer.
    #[serde(skip)]
    pub unanswered: u64,
    /// Why the first of them has none.
    #[serde(skip)]
    pub failure: Option<String>,
}

impl Report {
    /// Puts together what sending and reading back found.
    #[must_use]
    pub fn new(sent: &Sent, faults: Faults, retries: Retries) -> Self {
        let mut report = Self {
            sent: sent.begun,
            delivered: 0,
            requests: 0,
            refused: BTreeMap::new(),
            missing: faults.missing,
            duplicated: faults.duplicated,
            out_of_order: faults.out_of_order,
            per_second: rounded(per_second(sent.latency_us.len(), sent.elapsed)),
            p50_ms: quantile_ms(&sent.latency_us, 0.5),
            p99_ms: quantile_ms(&sent.latency_us, 0.99),
            retried: retries.retried,
            connections_failed: retries.connections_failed,
            unanswered: 0,
            failure: sent.failure.as_ref().map(ToString::to_string),
        };
        for answer in &sent.answers {
            report.count(answer.as_ref());
        }
        report
    }

    /// The result for machines, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings can always be written")
    }

    /// The result for people when something is wrong.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let mut faults = Vec::new();
        for (count, what) in [
            (self.unanswered, "not answered"),
            (self.missing, "acknowledged but missing"),
            (self.duplicated, "duplicated"),
            (self.out_of_order, "out of order"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        if faults.is_empty() {
            return None;
        }
        let mut sentence = format!("the replay found faults in messages: {}", faults.join(", "));
        if let Some(failure) = &self.failure {
            sentence.push_str(&format!("; the first without an answer: {failure}"));
        }
        Some(sentence)
    }

    fn count(&mut self, answer: Option<&Answer>) {
        match answer {
            None => self.unanswered += 1,
            Some(Answer::Refused(reason)) => {
                *self.refused.entry(reason.clone()).or_default() += 1;
            }
            Some(Answer::Stored(stored)) => match stored.folder {
                Folder::Inbox => self.delivered += 1,
                Folder::Requests => self.requests += 1,
            },
        }
    }
}

/// An empty histogram of latencies in microseconds.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, LATENCY_DIGITS)
        .expect("the bounds are in order and the digits at most 5")
}

/// How many a second; 0 when no time has passed.
#[must_use]
pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() {
        0.0
    } else {
        count as f64 / elapsed.as_secs_f64()
    }
}

/// Which latency that share of a histogram in microseconds does not exceed, in milliseconds.
#[must_use]
pub fn quantile_ms(latency_us: &Histogram<u64>, quantile: f64) -> f64 {
    rounded(latency_us.value_at_quantile(quantile) as f64 / 1_000.0)
}

/// Three digits after the point.
#[must_use]
pub fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::Stored;

    fn sent(answers: Vec<Option<Answer>>) -> Sent {
        let mut latency_us = histogram();
        for milliseconds in 1..=100 {
            latency_us.saturating_record(milliseconds * 1_000);
        }
        let begun = answers.len() as u64;
        Sent {
            answers,
            begun,
            elapsed: Duration::from_secs(8),
            latency_us,
            failure: None,
        }
    }

    fn stored(folder: Folder) -> Option<Answer> {
        Some(Answer::Stored(Stored {
            conversation_id: String::new(),
            seq: 1,
            folder,
        }))
    }

    fn refused(reason: &str) -> Option<Answer> {
        Some(Answer::Refused(reason.to_owned()))
    }

    #[test]
    fn is_one_line_with_the_agreed_keys() {
        let answers = vec![
            stored(Folder::Inbox),
            stored(Folder::Requests),
            stored(Folder::Inbox),
            refused("RATE_LIMITED"),
            refused("AWAITING_ACCEPTANCE"),
            refused("AWAITING_ACCEPTANCE"),
        ];
        let retries = Retries {
            retried: 7,
            connections_failed: 4,
        };
        let report = Report::new(&sent(answers), Faults::default(), retries);
        assert_eq!(
            report.json(),
            r#"{"sent":6,"delivered":2,"requests":1,"#.to_owned()
                + r#""refused":{"AWAITING_ACCEPTANCE":2,"RATE_LIMITED":1},"#
                + r#""missing":0,"duplicated":0,"out_of_order":0,"#
                + r#""per_second":12.5,"p50_ms":50.015,"p99_ms":99.007,"#
                + r#""retried":7,"connections_failed":4}"#
        );
        assert_eq!(report.fault(), None);
    }

    #[test]
    fn names_every_fault() {
        let faults = Faults {
            missing: 1,
            duplicated: 2,
            out_of_order: 3,
        };
        let report = Report::new(
            &sent(vec![None, stored(Folder::Inbox)]),
            faults,
            Retries::default(),
        );
        let expected = "the replay found faults in messages: 1 not answered, \
                        1 acknowledged but missing, 2 duplicated, 3 out of order";
        assert_eq!(report.fault().as_deref(), Some(expected));
        let report = Report {
            failure: Some("why".to_owned()),
            ..report
        };
        assert!(
            report
                .fault()
                .unwrap()
                .ends_with("3 out of order; the first without an answer: why")
        );
    }

    #[test]
    fn nothing_sent_is_no_division_by_zero() {
        let nothing = Sent {
            latency_us: histogram(),
            elapsed: Duration::ZERO,
            ..sent(vec![])
        };
        let report = Report::new(&nothing, Faults::default(), Retries::default());
        assert_eq!(
            (report.per_second, report.p50_ms, report.p99_ms),
            (0.0, 0.0, 0.0)
        );
    }
}
