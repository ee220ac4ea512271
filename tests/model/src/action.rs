//! All that can happen next, each as one indivisible step, and the sentence that tells it.

use std::fmt::{self, Display, Formatter};

use crate::policy::{Act, Owner};

/// One step. Changes, sends and replicas are named by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An owner commits a change, with its version and its task.
    Change(Act),
    /// The call that made the change raises the fence.
    Raise(usize),
    /// A copy of a raise arrives at messaging: the first, one more, or one from long ago.
    Deliver(usize),
    /// Messaging's acknowledgement arrives at the owner.
    Acknowledge(usize),
    /// The call has waited for long enough.
    GiveUp(usize),
    /// The relay raises again what was not acknowledged.
    Relay(usize),
    /// An owner's processes die.
    CrashOwner(Owner),
    /// The recipient asks whether their changes hold.
    Ask(Owner),
    /// A replica takes up a send, with what its cache has; that may be enough to decide.
    Begin(usize, usize),
    /// An owner answers a send's question; the last answer decides it.
    Fetch(usize, Owner),
    /// A send's transaction locks the mailbox and reads the guard.
    Lock(usize),
    /// A send's transaction inserts the message and commits.
    Write(usize),
    /// A replica dies.
    CrashReplica(usize),
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Change(act) => write!(f, "{} commits {act:?}", lower(act.owner())),
            Self::Raise(change) => write!(f, "change {change} is raised"),
            Self::Deliver(change) => write!(f, "a raise of change {change} arrives"),
            Self::Acknowledge(change) => write!(f, "change {change} is acknowledged"),
            Self::GiveUp(change) => write!(f, "change {change} is answered PENDING"),
            Self::Relay(change) => write!(f, "the relay raises change {change}"),
            Self::CrashOwner(owner) => write!(f, "{} crashes", lower(owner)),
            Self::Ask(owner) => write!(f, "{} is asked and says ENFORCED", lower(owner)),
            Self::Begin(send, replica) => write!(f, "send {send} begins on replica {replica}"),
            Self::Fetch(send, owner) => write!(f, "send {send} is answered by {}", lower(owner)),
            Self::Lock(send) => write!(f, "send {send} meets the guard"),
            Self::Write(send) => write!(f, "send {send} is persisted"),
            Self::CrashReplica(replica) => write!(f, "replica {replica} crashes"),
        }
    }
}

const fn lower(owner: Owner) -> &'static str {
    match owner {
        Owner::Graph => "graph",
        Owner::Settings => "settings",
    }
}
