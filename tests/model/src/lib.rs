//! The consent fence as a model that is searched whole: nothing lands after an acknowledged "no".
//!
//! For: finding out whether the protocol keeps its promise in every order of events, and that each
//! known mistake breaks it. One recipient changes their policy at two owners; senders write to them
//! through two replicas of messaging; raises are lost, doubled and reordered, processes die.
//!
//! Promises: within a [`Bound`] every world that can come about is looked at, and what [`property`]
//! promises holds in each; every [`Mutant`] has a world in which its promise does not hold.
//!
//! Must not: use the product's crates. It is written from the protocol (`services/README.md`, "How
//! a “no” takes hold" and "How a message gets through"), and its parts are these:
//!
//! - [`world::Change`], with its version and task: an owner's row, `policy_version` and
//!   `fence_task`, written in one transaction. [`Action::Change`] is that commit.
//! - [`Action::Raise`], [`Action::Acknowledge`], [`Action::GiveUp`]: what Block and its like do
//!   after the commit, `Fences::enforce` in `shared/src/fence.rs`: ENFORCED or PENDING.
//! - [`Action::Relay`] and [`Action::Ask`]: `Fences::relay`, and `Fences::state` for
//!   `GetEnforcement`.
//! - [`Action::Deliver`]: `FenceService.Raise`, `services/messaging/src/store/fence.rs`: the
//!   greatest version stands, a missing row is made, an effect is applied iff it is newer.
//! - [`world::Mailbox`], [`world::Participant`], [`world::Message`]: messaging's tables `mailbox`
//!   (the fences), `participant` (`blocked`, `blocked_version`) and `message` (the versions of its
//!   decision).
//! - [`world::Cache`]: the decision cache of one process, value and version always together.
//! - [`Action::Begin`] and [`Action::Fetch`]: a round, `services/messaging/src/rpc/round.rs`: the
//!   cache, the owners, the decision; a refusal is never given from the cache.
//! - [`Action::Lock`] and [`Action::Write`]: the transaction in
//!   `services/messaging/src/store/commit.rs`. It is two steps, so that owners and other sends act
//!   between them; a raise cannot, it needs the same lock.
//! - [`Policy`]: `services/messaging/policy`, as far as a "no" changes it: inbox, request, nothing.
//!
//! The network is the worst there can be: once a raise was sent, a copy of it may arrive at any
//! time, any number of times, or never, so what is lost needs no step of its own. An owner's answer
//! may be old when it is used, and older than what it replaces in a cache. There are no clocks: a
//! cached answer is too old, and a caller's patience over, whenever that is worst.
//!
//! Left out, being the same once more: identity's fence, and fences on the sender's row; the second
//! mailbox of a transaction; group commit, in which each message has a guard of its own. Left out,
//! being no part of the fence: the state versions of conversations, budgets, streams, and that a
//! repeated send is answered as before.

mod action;
mod messaging;
mod mutant;
mod owner;
pub mod policy;
pub mod property;
pub mod search;
#[cfg(test)]
mod tests;
pub mod world;

use stateright::{Model, Property};

pub use action::Action;
pub use mutant::Mutant;
pub use policy::Policy;
use policy::{Edge, SENDERS, Who};
use world::World;

/// How much may happen.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The sender of each send.
    pub sends: Vec<usize>,
    /// How many changes the recipient makes.
    pub changes: usize,
    /// How often a send is decided anew after the guard turned it away.
    pub rounds: u8,
}

impl Bound {
    /// What is searched in every run of the tests: two sends of one person, two changes.
    #[must_use]
    pub fn small() -> Self {
        Self {
            sends: vec![0, 0],
            changes: 2,
            rounds: 1,
        }
    }

    /// How many senders there are.
    #[must_use]
    pub fn senders(&self) -> usize {
        self.sends.iter().max().map_or(0, |last| last + 1)
    }
}

/// Which properties a search looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What must hold in every world.
    Promises,
    /// What must be possible, or the promises would be kept by doing nothing.
    Possibilities,
}

/// The protocol, or the protocol with a mistake in it.
#[derive(Debug, Clone)]
pub struct Fence {
    /// How much may happen.
    pub bound: Bound,
    /// The mistake.
    pub mutant: Option<Mutant>,
    /// What is looked for.
    pub about: About,
}

impl Fence {
    /// The protocol within a bound, and its promises.
    #[must_use]
    pub const fn new(bound: Bound) -> Self {
        Self {
            bound,
            mutant: None,
            about: About::Promises,
        }
    }

    /// The same with a mistake.
    #[must_use]
    pub fn with(self, mutant: Mutant) -> Self {
        Self {
            mutant: Some(mutant),
            ..self
        }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Model for Fence {
    type State = World;
    type Action = Action;

    /// The recipient follows everyone, or has blocked everyone; messaging has heard of nothing.
    fn init_states(&self) -> Vec<World> {
        [true, false]
            .map(|follows| {
                let edge = Edge {
                    follows,
                    blocks: !follows,
                };
                let start = Policy {
                    edges: [edge; SENDERS],
                    who: Who::Everyone,
                };
                World::new(start, self.bound.sends.len())
            })
            .into()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.of_owners(world, actions);
        self.of_messaging(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Change(act) => self.change(&mut next, act),
            Action::Raise(change) => self.raise(&mut next.changes[change]),
            Action::Deliver(change) => self.deliver(&mut next, change),
            Action::Acknowledge(change) => owner::acknowledge(&mut next.changes[change]),
            Action::GiveUp(change) => owner::give_up(&mut next.changes[change]),
            Action::Relay(change) => self.relay(&mut next.changes[change]),
            Action::CrashOwner(owner) => owner::crash(&mut next, owner),
            Action::Ask(owner) => owner::ask(&mut next, owner),
            Action::Begin(send, replica) => self.begin(&mut next, send, replica),
            Action::Fetch(send, owner) => self.fetch(&mut next, send, owner),
            Action::Lock(send) => self.lock(&mut next, send),
            Action::Write(send) => self.write(&mut next, send),
            Action::CrashReplica(replica) => messaging::crash(&mut next, replica),
        }
        next.forget();
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        match self.about {
            About::Promises => property::promises(),
            About::Possibilities => property::possibilities(),
        }
    }
}
