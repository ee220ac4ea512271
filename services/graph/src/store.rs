//! What is stored: one row for each person's side of a pair, a copy of each follow by whom it
//! follows, and each person's policy version.
//!
//! It takes and returns domain types; entities and SQL stay in the modules below. Rows of sides
//! and versions are never deleted: epochs and versions must never fall.

mod change;
mod entities;
mod read;
mod schema;

use postern_shared::{
    db::Db,
    id::{EdgeId, UserId},
    outbox::{self, Body, Event},
};
use sea_orm::DbErr;

pub use schema::MIGRATIONS;

use crate::{
    domain::{self, Act, Counts, Edge, Entry, List, Pair, Peer, Relationship},
    error::Error,
};

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

    /// Does an act of `me` and gives the pair as it is then. `edge` is what a new follow or block
    /// becomes. When something changes, the version of `me` rises with it, and one event says so:
    /// none says what the other lost.
    ///
    /// # Errors
    /// A refusal; the database's.
    pub async fn act(&self, me: UserId, peer: Peer, act: Act, edge: Edge) -> Result<Pair, Error> {
        // Repeating what is so already, and what is refused, costs a read and no lock.
        let seen = self.pair(me, peer.id).await?;
        if domain::decide(seen, peer.presence, act, edge)? == seen {
            return Ok(seen);
        }
        self.db
            .write(|tx| async move {
                let held = change::lock(&tx, me, peer.id).await?;
                let after = domain::decide(held.pair, peer.presence, act, edge)?;
                if let Some(version) = change::save(&tx, me, peer.id, &held, &after).await? {
                    let body = Body::RelationshipChanged {
                        user: me,
                        peer: peer.id,
                    };
                    let changed = Event::new(body, version, me, edge.at);
                    outbox::append(&tx, edge.at, &[changed]).await?;
                }
                Ok(after)
            })
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

#[cfg(test)]
mod tests;
