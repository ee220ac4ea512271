//! Makes up a trace of who writes to whom, for those who have no recorded one.
//!
//! Pure. It promises the same trace for the same shape on every machine and in every version of
//! this tool, times that never fall, and that everyone takes part. The shape is that of recorded
//! private messages: whoever has written much writes more, so that a tenth of the pairs hold half
//! of the messages; seven messages of ten are in conversations that go both ways, the others get
//! no answer; people join all the time; messages come in bursts.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::args::Shape;
use crate::digest::mix;

/// When the first message was written: 13 September 2020.
const FIRST_TIME: u64 = 1_600_000_000;
/// Of 1,000 messages, how many open a conversation between people who are already there.
const OPENINGS: u64 = 220;
/// Of 1,000 conversations, how many go both ways.
const BOTH_WAYS: u64 = 600;
/// Of 1,000 messages of a conversation that goes both ways, how many take the turn.
const TURNS: u64 = 700;
/// Of 1,000 messages to a conversation without answers, how many are written all the same.
const INSISTENCE: u64 = 600;
/// Of 1,000 choices of somebody, how many fall on anyone rather than on somebody well known.
const ANYONE: u64 = 400;
/// One in so many people is there from the beginning.
const FIRST_PART: u64 = 8;
/// How often somebody looks for a person they have not written with.
const LOOKS_MAX: u32 = 4;
/// How many messages are recent: a conversation that none of them is of has ended.
const RECENT: u64 = 2_000;
/// Of 1,000 messages, how many come at once, within [`BURST_GAP_MAX`] of the one before.
const BURSTS: u64 = 800;
/// The longest time between messages that come at once, in seconds.
const BURST_GAP_MAX: u64 = 20;
/// The longest time between messages, in seconds.
const GAP_MAX: u64 = 900;

/// Writes a trace.
///
/// # Errors
/// The writer's.
pub fn write(shape: Shape, to: &mut impl Write) -> io::Result<()> {
    let mut town = Town::new(shape.seed);
    let mut time = FIRST_TIME;
    for number in 0..shape.messages {
        let [sender, receiver] = town.message(population(shape, number));
        writeln!(to, "{sender} {receiver} {time}")?;
        time += town.gap();
    }
    to.flush()
}

/// How many people there are when a message is written: two at the first, everyone at the last,
/// and at most one more from one message to the next. The first part of them come one by one.
fn population(shape: Shape, number: u32) -> u32 {
    let joining = u64::from(shape.people.saturating_sub(2));
    let steadily = joining * u64::from(number) / u64::from(shape.messages.saturating_sub(1).max(1));
    let at_first = u64::from(number).min(joining / FIRST_PART);
    u32::try_from(steadily.max(at_first)).map_or(u32::MAX, |joined| joined + 2)
}

/// Everyone who is there, and what they have written so far. People are numbered from 1.
struct Town {
    chance: Chance,
    people: u32,
    conversations: Vec<Conversation>,
    by_pair: HashMap<[u32; 2], usize>,
    /// The conversation of each message.
    written: Vec<u32>,
}

struct Conversation {
    /// Who wrote first, and to whom.
    people: [u32; 2],
    both_ways: bool,
    /// Which of the two wrote last.
    last: usize,
}

impl Town {
    fn new(seed: u32) -> Self {
        Self {
            chance: Chance(mix(seed.into())),
            people: 1,
            conversations: Vec::new(),
            by_pair: HashMap::new(),
            written: Vec::new(),
        }
    }

    /// Sender and receiver of the next message.
    fn message(&mut self, population: u32) -> [u32; 2] {
        let conversation = if population > self.people {
            self.people = population;
            self.open(population)
        } else if self.chance.of_1_000(OPENINGS) {
            let sender = self.well_known();
            self.open(sender)
        } else {
            self.go_on()
        };
        // At most one conversation a message, and messages are counted in 32 bits.
        self.written
            .push(u32::try_from(conversation).unwrap_or(u32::MAX));
        let Conversation { people, last, .. } = self.conversations[conversation];
        [people[last], people[1 - last]]
    }

    /// A conversation that somebody begins, or goes on with if they find nobody new.
    fn open(&mut self, sender: u32) -> usize {
        let mut receiver = self.somebody_else(sender);
        for _ in 1..LOOKS_MAX {
            if self.known(sender, receiver).is_some() {
                receiver = self.somebody_else(sender);
            }
        }
        if let Some(known) = self.known(sender, receiver) {
            self.speak(known);
            return known;
        }
        self.conversations.push(Conversation {
            people: [sender, receiver],
            both_ways: self.chance.of_1_000(BOTH_WAYS),
            last: 0,
        });
        let opened = self.conversations.len() - 1;
        self.by_pair.insert(pair(sender, receiver), opened);
        opened
    }

    fn known(&self, one: u32, other: u32) -> Option<usize> {
        self.by_pair.get(&pair(one, other)).copied()
    }

    /// A conversation that goes on: one that many recent messages are of.
    fn go_on(&mut self) -> usize {
        let mut chosen = self.recent(RECENT);
        if !self.conversations[chosen].both_ways && !self.chance.of_1_000(INSISTENCE) {
            chosen = self.recent(RECENT);
        }
        self.speak(chosen);
        chosen
    }

    fn speak(&mut self, conversation: usize) {
        let turn = self.chance.of_1_000(TURNS);
        let conversation = &mut self.conversations[conversation];
        if conversation.both_ways && turn {
            conversation.last = 1 - conversation.last;
        }
    }

    /// The conversation of one of the last messages, each as likely as another: the busy ones are
    /// found most.
    fn recent(&mut self, messages: u64) -> usize {
        let count = self.written.len() as u64;
        let back = self.chance.below(count.min(messages));
        // INVARIANT: somebody wrote before anybody goes on.
        self.written[(count - 1 - back) as usize] as usize
    }

    /// Somebody who took part in many messages.
    fn well_known(&mut self) -> u32 {
        let conversation = self.recent(u64::MAX);
        let side = self.chance.below(2) as usize;
        self.conversations[conversation].people[side]
    }

    /// Anyone or somebody well known, but not this person.
    fn somebody_else(&mut self, person: u32) -> u32 {
        let known = !self.written.is_empty() && !self.chance.of_1_000(ANYONE);
        let other = if known { self.well_known() } else { person };
        if other != person {
            return other;
        }
        let others = u64::from(self.people - 1);
        let other = u32::try_from(self.chance.below(others)).unwrap_or_default() + 1;
        // Everyone up to the person keeps their number, those behind move up.
        other + u32::from(other >= person)
    }

    /// How long until the next message, in seconds.
    fn gap(&mut self) -> u64 {
        let longest = if self.chance.of_1_000(BURSTS) {
            BURST_GAP_MAX
        } else {
            GAP_MAX
        };
        self.chance.below(longest + 1)
    }
}

fn pair(one: u32, other: u32) -> [u32; 2] {
    [one.min(other), one.max(other)]
}

/// Numbers that look like chance and follow from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let wide = u128::from(mix(self.0)) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    fn of_1_000(&mut self, share: u64) -> bool {
        self.below(1_000) < share
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::digest::digest;
    use crate::plan::Plan;
    use crate::trace;

    fn made(people: u32, messages: u32, seed: u32) -> String {
        let shape = Shape {
            people,
            messages,
            seed,
        };
        let mut written = Vec::new();
        write(shape, &mut written).unwrap();
        String::from_utf8(written).unwrap()
    }

    fn plan(content: &str) -> Plan {
        Plan::of(&trace::parse(Path::new("made"), content.as_bytes()).unwrap())
    }

    #[test]
    fn the_same_shape_is_the_same_trace_for_ever() {
        let made_once = made(100, 2_000, 7);
        assert_eq!(made_once, made(100, 2_000, 7));
        assert_ne!(made_once, made(100, 2_000, 8));
        assert_eq!(digest(made_once.as_bytes()), 0x2051_19c3_9200_b6a9);
    }

    #[test]
    fn is_a_trace_of_everyone_in_the_order_of_time() {
        for (people, messages) in [(2, 2), (2, 50), (50, 50), (50, 51), (300, 4_000)] {
            let content = made(people, messages, 1);
            let plan = plan(&content);
            assert_eq!(plan.messages.len(), messages as usize);
            let everyone: HashSet<u32> = plan.people.iter().copied().collect();
            assert_eq!(everyone, (1..=people).collect(), "{people} {messages}");
            assert_eq!(plan.expected().self_messages, 0);
            let times = content.lines().map(|line| line.rsplit(' ').next().unwrap());
            let times: Vec<u64> = times.map(|time| time.parse().unwrap()).collect();
            assert!(times.is_sorted() && times[0] == FIRST_TIME);
        }
    }

    #[test]
    fn a_few_pairs_write_most_and_many_answer() {
        let plan = plan(&made(1_000, 20_000, 1));
        let mut lanes: Vec<usize> = plan.lanes.iter().map(Vec::len).collect();
        lanes.sort_unstable_by_key(|messages| std::cmp::Reverse(*messages));
        let busiest: usize = lanes[..lanes.len() / 10].iter().sum();
        assert!(busiest > 10_000, "{busiest} of {}", lanes.len());
        let expected = plan.expected();
        assert!((11_000..16_000).contains(&expected.inbox), "{expected:?}");
        assert!(expected.requests > 3_000 && expected.awaiting_acceptance > 500);
    }
}
