//! Decides which message may be sent next, and when.
//!
//! Pure but for what it remembers. It promises that a lane has at most one message under way and
//! that the messages of a lane come in the order of the trace; among those ready the first in the
//! trace goes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::plan::Plan;

/// What is still to be sent. Times count from the start of sending.
#[derive(Debug)]
pub struct Schedule<'a> {
    plan: &'a Plan,
    rate: Option<u32>,
    /// How many messages of each lane are answered.
    answered: Vec<usize>,
    /// The next message of each lane that has none under way.
    ready: BinaryHeap<Reverse<usize>>,
}

impl<'a> Schedule<'a> {
    /// Everything is still to be sent: `rate` messages a second, or each as soon as it can be.
    #[must_use]
    pub fn new(plan: &'a Plan, rate: Option<u32>) -> Self {
        let ready = plan
            .lanes
            .iter()
            .filter_map(|lane| lane.first().copied().map(Reverse));
        Self {
            plan,
            rate,
            answered: vec![0; plan.lanes.len()],
            ready: ready.collect(),
        }
    }

    /// When a message is due whether or not those before it are answered; `None` without a rate.
    #[must_use]
    pub fn due(&self, message: usize) -> Option<Duration> {
        self.rate
            .map(|rate| Duration::from_secs(message as u64) / rate)
    }

    /// How long until a message may be sent; `None` while only an answer can change that.
    #[must_use]
    pub fn wait(&self, elapsed: Duration) -> Option<Duration> {
        let Reverse(first) = self.ready.peek()?;
        Some(self.due(*first).unwrap_or_default().saturating_sub(elapsed))
    }

    /// Takes a message that may be sent now.
    pub fn take(&mut self, elapsed: Duration) -> Option<usize> {
        if !self.wait(elapsed)?.is_zero() {
            return None;
        }
        self.ready.pop().map(|Reverse(message)| message)
    }

    /// A message was answered: its lane goes on. A lane whose message never is stands still, so
    /// that a later run can still send it in its place.
    pub fn answered(&mut self, message: usize) {
        let lane = self.plan.messages[message].lane;
        self.answered[lane] += 1;
        let next = self.plan.lanes[lane].get(self.answered[lane]);
        self.ready.extend(next.copied().map(Reverse));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::trace_of;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_lane_has_one_message_under_way() {
        let plan = Plan::of(&trace_of(&[(1, 2), (2, 1), (3, 4), (1, 2)]));
        let mut schedule = Schedule::new(&plan, None);
        assert_eq!([schedule.take(NOW), schedule.take(NOW)], [Some(0), Some(2)]);
        assert_eq!((schedule.take(NOW), schedule.wait(NOW)), (None, None));
        schedule.answered(0);
        assert_eq!([schedule.take(NOW), schedule.take(NOW)], [Some(1), None]);
        schedule.answered(2);
        schedule.answered(1);
        assert_eq!([schedule.take(NOW), schedule.take(NOW)], [Some(3), None]);
        schedule.answered(3);
        assert_eq!(schedule.wait(NOW), None);
    }

    #[test]
    fn the_first_in_the_trace_goes_first() {
        let plan = Plan::of(&trace_of(&[(1, 2), (1, 2), (3, 4), (3, 4), (5, 6)]));
        let mut schedule = Schedule::new(&plan, None);
        assert_eq!([schedule.take(NOW), schedule.take(NOW)], [Some(0), Some(2)]);
        schedule.answered(2);
        schedule.answered(0);
        let rest = [schedule.take(NOW), schedule.take(NOW), schedule.take(NOW)];
        assert_eq!(rest, [Some(1), Some(3), Some(4)]);
    }

    #[test]
    fn a_rate_spreads_messages_over_time() {
        let plan = Plan::of(&trace_of(&[(1, 2), (3, 4), (5, 6)]));
        let mut schedule = Schedule::new(&plan, Some(4));
        let at = Duration::from_millis;
        assert_eq!(
            (schedule.take(NOW), schedule.take(at(249))),
            (Some(0), None)
        );
        assert_eq!(schedule.wait(at(200)), Some(at(50)));
        assert_eq!(schedule.take(at(250)), Some(1));
        // Late: it was due before, and that is where its latency begins.
        assert_eq!(
            (schedule.take(at(900)), schedule.due(2)),
            (Some(2), Some(at(500)))
        );
    }
}
