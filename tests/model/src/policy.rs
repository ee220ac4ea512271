//! What a recipient allows, small enough to be tried whole: who they follow and block, and who may
//! message them at all. Pure; the table of the product is `services/messaging/policy`.

/// How many people may write to the recipient at the most.
pub const SENDERS: usize = 2;

/// An owner of a part of the recipient's policy, with a version and a fence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Follows and blocks.
    Graph,
    /// Who may message.
    Settings,
}

impl Owner {
    /// All of them, in the order in which arrays hold something for each.
    pub const ALL: [Self; 2] = [Self::Graph, Self::Settings];

    /// Where arrays hold what belongs to it.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What the recipient did to one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The recipient follows them; of the two directions of a friendship, the one that is the
    /// recipient's to end.
    pub follows: bool,
    /// The recipient blocks them.
    pub blocks: bool,
}

/// Who may message the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Strangers too.
    Everyone,
    /// Nobody.
    NoOne,
}

/// Where a message goes; what comes later in this list is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    /// It is refused.
    Nowhere,
    /// It asks first.
    Request,
    /// It is there.
    Inbox,
}

/// The recipient's whole policy at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Towards each sender: graph's part.
    pub edges: [Edge; SENDERS],
    /// Settings' part.
    pub who: Who,
}

/// Something that the recipient does to their policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Blocks a sender, which ends following them too.
    Block(usize),
    /// Blocks them no longer.
    Unblock(usize),
    /// Follows them no longer.
    Unfollow(usize),
    /// Lets nobody message them.
    Tighten,
    /// Lets everyone.
    Loosen,
}

impl Policy {
    /// What a sender may do, by graph's part of one policy and settings' part of another: each was
    /// read when it was read.
    #[must_use]
    pub const fn placement(graph: &Self, settings: &Self, sender: usize) -> Placement {
        match (graph.edges[sender], settings.who) {
            (Edge { blocks: true, .. }, _) | (_, Who::NoOne) => Placement::Nowhere,
            (Edge { follows: true, .. }, Who::Everyone) => Placement::Inbox,
            (Edge { follows: false, .. }, Who::Everyone) => Placement::Request,
        }
    }

    /// The policy after an act; none when it changes nothing, or is impossible.
    #[must_use]
    pub fn after(&self, act: Act) -> Option<Self> {
        let mut after = *self;
        match act {
            Act::Block(sender) => {
                after.edges[sender] = Edge {
                    follows: false,
                    blocks: true,
                };
            }
            Act::Unblock(sender) => after.edges[sender].blocks = false,
            Act::Unfollow(sender) => after.edges[sender].follows = false,
            Act::Tighten => after.who = Who::NoOne,
            Act::Loosen => after.who = Who::Everyone,
        }
        (after != *self).then_some(after)
    }
}

impl Act {
    /// All that can be done in a world with so many senders.
    pub fn all(senders: usize) -> impl Iterator<Item = Self> {
        let to_each = (0..senders).flat_map(|sender| {
            [
                Self::Block(sender),
                Self::Unblock(sender),
                Self::Unfollow(sender),
            ]
        });
        to_each.chain([Self::Tighten, Self::Loosen])
    }

    /// Whose policy it changes.
    #[must_use]
    pub const fn owner(self) -> Owner {
        match self {
            Self::Block(_) | Self::Unblock(_) | Self::Unfollow(_) => Owner::Graph,
            Self::Tighten | Self::Loosen => Owner::Settings,
        }
    }

    /// Whether it is a "no".
    #[must_use]
    pub const fn narrows(self) -> bool {
        match self {
            Self::Block(_) | Self::Unfollow(_) | Self::Tighten => true,
            Self::Unblock(_) | Self::Loosen => false,
        }
    }

    /// Whether messaging must hear of it: of every "no", and of what changes lists.
    #[must_use]
    pub const fn raises(self) -> bool {
        self.narrows() || self.blocking().is_some()
    }

    /// What it does to the recipient's lists: whom it takes out of them or lets in again.
    #[must_use]
    pub const fn blocking(self) -> Option<(usize, bool)> {
        match self {
            Self::Block(sender) => Some((sender, true)),
            Self::Unblock(sender) => Some((sender, false)),
            Self::Unfollow(_) | Self::Tighten | Self::Loosen => None,
        }
    }
}
