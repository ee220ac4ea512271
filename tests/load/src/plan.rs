//! What a trace means for a replay: who takes part, who follows whom, what waits for what.
//!
//! Pure. It promises one lane for each unordered pair of people, so that each conversation can be
//! sent in the order of the trace while different ones overlap.

use std::collections::{HashMap, HashSet};

use crate::trace::Trace;

/// How many messages a stranger may send before the request is accepted.
const REQUEST_MESSAGES_MAX: u64 = 3;

/// A trace, worked out. People, messages and lanes are named by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The trace's name of each person, in the order of their first line.
    pub people: Vec<u32>,
    /// Who follows whom.
    pub follows: Vec<Follow>,
    /// The messages in the order of the trace.
    pub messages: Vec<Planned>,
    /// The messages of each unordered pair, in the order of the trace.
    pub lanes: Vec<Vec<usize>>,
}

/// One person follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Who follows.
    pub follower: usize,
    /// Who is followed.
    pub followee: usize,
}

/// One message to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The line of the trace that it stands for.
    pub line: usize,
    /// Who writes.
    pub sender: usize,
    /// To whom.
    pub receiver: usize,
    /// Which lane it belongs to.
    pub lane: usize,
}

/// How a service that keeps to the policy answers a whole trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Between friends: into the inbox.
    pub inbox: u64,
    /// The first messages to a stranger.
    pub requests: u64,
    /// Refused: AWAITING_ACCEPTANCE.
    pub awaiting_acceptance: u64,
    /// Refused: SELF_MESSAGE.
    pub self_messages: u64,
}

impl Plan {
    /// Works out a trace.
    #[must_use]
    pub fn of(trace: &Trace) -> Self {
        let mut plan = Self::default();
        let mut people = HashMap::new();
        let mut lanes = HashMap::new();
        for (index, line) in trace.lines.iter().enumerate() {
            let sender = plan.person(&mut people, line.sender);
            let receiver = plan.person(&mut people, line.receiver);
            let lane = plan.lane(&mut lanes, sender, receiver);
            plan.messages.push(Planned {
                line: line.number,
                sender,
                receiver,
                lane,
            });
            if let Some(lane) = plan.lanes.get_mut(lane) {
                lane.push(index);
            }
        }
        plan.follows = follows(&plan.messages);
        plan
    }

    /// Which message stands for a line of the trace.
    #[must_use]
    pub fn message_of(&self, line: usize) -> Option<usize> {
        self.messages
            .binary_search_by_key(&line, |message| message.line)
            .ok()
    }

    /// What to expect of people who take messages from everyone and follow as planned.
    #[must_use]
    pub fn expected(&self) -> Expected {
        let pairs = pairs(&self.messages);
        let mut sent = HashMap::new();
        let mut expected = Expected::default();
        for Planned {
            sender, receiver, ..
        } in &self.messages
        {
            if sender == receiver {
                expected.self_messages += 1;
            } else if pairs.contains(&(*receiver, *sender)) {
                expected.inbox += 1;
            } else {
                let sent: &mut u64 = sent.entry((sender, receiver)).or_default();
                *sent += 1;
                if *sent <= REQUEST_MESSAGES_MAX {
                    expected.requests += 1;
                } else {
                    expected.awaiting_acceptance += 1;
                }
            }
        }
        expected
    }

    fn person(&mut self, known: &mut HashMap<u32, usize>, user: u32) -> usize {
        *known.entry(user).or_insert_with(|| {
            self.people.push(user);
            self.people.len() - 1
        })
    }

    fn lane(&mut self, known: &mut HashMap<[usize; 2], usize>, one: usize, other: usize) -> usize {
        *known
            .entry([one.min(other), one.max(other)])
            .or_insert_with(|| {
                self.lanes.push(Vec::new());
                self.lanes.len() - 1
            })
    }
}

/// A receiver who writes back anywhere in the trace follows the sender; nobody follows themselves.
fn follows(messages: &[Planned]) -> Vec<Follow> {
    let pairs = pairs(messages);
    let mut seen = HashSet::new();
    let mut follows = Vec::new();
    for Planned {
        sender, receiver, ..
    } in messages
    {
        let answered = sender != receiver && pairs.contains(&(*receiver, *sender));
        if answered && seen.insert((sender, receiver)) {
            follows.push(Follow {
                follower: *receiver,
                followee: *sender,
            });
        }
    }
    follows
}

fn pairs(messages: &[Planned]) -> HashSet<(usize, usize)> {
    messages
        .iter()
        .map(|message| (message.sender, message.receiver))
        .collect()
}

/// The trace of these `(sender, receiver)` pairs, one a line.
#[cfg(test)]
pub(crate) fn trace_of(pairs: &[(u32, u32)]) -> Trace {
    let line = |(index, (sender, receiver)): (usize, &(u32, u32))| crate::trace::Line {
        number: index + 1,
        sender: *sender,
        receiver: *receiver,
    };
    Trace {
        lines: pairs.iter().enumerate().map(line).collect(),
        names: crate::names::Names::of(format!("{pairs:?}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7 and 9 write to each other, 7 writes five times to 8 who never answers, 8 to itself.
    const SMALL: &[(u32, u32)] = &[
        (7, 9),
        (7, 8),
        (7, 8),
        (9, 7),
        (7, 8),
        (7, 8),
        (7, 9),
        (7, 8),
        (8, 8),
    ];

    #[test]
    fn people_follow_whom_they_answer() {
        let plan = Plan::of(&trace_of(SMALL));
        assert_eq!(plan.people, [7, 9, 8]);
        let follow = |follower, followee| Follow { follower, followee };
        assert_eq!(plan.follows, [follow(1, 0), follow(0, 1)]);
    }

    #[test]
    fn each_unordered_pair_is_a_lane_in_trace_order() {
        let plan = Plan::of(&trace_of(SMALL));
        assert_eq!(plan.lanes, [vec![0, 3, 6], vec![1, 2, 4, 5, 7], vec![8]]);
        assert_eq!(
            plan.messages[3],
            Planned {
                line: 4,
                sender: 1,
                receiver: 0,
                lane: 0
            }
        );
    }

    #[test]
    fn friends_reach_the_inbox_and_strangers_three_requests() {
        let expected = Plan::of(&trace_of(SMALL)).expected();
        let by_hand = Expected {
            inbox: 3,
            requests: 3,
            awaiting_acceptance: 2,
            self_messages: 1,
        };
        assert_eq!(expected, by_hand);
    }

    #[test]
    fn lines_lead_back_to_messages() {
        let mut trace = trace_of(&[(1, 2), (2, 1)]);
        trace.lines[1].number = 5;
        let plan = Plan::of(&trace);
        assert_eq!(
            [1, 2, 5, 6].map(|line| plan.message_of(line)),
            [Some(0), None, Some(1), None]
        );
    }
}
