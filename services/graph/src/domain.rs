//! What can lie between two people, and how each act changes it.
//!
//! Deciding is pure: everything that it needs is an argument. Nothing here knows of databases or
//! of the contract.

use postern_shared::{
    clock::Timestamp,
    id::{EdgeId, UserId},
    random::Random,
};

/// A follow or a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Its place among all edges: lists are ordered by it.
    pub id: EdgeId,
    /// Since when.
    pub at: Timestamp,
}

impl Edge {
    /// An edge made now.
    #[must_use]
    pub fn new(now: Timestamp, random: &Random) -> Self {
        Self {
            id: EdgeId::new(now, random),
            at: now,
        }
    }
}

/// What one person has set towards another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Side {
    /// They follow the other.
    pub follow: Option<Edge>,
    /// They block the other.
    pub block: Option<Edge>,
    /// Rises whenever a consent that they gave the other must end; never falls.
    pub epoch: u64,
}

impl Side {
    const fn raise_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }
}

/// Both sides of two people, seen by one of them.
// INVARIANT: while either side holds a block, neither holds a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pair {
    /// What the one who looks or acts has set.
    pub mine: Side,
    /// What the other has set.
    pub theirs: Side,
}

/// A pair, and the policy versions that it was read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relationship {
    /// What lies between the two.
    pub pair: Pair,
    /// Rises with each change that the one makes, whomever it is about.
    pub my_version: u64,
    /// The same of the other.
    pub their_version: u64,
}

/// Whether an account is there for other people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// In use.
    Present,
    /// Deactivated, erased, suspended or banned.
    Gone,
}

/// The other person of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub id: UserId,
    /// Whether they are there for others.
    pub presence: Presence,
}

/// What a person does about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Follows them.
    Follow,
    /// Follows them no longer.
    Unfollow,
    /// Has them follow no longer.
    RemoveFollower,
    /// Blocks them.
    Block,
    /// Blocks them no longer.
    Unblock,
}

/// Why an act is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The other is gone, or blocks the one who acts: the two must not be told apart.
    Hidden,
    /// The one who acts blocks the other.
    BlockedByYou,
}

/// What one person may know of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// I follow them.
    pub following: bool,
    /// They follow me.
    pub followed_by: bool,
    /// I block them.
    pub blocking: bool,
}

/// A list of people that its owner may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Who follows the owner.
    Followers,
    /// Whom the owner follows.
    Following,
    /// Whom the owner follows and who follow back.
    Friends,
    /// Whom the owner blocks.
    Blocked,
}

/// One person in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub person: UserId,
    /// What put them there.
    pub edge: Edge,
}

/// How long a person's lists are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Who follow them.
    pub followers: u64,
    /// Whom they follow.
    pub following: u64,
    /// Both.
    pub friends: u64,
}

/// The pair after an act; the same pair when the act changes nothing. `edge` is what a new follow
/// or block becomes.
///
/// # Errors
/// Why the act is not done.
pub fn decide(pair: Pair, presence: Presence, act: Act, edge: Edge) -> Result<Pair, Refusal> {
    let Pair {
        mut mine,
        mut theirs,
    } = pair;
    match act {
        Act::Block | Act::Unblock => {}
        // Before the own block: someone who is hidden and blocked answers as hidden, whatever
        // hides them.
        _ if hidden(&pair, presence) => return Err(Refusal::Hidden),
        Act::Follow if mine.block.is_some() => return Err(Refusal::BlockedByYou),
        _ => {}
    }
    match act {
        Act::Follow => {
            mine.follow.get_or_insert(edge);
        }
        Act::Unfollow => {
            if mine.follow.take().is_some() {
                mine.raise_epoch();
            }
        }
        Act::RemoveFollower => {
            if theirs.follow.take().is_some() {
                mine.raise_epoch();
            }
        }
        Act::Block => {
            if mine.block.is_none() {
                mine.block = Some(edge);
                mine.follow = None;
                theirs.follow = None;
                mine.raise_epoch();
                theirs.raise_epoch();
            }
        }
        Act::Unblock => mine.block = None,
    }
    Ok(Pair { mine, theirs })
}

/// What someone may know of a person: nothing when that person is hidden from them.
///
/// # Errors
/// [`Refusal::Hidden`].
pub const fn look(pair: &Pair, presence: Presence) -> Result<View, Refusal> {
    if hidden(pair, presence) {
        Err(Refusal::Hidden)
    } else {
        Ok(view(pair, presence))
    }
}

/// What someone may know of a person after blocking or unblocking them, which works on everyone:
/// of a hidden person no more than the own block.
#[must_use]
pub const fn view(pair: &Pair, presence: Presence) -> View {
    let shown = !hidden(pair, presence);
    View {
        following: shown && pair.mine.follow.is_some(),
        followed_by: shown && pair.theirs.follow.is_some(),
        blocking: pair.mine.block.is_some(),
    }
}

/// One disguise: who blocks me is gone to me.
const fn hidden(pair: &Pair, presence: Presence) -> bool {
    matches!(presence, Presence::Gone) || pair.theirs.block.is_some()
}

#[cfg(test)]
mod tests;
