//! Messaging's side: raises that arrive, and sends from the first look to the commit.
//! In the product: `services/messaging/src/store/fence.rs`, `rpc/round.rs`, `store/commit.rs`.

use crate::{
    Action, Fence, Mutant,
    policy::{Owner, Placement},
    property,
    world::{Cache, Call, Fact, Mailbox, Message, Participant, REPLICAS, Read, Send, Step, World},
};

impl Fence {
    /// What messaging may do next.
    pub(crate) fn of_messaging(&self, world: &World, actions: &mut Vec<Action>) {
        let is_locked = world.is_locked();
        for (number, change) in world.changes.iter().enumerate() {
            // A raise waits for the lock.
            if change.sent && !is_locked {
                actions.push(Action::Deliver(number));
            }
        }
        for number in 0..world.sends.len() {
            self.of_send(world, number, is_locked, actions);
        }
        let used = (0..REPLICAS).filter(|replica| is_used(world, *replica));
        actions.extend(used.map(Action::CrashReplica));
    }

    fn of_send(&self, world: &World, number: usize, is_locked: bool, actions: &mut Vec<Action>) {
        let send = &world.sends[number];
        let has_guard = !self.is(Mutant::Naive) && !self.is(Mutant::CheckAgain);
        match send.step {
            Step::Idle => {
                // Sends of one sender differ in nothing before they begin, nor do unused replicas:
                // the first stands for all.
                let twin = |other: &usize| {
                    self.bound.sends[*other] == self.bound.sends[number]
                        && world.sends[*other].step == Step::Idle
                };
                if (0..number).any(|other| twin(&other)) {
                    return;
                }
                let unused = (0..REPLICAS).find(|replica| !is_used(world, *replica));
                let offered = (0..REPLICAS).filter(|r| is_used(world, *r) || Some(*r) == unused);
                actions.extend(offered.map(|replica| Action::Begin(number, replica)));
            }
            Step::Deciding | Step::CheckingAgain => {
                // A cached answer may be too old by now.
                let open = Owner::ALL
                    .into_iter()
                    .filter(|owner| !matches!(send.reads[owner.index()], Read::Fetched(_)));
                actions.extend(open.map(|owner| Action::Fetch(number, owner)));
                let is_ready = send.facts().is_some();
                if is_ready && !has_guard {
                    actions.push(Action::Write(number));
                } else if is_ready && !is_locked {
                    actions.push(Action::Lock(number));
                }
            }
            Step::Writing { .. } => actions.push(Action::Write(number)),
            Step::Stored | Step::Refused | Step::Aborted => {}
        }
    }

    /// The raise of a change arrives: one transaction, under the mailbox's lock.
    pub(crate) fn deliver(&self, world: &mut World, number: usize) {
        let change = world.changes[number];
        if world.mailbox.is_none() && !self.is(Mutant::RaiseNeedsRow) {
            world.mailbox = Some(Mailbox::default());
        }
        if let Some(mailbox) = &mut world.mailbox {
            let fence = &mut mailbox.fences[change.act.owner().index()];
            *fence = if self.is(Mutant::Equal) {
                change.version
            } else {
                change.version.max(*fence)
            };
        }
        if let Some((sender, blocked)) = change.act.blocking() {
            let stands = &mut world.participants[sender];
            if change.version > stands.version || self.is(Mutant::EffectsInAnyOrder) {
                *stands = Participant {
                    blocked,
                    version: change.version,
                };
            }
        }
        let call = &mut world.changes[number].call;
        if *call == Call::Open {
            *call = Call::Replied;
        }
    }

    /// A replica takes a send, or takes it up again, with what its cache has.
    pub(crate) fn begin(&self, world: &mut World, number: usize, replica: usize) {
        let sender = self.bound.sends[number];
        let cache = &mut world.caches[replica];
        let cached = |owner| {
            cache
                .entry(owner, sender)
                .map_or(Read::Nothing, Read::Cached)
        };
        let reads = Owner::ALL.map(cached);
        let send = &mut world.sends[number];
        *send = Send {
            step: Step::Deciding,
            replica,
            reads,
            rounds: send.rounds,
        };
        self.decide(world, number);
    }

    /// An owner answers: value and version from one statement.
    pub(crate) fn fetch(&self, world: &mut World, number: usize, owner: Owner) {
        let now = world.version(owner);
        let read = &mut world.sends[number].reads[owner.index()];
        let fact = |seen| Fact { seen, version: now };
        *read = match *read {
            Read::Value(seen) => Read::Fetched(fact(seen)),
            _ if self.is(Mutant::ValueBeforeVersion) => Read::Value(now),
            _ => Read::Fetched(fact(now)),
        };
        self.decide(world, number);
    }

    /// Decides once all facts are there. What is to be delivered waits for its transaction; a
    /// refusal is only given on facts of which none was cached.
    fn decide(&self, world: &mut World, number: usize) {
        let send = world.sends[number];
        let Some(facts) = send.facts() else {
            return;
        };
        let placement = world.placement(facts.map(|fact| fact.seen), self.bound.sends[number]);
        let is_cached = |read: &Read| matches!(read, Read::Cached(_));
        if send.step == Step::CheckingAgain {
            let stays = |m: &Message| m.send != number || m.placement <= placement;
            world.messages.retain(stays);
            world.sends[number] = Send::at(Step::Stored);
        } else if placement == Placement::Nowhere {
            if send.reads.iter().any(is_cached) {
                world.sends[number].reads = [Read::Nothing; Owner::ALL.len()];
            } else {
                self.remember(world, number);
                world.sends[number] = Send::at(Step::Refused);
            }
        }
    }

    /// The cache takes what was fetched, however long ago, whatever it holds by now.
    fn remember(&self, world: &mut World, number: usize) {
        let send = world.sends[number];
        for owner in Owner::ALL {
            if let Read::Fetched(fact) = send.reads[owner.index()] {
                let cache = &mut world.caches[send.replica];
                *cache.entry(owner, self.bound.sends[number]) = Some(fact);
            }
        }
    }

    /// The transaction begins: the mailbox is locked where no fence is above the decision.
    pub(crate) fn lock(&self, world: &mut World, number: usize) {
        let send = world.sends[number];
        let Some(facts) = send.facts() else {
            return;
        };
        self.remember(world, number);
        world.sends[number].reads = facts.map(Read::Fetched);
        let Some(mailbox) = world.mailbox else {
            if self.is(Mutant::MissingRowPasses) {
                world.sends[number].step = Step::Writing { locked: false };
            } else {
                world.mailbox = Some(Mailbox::default());
                self.begin(world, number, send.replica);
            }
            return;
        };
        let is_above = |owner: &Owner| {
            let is_checked = !self.is(Mutant::OneFenceChecked) || *owner == Owner::Graph;
            is_checked && mailbox.fences[owner.index()] > facts[owner.index()].version
        };
        let above: Vec<_> = Owner::ALL.into_iter().filter(is_above).collect();
        if above.is_empty() {
            let locked = !self.is(Mutant::GuardOutside);
            world.sends[number].step = Step::Writing { locked };
        } else if send.rounds < self.bound.rounds {
            for owner in above {
                *world.caches[send.replica].entry(owner, self.bound.sends[number]) = None;
            }
            world.sends[number].rounds += 1;
            self.begin(world, number, send.replica);
        } else {
            world.sends[number] = Send::at(Step::Aborted);
        }
    }

    /// The message is inserted and the transaction ends, with its lock.
    pub(crate) fn write(&self, world: &mut World, number: usize) {
        let sender = self.bound.sends[number];
        let Some(facts) = world.sends[number].facts() else {
            return;
        };
        self.remember(world, number);
        let placement = world.placement(facts.map(|fact| fact.seen), sender);
        world.broken |= property::is_forbidden(world, sender, placement, facts);
        world.messages.push(Message {
            send: number,
            placement,
            versions: facts.map(|fact| fact.version),
        });
        world.messages.sort_unstable_by_key(|message| message.send);
        world.sends[number] = if self.is(Mutant::CheckAgain) {
            let replica = world.sends[number].replica;
            Send {
                replica,
                ..Send::at(Step::CheckingAgain)
            }
        } else {
            Send::at(Step::Stored)
        };
    }
}

/// A replica dies: its cache is gone, its transactions are rolled back, and whoever called it calls
/// again.
pub fn crash(world: &mut World, replica: usize) {
    world.caches[replica] = Cache::default();
    for send in &mut world.sends {
        if is_on(send, replica) {
            *send = Send::at(match send.step {
                // The message is there, and nobody comes back to look.
                Step::CheckingAgain => Step::Stored,
                _ => Step::Idle,
            });
        }
    }
}

/// Whether a replica differs from one that has just been started.
fn is_used(world: &World, replica: usize) -> bool {
    world.caches[replica] != Cache::default() || world.sends.iter().any(|send| is_on(send, replica))
}

fn is_on(send: &Send, replica: usize) -> bool {
    let is_working = match send.step {
        Step::Deciding | Step::Writing { .. } | Step::CheckingAgain => true,
        Step::Idle | Step::Stored | Step::Refused | Step::Aborted => false,
    };
    is_working && send.replica == replica
}
