//! What the trials show: one line of JSON, and one sentence when the promise is broken or nothing
//! was proved.
//!
//! The keys are a contract with those who read the line by machine: they may be added to, not
//! changed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::blocks::Blocks;
use super::lots::Lots;
use super::trial::{Moment, Seen};
use crate::calls::Sent;
use crate::report::{per_second, rounded};
use crate::retry::Retries;

/// Violations that are told one by one.
const TOLD_MAX: u64 = 10;

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    seed: u32,
    trials: u64,
    /// Trials whose "no" was not acknowledged as enforced; they are not among those.
    pub pending: u64,
    violations: u64,
    landed: u64,
    kinds: BTreeMap<&'static str, u64>,
    sent: u64,
    stored: u64,
    refused: BTreeMap<String, u64>,
    refused_wrongly: u64,
    /// How long the trials took.
    pub elapsed: Duration,
    /// How long blocks took.
    pub blocks: Option<Blocks>,
    /// What had to be tried again.
    pub retries: Retries,
}

/// The line for machines.
#[derive(Serialize)]
struct Line<'a> {
    seed: u32,
    trials: u64,
    violations: u64,
    landed: u64,
    pending: u64,
    kinds: &'a BTreeMap<&'static str, u64>,
    sent: u64,
    stored: u64,
    refused: &'a BTreeMap<String, u64>,
    refused_wrongly: u64,
    seconds: f64,
    trials_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<&'a Blocks>,
    retried: u64,
    connections_failed: u64,
}

impl Proof {
    /// Nothing yet.
    #[must_use]
    pub fn begin(seed: u32) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Counts what was seen of a trial. Tells the first violations.
    pub fn count(&mut self, number: u64, lots: &Lots, seen: &Seen) -> Option<String> {
        self.sent += seen.messages.len() as u64;
        for message in &seen.messages {
            match &message.answer {
                Sent::Stored(..) => self.stored += 1,
                Sent::Refused(reason) => {
                    let name = reason.as_str_name();
                    let name = name.strip_prefix("REFUSAL_REASON_").unwrap_or(name);
                    *self.refused.entry(name.to_owned()).or_default() += 1;
                    let before = message.answered == Moment::Before;
                    let wrongly = before || !lots.concerns(message.sender);
                    self.refused_wrongly += u64::from(wrongly);
                }
            }
        }
        if !seen.enforced {
            self.pending += 1;
            return None;
        }
        self.trials += 1;
        *self.kinds.entry(lots.no.name()).or_default() += 1;
        let landed = landed(lots, seen);
        if landed == 0 {
            return None;
        }
        self.violations += 1;
        self.landed += landed;
        (self.violations <= TOLD_MAX).then(|| {
            let name = lots.no.name();
            format!(
                "trial {number}: {landed} landed after {name} was acknowledged: {:?}",
                seen.looks
            )
        })
    }

    /// Whether something landed after an acknowledged "no".
    #[must_use]
    pub const fn is_violated(&self) -> bool {
        self.violations > 0
    }

    /// The result for machines, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        let line = Line {
            seed: self.seed,
            trials: self.trials,
            violations: self.violations,
            landed: self.landed,
            pending: self.pending,
            kinds: &self.kinds,
            sent: self.sent,
            stored: self.stored,
            refused: &self.refused,
            refused_wrongly: self.refused_wrongly,
            seconds: rounded(self.elapsed.as_secs_f64()),
            trials_per_second: rounded(per_second(self.trials + self.pending, self.elapsed)),
            blocks: self.blocks.as_ref(),
            retried: self.retries.retried,
            connections_failed: self.retries.connections_failed,
        };
        serde_json::to_string(&line).expect("numbers and strings can always be written")
    }

    /// The result for people when so many trials do not show what they should.
    #[must_use]
    pub fn fault(&self, trials: u64) -> Option<String> {
        let mut faults = Vec::new();
        if self.violations > 0 {
            let (broken, landed) = (self.violations, self.landed);
            faults.push(format!(
                "in {broken} of {} trials a \"no\" was broken: {landed} messages landed after it \
                 was acknowledged",
                self.trials
            ));
        }
        if self.refused_wrongly > 0 {
            let wrongly = self.refused_wrongly;
            faults.push(format!(
                "{wrongly} messages were refused that nobody had said no to"
            ));
        }
        if self.trials < trials {
            let (done, pending) = (self.trials, self.pending);
            faults.push(format!(
                "{done} of {trials} trials count, {pending} were only PENDING"
            ));
        }
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

/// How many messages are there that should not be: those that came between the two looks, or, when
/// they were there at the first look already, those that were begun after the acknowledgement.
fn landed(lots: &Lots, seen: &Seen) -> u64 {
    let late = seen.messages.iter().filter(|message| {
        message.begun == Moment::Acknowledged
            && lots.concerns(message.sender)
            && matches!(message.answer, Sent::Stored(..))
    });
    let grown = seen.looks.iter().map(|look| look.last.abs_diff(look.first));
    grown.sum::<u64>().max(late.count() as u64)
}

#[cfg(test)]
mod tests {
    use postern_proto::policy::v1::RefusalReason;

    use super::super::lots::No;
    use super::super::trial::{Look, Message};
    use super::*;

    const LOTS: Lots = Lots {
        no: No::Block,
        target: 0,
        after: 1,
    };

    fn message(sender: usize, begun: Moment, answered: Moment, stored: bool) -> Message {
        let answer = if stored {
            Sent::Stored("c".to_owned(), 1)
        } else {
            Sent::Refused(RefusalReason::NotAccepting)
        };
        Message {
            sender,
            begun,
            answered,
            answer,
        }
    }

    fn seen(messages: Vec<Message>, last: i64) -> Seen {
        Seen {
            enforced: true,
            messages,
            looks: vec![Look {
                sender: 0,
                first: 7,
                last,
            }],
        }
    }

    fn counted(seen: &Seen) -> Proof {
        let mut proof = Proof::begin(5);
        proof.count(0, &LOTS, seen);
        proof
    }

    #[test]
    fn what_keeps_the_promise_is_no_fault() {
        use Moment::{Acknowledged, Before, Over, Said};
        let proof = counted(&seen(
            vec![
                message(0, Before, Before, true),
                message(0, Before, Acknowledged, true),
                message(0, Said, Said, false),
                message(0, Acknowledged, Over, false),
                message(1, Acknowledged, Over, true),
            ],
            7,
        ));
        assert_eq!(proof.fault(1), None);
        assert_eq!(
            proof.json(),
            r#"{"seed":5,"trials":1,"violations":0,"landed":0,"pending":0,"#.to_owned()
                + r#""kinds":{"block":1},"sent":5,"stored":3,"refused":{"NOT_ACCEPTING":2},"#
                + r#""refused_wrongly":0,"seconds":0.0,"trials_per_second":0.0,"#
                + r#""retried":0,"connections_failed":0}"#
        );
    }

    #[test]
    fn what_lands_afterwards_is_a_violation() {
        use Moment::{Acknowledged, Over};
        let late = counted(&seen(vec![message(0, Acknowledged, Over, true)], 7));
        let grown = counted(&seen(vec![], 9));
        assert_eq!((late.violations, late.landed), (1, 1));
        assert_eq!((grown.violations, grown.landed), (1, 2));
        let sentence = "in 1 of 1 trials a \"no\" was broken: \
                        2 messages landed after it was acknowledged";
        assert_eq!(grown.fault(1).as_deref(), Some(sentence));
    }

    #[test]
    fn refusing_everybody_proves_nothing() {
        use Moment::{Acknowledged, Before, Over};
        for (sender, begun, answered) in [(0, Before, Before), (1, Acknowledged, Over)] {
            let proof = counted(&seen(vec![message(sender, begun, answered, false)], 7));
            assert_eq!((proof.violations, proof.refused_wrongly), (0, 1));
            assert!(proof.fault(1).is_some());
        }
    }

    #[test]
    fn what_is_pending_is_no_trial() {
        let mut waiting = seen(vec![], 9);
        waiting.enforced = false;
        let proof = counted(&waiting);
        assert_eq!((proof.trials, proof.pending, proof.violations), (0, 1, 0));
        let sentence = "0 of 1 trials count, 1 were only PENDING";
        assert_eq!(proof.fault(1).as_deref(), Some(sentence));
    }
}
