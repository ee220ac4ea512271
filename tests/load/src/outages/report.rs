//! What people met while services were away: one line of JSON, and one sentence when it is not
//! what they were promised.
//!
//! The keys are a contract with those who read the line by machine: they may be added to, not
//! changed.

use std::time::Duration;

use serde::Serialize;

use super::owners::Told;
use crate::report::rounded;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outages {
    /// For how long messaging uses what it was told.
    kept: Duration,
    /// Each owner that was away.
    pub owners: Vec<Away>,
    /// Messaging, which was away last.
    pub messaging: Blocks,
}

/// What became of messages while one owner was away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Away {
    owner: &'static str,
    /// How long what messaging was told must do when the owner is gone.
    good_for: Duration,
    delivered: u64,
    undecided: u64,
    cold_delivered: u64,
    cold_undecided: u64,
    refused: u64,
    last_delivered: Duration,
    first_undecided: Option<Duration>,
    undecided_wait_max: Duration,
    /// Senders who could not go on for as long as they should.
    cut_short: u64,
    /// Messages that are stored and of which nobody was told.
    untold: u64,
    /// How long it took, once the owner was ready, until everyone got through.
    pub back: Duration,
}

/// What became of one block while messaging was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Whether it was acknowledged as enforced, which cannot be.
    pub acknowledged: bool,
    /// How long the answer took.
    pub answered: Duration,
    /// How long it took, once messaging answered again, until it was enforced.
    pub enforced: Duration,
    /// Whether a message landed after that.
    pub landed: bool,
}

/// What became of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
    blocks: u64,
    acknowledged: u64,
    answered_max: Duration,
    enforced_max: Duration,
    landed: u64,
}

/// The line for machines.
#[derive(Serialize)]
struct Line {
    kept_s: u64,
    owners: Vec<AwayLine>,
    messaging: BlocksLine,
}

#[derive(Serialize)]
struct AwayLine {
    owner: &'static str,
    delivered: u64,
    undecided: u64,
    cold_delivered: u64,
    cold_undecided: u64,
    refused: u64,
    good_for_s: f64,
    last_delivered_s: f64,
    first_undecided_s: Option<f64>,
    undecided_wait_max_s: f64,
    cut_short: u64,
    untold: u64,
    back_s: f64,
}

#[derive(Serialize)]
struct BlocksLine {
    blocks: u64,
    pending: u64,
    answered_max_s: f64,
    enforced_max_s: f64,
    landed: u64,
}

impl Away {
    /// Nothing yet.
    pub fn of(owner: &'static str, good_for: Duration) -> Self {
        Self {
            owner,
            good_for,
            ..Self::default()
        }
    }

    /// Counts what one friend was told who had written before, and how many messages they have
    /// stored since.
    pub fn count(&mut self, told: &Told, stored: i64) {
        self.delivered += u64::from(told.delivered);
        self.undecided += u64::from(told.undecided);
        self.refused += u64::from(told.refused);
        self.undecided_wait_max = self.undecided_wait_max.max(told.undecided_wait_max);
        self.last_delivered = self
            .last_delivered
            .max(told.last_delivered.unwrap_or_default());
        if let Some(first) = told.first_undecided {
            self.cut_short += u64::from(first < self.good_for);
            let earliest = self.first_undecided.get_or_insert(first);
            *earliest = first.min(*earliest);
        }
        self.untold += stored.abs_diff(told.delivered.into());
    }

    /// The same of a friend who had not.
    pub fn count_cold(&mut self, told: &Told, stored: i64) {
        self.cold_delivered += u64::from(told.delivered);
        self.cold_undecided += u64::from(told.undecided);
        self.undecided_wait_max = self.undecided_wait_max.max(told.undecided_wait_max);
        self.refused += u64::from(told.refused);
        self.untold += stored.abs_diff(told.delivered.into());
    }

    /// What is not as it was promised, where what messaging was told is kept for so long.
    fn faults(&self, kept: Duration) -> Vec<String> {
        let (owner, kept_s) = (self.owner, kept.as_secs());
        let mut faults = Vec::new();
        if self.last_delivered > kept {
            let last = self.last_delivered.as_secs_f64();
            faults.push(format!(
                "a message sent {last:.3} s after {owner} was gone was delivered, which {kept_s} s \
                 should have ended"
            ));
        }
        if self.good_for.is_zero() || self.delivered == 0 {
            faults.push(format!("with {owner} away nobody had time to go on"));
        }
        if self.first_undecided.is_none() {
            faults.push(format!("nobody noticed that {owner} was away"));
        }
        let counted = [
            (self.cut_short, "senders could not go on long enough"),
            (
                self.refused,
                "messages were refused that nobody had said no to",
            ),
            (
                self.untold,
                "messages are stored of which nobody was told, or are missing",
            ),
            (
                self.cold_delivered,
                "messages were delivered of somebody of whom nothing was known",
            ),
        ];
        for (count, what) in counted.into_iter().filter(|(count, _)| *count > 0) {
            faults.push(format!("with {owner} away {count} {what}"));
        }
        faults
    }

    fn line(&self) -> AwayLine {
        AwayLine {
            owner: self.owner,
            delivered: self.delivered,
            undecided: self.undecided,
            cold_delivered: self.cold_delivered,
            cold_undecided: self.cold_undecided,
            refused: self.refused,
            good_for_s: seconds(self.good_for),
            last_delivered_s: seconds(self.last_delivered),
            first_undecided_s: self.first_undecided.map(seconds),
            undecided_wait_max_s: seconds(self.undecided_wait_max),
            cut_short: self.cut_short,
            untold: self.untold,
            back_s: seconds(self.back),
        }
    }
}

impl Blocks {
    /// Counts one.
    pub fn count(&mut self, block: Block) {
        self.blocks += 1;
        self.acknowledged += u64::from(block.acknowledged);
        self.answered_max = self.answered_max.max(block.answered);
        self.enforced_max = self.enforced_max.max(block.enforced);
        self.landed += u64::from(block.landed);
    }

    fn faults(&self) -> Vec<String> {
        let counted = [
            (
                self.acknowledged,
                "blocks were acknowledged as enforced while messaging was away",
            ),
            (self.landed, "messages landed after a block was enforced"),
        ];
        let broken = counted.into_iter().filter(|(count, _)| *count > 0);
        broken
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

impl Outages {
    /// Nothing yet.
    #[must_use]
    pub fn begin(kept: Duration) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    /// The result for machines, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        let messaging = &self.messaging;
        let line = Line {
            kept_s: self.kept.as_secs(),
            owners: self.owners.iter().map(Away::line).collect(),
            messaging: BlocksLine {
                blocks: messaging.blocks,
                pending: messaging.blocks - messaging.acknowledged,
                answered_max_s: seconds(messaging.answered_max),
                enforced_max_s: seconds(messaging.enforced_max),
                landed: messaging.landed,
            },
        };
        serde_json::to_string(&line).expect("numbers and strings can always be written")
    }

    /// The result for people when it is not what they were promised.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let owners = self.owners.iter().flat_map(|away| away.faults(self.kept));
        let faults: Vec<_> = owners.chain(self.messaging.faults()).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn seconds(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(60);
    const GOOD_FOR: Duration = Duration::from_secs(59);

    /// Delivered until then, and undecided from then on.
    fn told(last_delivered: u64, first_undecided: u64) -> Told {
        Told {
            delivered: 7,
            last_delivered: Some(Duration::from_secs(last_delivered)),
            undecided: 2,
            first_undecided: Some(Duration::from_secs(first_undecided)),
            undecided_wait_max: Duration::from_millis(250),
            refused: 0,
        }
    }

    const COLD: Told = Told {
        delivered: 0,
        last_delivered: None,
        undecided: 9,
        first_undecided: Some(Duration::ZERO),
        undecided_wait_max: Duration::ZERO,
        refused: 0,
    };

    fn outages(told: &Told, stored: i64, cold: &Told) -> Outages {
        let mut away = Away::of("graph", GOOD_FOR);
        away.count(told, stored);
        away.count_cold(cold, cold.delivered.into());
        let mut outages = Outages::begin(KEPT);
        outages.owners.push(away);
        let second = Duration::from_secs(1);
        outages.messaging.count(Block {
            acknowledged: false,
            answered: second / 2,
            enforced: second,
            landed: false,
        });
        outages
    }

    #[test]
    fn what_was_promised_is_no_fault() {
        let kept = outages(&told(59, 60), 7, &COLD);
        assert_eq!(kept.fault(), None);
        assert_eq!(
            kept.json(),
            r#"{"kept_s":60,"owners":[{"owner":"graph","delivered":7,"undecided":2,"#.to_owned()
                + r#""cold_delivered":0,"cold_undecided":9,"refused":0,"good_for_s":59.0,"#
                + r#""last_delivered_s":59.0,"first_undecided_s":60.0,"#
                + r#""undecided_wait_max_s":0.25,"cut_short":0,"untold":0,"#
                + r#""back_s":0.0}],"messaging":{"blocks":1,"pending":1,"answered_max_s":0.5,"#
                + r#""enforced_max_s":1.0,"landed":0}}"#
        );
    }

    #[test]
    fn each_broken_promise_is_a_fault() {
        let refused = Told {
            refused: 1,
            ..told(59, 60)
        };
        let unnoticed = Told {
            first_undecided: None,
            ..told(59, 60)
        };
        let cold = Told {
            delivered: 1,
            ..COLD
        };
        let stuck = Told {
            delivered: 0,
            ..told(59, 60)
        };
        for (outages, expected) in [
            (
                outages(&told(61, 62), 7, &COLD),
                "a message sent 61.000 s after graph was gone was delivered, which 60 s should \
                 have ended",
            ),
            (
                outages(&told(57, 58), 7, &COLD),
                "with graph away 1 senders could not go on long enough",
            ),
            (
                outages(&told(59, 60), 9, &COLD),
                "with graph away 2 messages are stored of which nobody was told, or are missing",
            ),
            (
                outages(&refused, 7, &COLD),
                "with graph away 1 messages were refused that nobody had said no to",
            ),
            (
                outages(&told(59, 60), 7, &cold),
                "with graph away 1 messages were delivered of somebody of whom nothing was known",
            ),
            (
                outages(&stuck, 0, &COLD),
                "with graph away nobody had time to go on",
            ),
            (
                outages(&unnoticed, 7, &COLD),
                "nobody noticed that graph was away",
            ),
        ] {
            assert_eq!(outages.fault().as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_block_that_was_acknowledged_or_did_not_hold_is_a_fault() {
        let mut outages = Outages::begin(KEPT);
        outages.messaging.count(Block {
            acknowledged: true,
            answered: KEPT,
            enforced: KEPT,
            landed: true,
        });
        assert_eq!(
            outages.fault().as_deref(),
            Some(
                "1 blocks were acknowledged as enforced while messaging was away; 1 messages \
                 landed after a block was enforced"
            )
        );
    }
}
