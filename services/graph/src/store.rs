//! What is stored: one row for each person's side of a pair, a copy of each follow by whom it
//! follows, each person's policy version, and who is gone to others.
//!
//! It takes and returns domain types; entities and SQL stay in the modules below. Rows of sides
//! and versions are never deleted: epochs and versions must never fall.

mod change;
mod entities;
mod gone;
mod read;
mod schema;

use postern_shared::{
    db::Db,
    fence::{self, Effect, Raise},
    id::{EdgeId, UserId},
    outbox::{self, Body, Event},
};
use sea_orm::DbErr;

pub use schema::MIGRATIONS;

use crate::{
    domain::{self, Act, Counts, Edge, Entry, List, Pair, Peer, Relationship},
    error::Error,
};

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The pair as it is then.
    pub pair: Pair,
    /// What is to be raised before the act is acknowledged: its task is stored. None when nothing
    /// changed, and for what only widens.
    pub raise: Option<Raise>,
}

/// The graph's database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Takes the open database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Does an act of `me`. `edge` is what a new follow or block becomes. When something changes,
    /// the version of `me` rises with it, one event says so (none says what the other lost), and
    /// what must be raised is written down, all in one transaction.
    ///
    /// # Errors
    /// A refusal; the database's.
    pub async fn act(&self, me: UserId, peer: Peer, act: Act, edge: Edge) -> Result<Done, Error> {
        // Repeating what is so already, and what is refused, costs a read and no lock.
        let pair = self.pair(me, peer.id).await?;
        if domain::decide(pair, peer.presence, act, edge)? == pair {
            return Ok(Done { pair, raise: None });
        }
        self.db
            .write(|tx| async move {
                let held = change::lock(&tx, me, peer.id).await?;
                let pair = domain::decide(held.pair, peer.presence, act, edge)?;
                let version = change::save(&tx, me, peer.id, &held, &pair).await?;
                let Some(version) = version else {
                    return Ok(Done { pair, raise: None });
                };
                let body = Body::RelationshipChanged {
                    user: me,
                    peer: peer.id,
                };
                let changed = Event::new(body, version, me, edge.at);
                outbox::append(&tx, edge.at, &[changed]).await?;
                let raise = raise_of(act, me, peer.id, version);
                if let Some(raise) = &raise {
                    fence::add(&tx, edge.at, raise).await?;
                }
                Ok(Done { pair, raise })
            })
            .await
    }

    /// Takes in that somebody is gone to others or is back.
    ///
    /// # Errors
    /// When the version jumps too far; the database's.
    pub async fn hear(&self, raise: &Raise) -> Result<(), Error> {
        self.db
            .write(|tx| async move { gone::apply(&tx, raise).await })
            .await
    }

    /// What lies between two people.
    ///
    /// # Errors
    /// The database's.
    pub async fn pair(&self, me: UserId, peer: UserId) -> Result<Pair, DbErr> {
        Ok(self.relationship(me, peer).await?.pair)
    }

    /// What lies between two people, with both versions, as of one moment.
    ///
    /// # Errors
    /// The database's.
    pub async fn relationship(&self, me: UserId, peer: UserId) -> Result<Relationship, DbErr> {
        let found = read::relationships(self.db.reader(), me, &[peer]).await?;
        Ok(found.first().copied().unwrap_or_default())
    }

    /// The same for one person and each of `peers`, in their order, as of one moment.
    ///
    /// # Errors
    /// The database's.
    pub async fn relationships(
        &self,
        me: UserId,
        peers: &[UserId],
    ) -> Result<Vec<Relationship>, DbErr> {
        read::relationships(self.db.reader(), me, peers).await
    }

    /// At most `count` entries of a list, newest first, from the one after `after` on.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        &self,
        owner: UserId,
        list: List,
        after: Option<EdgeId>,
        count: u32,
    ) -> Result<Vec<Entry>, DbErr> {
        read::list(self.db.reader(), owner, list, after, count).await
    }

    /// How long a person's lists are.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self, owner: UserId) -> Result<Counts, DbErr> {
        read::counts(self.db.reader(), owner).await
    }
}

/// What messaging has to know before a change of `me` is acknowledged.
const fn raise_of(act: Act, me: UserId, peer: UserId, version: u64) -> Option<Raise> {
    let effect = match act {
        // It only widens: a decision that has not seen it yet refuses what would be let in.
        Act::Follow => return None,
        Act::Unfollow | Act::RemoveFollower => None,
        Act::Block => Some(Effect::PeerBlocked(peer)),
        Act::Unblock => Some(Effect::PeerUnblocked(peer)),
    };
    Some(Raise {
        user: me,
        version,
        effect,
    })
}

#[cfg(test)]
mod tests;
