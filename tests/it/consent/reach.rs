//! Every combination of facts between two people, and how people get there by their own acts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::oracle::{Act, Consent, Model, Request, Who};

/// What the consent of the recipient is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agreed {
    None,
    /// It counts, or would but for NO_ONE.
    Counting,
    Lapsed,
    Revoked,
}

/// What became of the sender's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asked {
    None,
    Pending,
    /// As many messages as it may hold.
    Full,
    Declined,
    Accepted,
}

/// One combination, seen by the first of two people who writes to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Facts {
    pub who: [Who; 2],
    /// Who follows: the sender, the recipient.
    pub follows: [bool; 2],
    /// Who blocks.
    pub blocks: [bool; 2],
    pub consent: Agreed,
    pub request: Asked,
}

/// All that there are.
pub fn all() -> Vec<Facts> {
    const WHO: [Who; 3] = [Who::Everyone, Who::Friends, Who::NoOne];
    const BOTH: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];
    const CONSENT: [Agreed; 4] = [
        Agreed::None,
        Agreed::Counting,
        Agreed::Lapsed,
        Agreed::Revoked,
    ];
    const REQUEST: [Asked; 5] = [
        Asked::None,
        Asked::Pending,
        Asked::Full,
        Asked::Declined,
        Asked::Accepted,
    ];
    let mut all = Vec::new();
    for sender in WHO {
        for recipient in WHO {
            for follows in BOTH {
                for blocks in BOTH {
                    for consent in CONSENT {
                        all.extend(REQUEST.map(|request| Facts {
                            who: [sender, recipient],
                            follows,
                            blocks,
                            consent,
                            request,
                        }));
                    }
                }
            }
        }
    }
    all
}

/// The combination that a model of two people stands at.
pub fn facts_of(model: &Model) -> Facts {
    let (mine, theirs) = (model.side(0, 1), model.side(1, 0));
    let choice = model.choices[1];
    Facts {
        who: [model.choices[0].who, choice.who],
        follows: [mine.follows, theirs.follows],
        blocks: [mine.blocks, theirs.blocks],
        consent: match theirs.consent {
            Consent::None => Agreed::None,
            Consent::Revoked => Agreed::Revoked,
            Consent::Granted {
                epoch,
                settings_version,
            } => {
                let fresh =
                    choice.who == Who::Everyone || settings_version >= choice.left_everyone_version;
                if epoch == theirs.epoch && fresh {
                    Agreed::Counting
                } else {
                    Agreed::Lapsed
                }
            }
        },
        request: match mine.request {
            Request::None => Asked::None,
            Request::Pending(sent) | Request::Withdrawn(sent) => {
                if sent >= super::oracle::REQUEST_MESSAGES_MAX {
                    Asked::Full
                } else {
                    Asked::Pending
                }
            }
            Request::Accepted => Asked::Accepted,
            Request::Declined => Asked::Declined,
        },
    }
}

/// The shortest way to each combination that acts of the two can reach.
pub fn ways() -> HashMap<Facts, Vec<Act>> {
    let mut ways = HashMap::new();
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from([(Model::new(2), Vec::new())]);
    while let Some((model, way)) = waiting.pop_front() {
        ways.entry(facts_of(&model)).or_insert_with(|| way.clone());
        for act in acts() {
            let mut next = model.clone();
            if next.act(act) && seen.insert(essence(&next)) {
                let mut longer = way.clone();
                longer.push(act);
                waiting.push_back((next, longer));
            }
        }
    }
    ways
}

/// What of a model matters from here on: of versions and epochs only how they compare.
fn essence(model: &Model) -> (Facts, [u8; 2], [Request; 2]) {
    let consent = |of: usize, to: usize| {
        let (side, choice) = (model.side(of, to), model.choices[of]);
        match side.consent {
            Consent::None => 0,
            Consent::Revoked => 1,
            Consent::Granted {
                epoch,
                settings_version,
            } => {
                let fresh = settings_version >= choice.left_everyone_version;
                2 + u8::from(epoch == side.epoch) + 2 * u8::from(fresh)
            }
        }
    };
    (
        facts_of(model),
        [consent(0, 1), consent(1, 0)],
        [model.side(0, 1).request, model.side(1, 0).request],
    )
}

fn acts() -> Vec<Act> {
    let mut acts = Vec::new();
    for (me, peer) in [(0, 1), (1, 0)] {
        acts.extend([
            Act::Choose(me, Who::Everyone),
            Act::Choose(me, Who::Friends),
            Act::Choose(me, Who::NoOne),
            Act::Follow(me, peer),
            Act::Unfollow(me, peer),
            Act::Remove(me, peer),
            Act::Send(me, peer),
            Act::Accept(me, peer),
            Act::Decline(me, peer),
            Act::Revoke(me, peer),
            Act::Block(me, peer),
            Act::Unblock(me, peer),
        ]);
    }
    acts
}

/// Combinations as a list for people: one line for all requests that go with the rest.
pub fn listed(combinations: &BTreeSet<Facts>) -> String {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for facts in combinations {
        let [sender, recipient] = facts.who;
        let pair = |of: [bool; 2], letter: char| match of {
            [false, false] => "-".to_owned(),
            [true, false] => format!("A{letter}B"),
            [false, true] => format!("B{letter}A"),
            [true, true] => format!("A{letter}B B{letter}A"),
        };
        let line = format!(
            "A {sender:?}, B {recipient:?}, follows {}, blocks {}, consent {:?}",
            pair(facts.follows, '>'),
            pair(facts.blocks, '|'),
            facts.consent
        );
        lines
            .entry(line)
            .or_default()
            .push(format!("{:?}", facts.request));
    }
    let line = |(rest, requests): (&String, &Vec<String>)| {
        format!("{rest}: request {}\n", requests.join(", "))
    };
    lines.iter().map(line).collect()
}
