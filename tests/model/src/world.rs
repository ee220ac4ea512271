//! One moment of everything: the owners' databases and open calls, what is in the network,
//! messaging's database, the replicas' caches and the sends in progress.
//!
//! What no longer matters is forgotten (a send that has ended keeps no facts), so that moments that
//! cannot be told apart are one state.

use crate::policy::{Act, Owner, Placement, Policy, SENDERS};

/// The number of an owner's change of the recipient's policy; 0 before the first.
pub type Version = u8;

/// How many replicas of messaging there are.
pub const REPLICAS: usize = 2;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The policy before the first change.
    pub start: Policy,
    /// Every change of it, of both owners, as they were committed.
    pub changes: Vec<Change>,
    /// The recipient's row in messaging, where there is one.
    pub mailbox: Option<Mailbox>,
    /// Each sender in the recipient's lists.
    pub participants: [Participant; SENDERS],
    /// What was persisted.
    pub messages: Vec<Message>,
    /// What each replica remembers of the owners' answers.
    pub caches: [Cache; REPLICAS],
    /// Each send that there will be.
    pub sends: Vec<Send>,
    /// Whether a message was persisted that an acknowledged "no" forbids.
    pub broken: bool,
}

/// A change in its owner's database, the call that waits for it, and its raise in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// What was done.
    pub act: Act,
    /// The version of its owner that it made.
    pub version: Version,
    /// The whole policy with it.
    pub policy: Policy,
    /// Whether its `fence_task` is there.
    pub task: bool,
    /// The owner's call to messaging.
    pub call: Call,
    /// Whether copies of its raise are in the network. They stay: any of them may arrive at any
    /// time, once more, or never.
    pub sent: bool,
    /// What the recipient was told.
    pub answer: Answer,
}

/// The call by which an owner, or its relay, raises a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// There is none.
    None,
    /// It waits.
    Open,
    /// Messaging has acknowledged; the owner has not noticed yet.
    Replied,
}

/// What the recipient knows of their change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Nothing yet.
    Waiting,
    /// PENDING; or the process that should have answered is dead.
    Pending,
    /// ENFORCED.
    Enforced,
    /// ENFORCED, by a later `GetEnforcement`.
    EnforcedLater,
}

/// Messaging's row of the recipient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// For each owner the version that a decision must carry at least.
    pub fences: [Version; Owner::ALL.len()],
}

/// A sender in the recipient's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Participant {
    /// Whether they are in none.
    pub blocked: bool,
    /// The version of graph that said so.
    pub version: Version,
}

/// A message row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// Which send it is of.
    pub send: usize,
    /// Where it was put.
    pub placement: Placement,
    /// The versions that its decision was made with.
    pub versions: [Version; Owner::ALL.len()],
}

/// What an owner answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fact {
    /// The version whose value this really is. Nobody in the system knows it.
    pub seen: Version,
    /// The version that came with the value.
    pub version: Version,
}

/// A replica's decision cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cache {
    /// Graph's part, for each sender.
    pub graph: [Option<Fact>; SENDERS],
    /// Settings' part.
    pub settings: Option<Fact>,
}

impl Cache {
    /// What is remembered of an owner's answer about a sender.
    pub const fn entry(&mut self, owner: Owner, sender: usize) -> &mut Option<Fact> {
        match owner {
            Owner::Graph => &mut self.graph[sender],
            Owner::Settings => &mut self.settings,
        }
    }
}

/// A call of SendMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Send {
    /// How far it is.
    pub step: Step,
    /// The replica that works on it.
    pub replica: usize,
    /// What it knows of each owner.
    pub reads: [Read; Owner::ALL.len()],
    /// How often the guard has turned it away.
    pub rounds: u8,
}

/// How far a send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Not begun, or begun on a replica that died.
    Idle,
    /// Facts are missing; or all are there, and it is to be delivered.
    Deciding,
    /// In the transaction, past the guard; whether it holds the mailbox's lock.
    Writing {
        /// Only a mutant is here without.
        locked: bool,
    },
    /// Persisted and to be checked again, which only a mutant does.
    CheckingAgain,
    /// Delivered.
    Stored,
    /// Refused by the policy.
    Refused,
    /// Turned away by the guard too often.
    Aborted,
}

/// What a send knows of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    /// Nothing.
    Nothing,
    /// The value without a version, which only a mutant has.
    Value(Version),
    /// What the cache had.
    Cached(Fact),
    /// What the owner answered.
    Fetched(Fact),
}

impl Read {
    /// The fact, once it is whole.
    #[must_use]
    pub const fn fact(self) -> Option<Fact> {
        match self {
            Self::Cached(fact) | Self::Fetched(fact) => Some(fact),
            Self::Nothing | Self::Value(_) => None,
        }
    }
}

impl Send {
    /// A send that is at a step which needs no more facts.
    #[must_use]
    pub const fn at(step: Step) -> Self {
        Self {
            step,
            replica: 0,
            reads: [Read::Nothing; Owner::ALL.len()],
            rounds: 0,
        }
    }

    /// Both facts, once they are there.
    #[must_use]
    pub fn facts(&self) -> Option<[Fact; Owner::ALL.len()]> {
        Some([self.reads[0].fact()?, self.reads[1].fact()?])
    }
}

impl Change {
    /// Whether the recipient was told that it holds.
    #[must_use]
    pub const fn is_enforced(&self) -> bool {
        matches!(self.answer, Answer::Enforced | Answer::EnforcedLater)
    }
}

impl World {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(start: Policy, sends: usize) -> Self {
        Self {
            start,
            changes: Vec::new(),
            mailbox: None,
            participants: start.edges.map(|edge| Participant {
                blocked: edge.blocks,
                version: 0,
            }),
            messages: Vec::new(),
            caches: [Cache::default(); REPLICAS],
            sends: vec![Send::at(Step::Idle); sends],
            broken: false,
        }
    }

    /// The policy as it stands.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.changes
            .last()
            .map_or(&self.start, |change| &change.policy)
    }

    /// The version of an owner as it stands.
    #[must_use]
    pub fn version(&self, owner: Owner) -> Version {
        let last = self
            .changes
            .iter()
            .rfind(|change| change.act.owner() == owner);
        last.map_or(0, |change| change.version)
    }

    /// A policy whose part of this owner is that of this version.
    #[must_use]
    pub fn policy_at(&self, owner: Owner, version: Version) -> &Policy {
        let made = |change: &&Change| change.act.owner() == owner && change.version == version;
        let made = self.changes.iter().find(made);
        made.map_or(&self.start, |change| &change.policy)
    }

    /// What a decision about a sender is by the parts of these versions, graph's first.
    #[must_use]
    pub fn placement(&self, versions: [Version; Owner::ALL.len()], sender: usize) -> Placement {
        let [graph, settings] = versions;
        Policy::placement(
            self.policy_at(Owner::Graph, graph),
            self.policy_at(Owner::Settings, settings),
            sender,
        )
    }

    /// Forgets what nobody will ask for: the caches, once every send has ended.
    pub fn forget(&mut self) {
        let has_ended =
            |send: &Send| matches!(send.step, Step::Stored | Step::Refused | Step::Aborted);
        if self.sends.iter().all(has_ended) {
            self.caches = [Cache::default(); REPLICAS];
        }
    }

    /// Whether a transaction holds the lock of the recipient's mailbox.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        let locked = Step::Writing { locked: true };
        self.sends.iter().any(|send| send.step == locked)
    }
}
