//! The owners' side: changes, raises, the relay, and what the recipient is told.
//! In the product: `shared/src/fence.rs` and each owner's store.

use crate::{
    Action, Fence, Mutant,
    policy::{Act, Owner},
    world::{Answer, Call, Change, World},
};

impl Fence {
    /// What an owner may do next.
    pub(crate) fn of_owners(&self, world: &World, actions: &mut Vec<Action>) {
        if world.changes.len() < self.bound.changes {
            let acts = Act::all(self.bound.senders());
            let changing = acts.filter(|act| world.policy().after(*act).is_some());
            actions.extend(changing.map(Action::Change));
        }
        for (number, change) in world.changes.iter().enumerate() {
            if change.answer == Answer::Waiting {
                if change.call == Call::None {
                    actions.push(Action::Raise(number));
                }
                actions.push(Action::GiveUp(number));
            }
            if change.call == Call::Replied {
                actions.push(Action::Acknowledge(number));
            }
            if change.task && change.call == Call::None && change.answer != Answer::Waiting {
                actions.push(Action::Relay(number));
            }
        }
        for owner in Owner::ALL {
            let mut own = world.changes.iter().filter(|c| c.act.owner() == owner);
            let is_busy = |c: &Change| c.answer == Answer::Waiting || c.call != Call::None;
            if own.clone().any(is_busy) {
                actions.push(Action::CrashOwner(owner));
            }
            if own.clone().any(|c| c.answer == Answer::Pending) && !own.any(|c| c.task) {
                actions.push(Action::Ask(owner));
            }
        }
    }

    /// One transaction: the version, the change, its task.
    pub(crate) fn change(&self, world: &mut World, act: Act) {
        let Some(policy) = world.policy().after(act) else {
            return;
        };
        let owner = act.owner();
        let is_silent = self.is(Mutant::OneFenceRaised) && owner == Owner::Settings;
        let raises = act.raises() && !is_silent;
        let change = Change {
            act,
            version: world.version(owner) + 1,
            policy,
            task: raises && !self.is(Mutant::TaskAfterCommit),
            call: Call::None,
            sent: false,
            answer: if raises && !self.is(Mutant::Event) {
                Answer::Waiting
            } else {
                Answer::Enforced
            },
        };
        world.changes.push(change);
    }

    /// After the commit: the raise goes out, and the call waits for it.
    pub(crate) fn raise(&self, change: &mut Change) {
        change.task |= self.is(Mutant::TaskAfterCommit);
        change.sent = true;
        change.call = Call::Open;
    }

    /// The relay finds the task and sends the raise once more.
    pub(crate) fn relay(&self, change: &mut Change) {
        change.task = !self.is(Mutant::RelayForgets);
        change.sent = true;
        change.call = Call::Open;
    }
}

/// Messaging's acknowledgement arrives: the task goes, and whoever waits is told.
pub fn acknowledge(change: &mut Change) {
    change.task = false;
    change.call = Call::None;
    if change.answer == Answer::Waiting {
        change.answer = Answer::Enforced;
    }
}

/// A second is over: the answer is PENDING and the rest the relay's.
pub const fn give_up(change: &mut Change) {
    change.answer = Answer::Pending;
    change.call = Call::None;
}

/// The owner's process dies: nobody waits for anything any more. Its database stays.
pub fn crash(world: &mut World, owner: Owner) {
    for change in &mut world.changes {
        if change.act.owner() == owner {
            change.call = Call::None;
            if change.answer == Answer::Waiting {
                change.answer = Answer::Pending;
            }
        }
    }
}

/// `GetEnforcement`: no task of the person is left.
pub fn ask(world: &mut World, owner: Owner) {
    for change in &mut world.changes {
        if change.act.owner() == owner && change.answer == Answer::Pending {
            change.answer = Answer::EnforcedLater;
        }
    }
}
