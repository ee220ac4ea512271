//! What must hold in every world, and what must be possible in some, so that the first says
//! something.

use stateright::Property;

use crate::{
    Fence,
    policy::{Owner, Placement},
    world::{Answer, Change, Fact, Step, World},
};

/// The promise: nothing lands after an acknowledged "no".
pub const LANDS: &str = "no message is persisted that an acknowledged change forbids";
/// The same, of lists.
pub const LISTED: &str = "lists show nobody whose block is acknowledged, nor hide who is let in";
/// What makes consent auditable.
pub const AUDITED: &str = "the versions kept with a message are those of a policy that allows it";

/// Whether a decision is forbidden by a "no" that was acknowledged before. Only what is older than
/// that "no" can be: where the recipient allowed it again, a decision that has seen so is as new.
pub fn is_forbidden(
    world: &World,
    sender: usize,
    placement: Placement,
    facts: [Fact; Owner::ALL.len()],
) -> bool {
    world.changes.iter().any(|change| {
        let seen = facts[change.act.owner().index()].seen;
        let allows = crate::Policy::placement(&change.policy, &change.policy, sender);
        change.act.narrows() && change.is_enforced() && seen < change.version && placement > allows
    })
}

/// What holds always.
pub fn promises() -> Vec<Property<Fence>> {
    vec![
        Property::always(LANDS, |_, world: &World| !world.broken),
        Property::always(LISTED, |fence: &Fence, world: &World| {
            (0..fence.bound.senders()).all(|sender| is_listed_rightly(world, sender))
        }),
        Property::always(AUDITED, |fence: &Fence, world: &World| {
            world.messages.iter().all(|message| {
                let sender = fence.bound.sends[message.send];
                message.placement == world.placement(message.versions, sender)
            })
        }),
    ]
}

/// What is possible.
pub fn possibilities() -> Vec<Property<Fence>> {
    vec![
        Property::sometimes("a message reaches the inbox", |_, world: &World| {
            is_stored(world, Placement::Inbox)
        }),
        Property::sometimes("a message asks first", |_, world: &World| {
            is_stored(world, Placement::Request)
        }),
        Property::sometimes("a send is refused", |_, world: &World| {
            is_at(world, Step::Refused)
        }),
        Property::sometimes(
            "a fence turns a decision away, and it is made anew",
            |_, world: &World| {
                (world.sends.iter()).any(|send| send.rounds > 0 && send.facts().is_some())
            },
        ),
        Property::sometimes("a fence turns a send away for good", |_, world: &World| {
            is_at(world, Step::Aborted)
        }),
        Property::sometimes("a \"no\" is answered ENFORCED", |_, world: &World| {
            is_answered(world, Answer::Enforced)
        }),
        Property::sometimes("a \"no\" is answered PENDING", |_, world: &World| {
            is_answered(world, Answer::Pending)
        }),
        Property::sometimes("PENDING becomes ENFORCED", |_, world: &World| {
            is_answered(world, Answer::EnforcedLater)
        }),
        Property::sometimes(
            "a message lands by a \"yes\" after a \"no\"",
            |_, world: &World| {
                world.messages.iter().any(|message| {
                    let saw = |c: &&Change| message.versions[c.act.owner().index()] >= c.version;
                    let mut seen = world.changes.iter().filter(saw);
                    seen.clone().any(|c| c.act.narrows()) && seen.any(|c| !c.act.narrows())
                })
            },
        ),
        Property::sometimes(
            "two are told ENFORCED while a message waits",
            |_, world: &World| {
                world.changes.iter().filter(|c| c.is_enforced()).count() > 1
                    && world.sends.iter().any(|send| send.facts().is_some())
            },
        ),
    ]
}

/// Whether the last thing that was done about a sender's block is what lists say, once it is
/// acknowledged.
fn is_listed_rightly(world: &World, sender: usize) -> bool {
    let about = |change: &&Change| (change.act.blocking()).is_some_and(|(whom, _)| whom == sender);
    let last = world.changes.iter().rfind(about);
    last.is_none_or(|change| {
        !change.is_enforced()
            || world.participants[sender].blocked == change.policy.edges[sender].blocks
    })
}

fn is_stored(world: &World, placement: Placement) -> bool {
    world
        .messages
        .iter()
        .any(|message| message.placement == placement)
}

fn is_at(world: &World, step: Step) -> bool {
    world.sends.iter().any(|send| send.step == step)
}

fn is_answered(world: &World, answer: Answer) -> bool {
    let mut noes = world.changes.iter().filter(|change| change.act.narrows());
    noes.any(|change| change.answer == answer)
}
