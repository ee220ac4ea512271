//! A person's agreements: reading them, taking one back, and those whom they talk with.
//!
//! Promises: each query is a range of an index of the person's own rows, no longer than asked for.
//! Must not tell of a peer who is gone or blocks the person.

use std::collections::{BTreeMap, BTreeSet};

use postern_shared::{
    db::any_of,
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    prelude::Uuid,
    sea_query::{Alias, Expr, Query, SelectStatement},
};

use super::{
    Store,
    commit::Locked,
    entity::{conversation, mailbox, participant},
    rows,
};
use crate::domain::{Conversation, Folder, conversation_id, revoke};

/// A conversation of a person, without its messages.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The other of the two.
    pub peer: UserId,
    /// The number of its last event in the person's mailbox.
    pub last_event: i64,
    /// What is known of the pair.
    pub pair: Conversation,
    /// Whether the peer is gone to the person, or blocks them.
    pub peer_gone: bool,
}

impl Store {
    /// A person's conversations in the order of their ids, those after the id `after` where it is
    /// given, `limit` at the most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_known(
        &self,
        person: UserId,
        after: Option<ConversationId>,
        limit: u64,
    ) -> Result<Vec<Known>, DbErr> {
        let mut query = participant::Entity::find()
            .filter(participant::Column::UserId.eq(person.uuid()))
            .order_by_asc(participant::Column::ConversationId)
            .limit(limit);
        if let Some(after) = after {
            query = query.filter(participant::Column::ConversationId.gt(after.uuid()));
        }
        let rows = query.all(self.db.reader()).await?;
        self.known(person, rows).await
    }

    /// Whom a person talks with or was asked by, latest activity first, `limit` at the most. Whom
    /// they block is not among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_latest(&self, person: UserId, limit: u64) -> Result<Vec<Known>, DbErr> {
        let mut latest = Vec::new();
        for folder in [Folder::Inbox, Folder::Requests, Folder::Hidden] {
            let some = participant::Entity::find()
                .filter(participant::Column::UserId.eq(person.uuid()))
                .filter(participant::Column::Folder.eq(folder.as_str()))
                .filter(participant::Column::Blocked.eq(false))
                .order_by_desc(participant::Column::LastEvent)
                .limit(limit)
                .all(self.db.reader())
                .await?;
            latest.extend(some);
        }
        latest.sort_unstable_by_key(|row| std::cmp::Reverse(row.last_event));
        latest.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        self.known(person, latest).await
    }

    /// Takes back what a person agreed to with another. No row is made, nothing else is changed,
    /// and nobody is told.
    ///
    /// # Errors
    /// When the database fails; then nothing is changed.
    pub async fn revoke_consent(&self, person: UserId, other: UserId) -> Result<(), DbErr> {
        let id = conversation_id(person, other);
        self.db
            .write(|tx| async move {
                let people = [person, other].into_iter();
                let mut locked = Locked::take(&tx, people, [id].into_iter()).await?;
                // Taken back of what stands under the lock: a decision that saw it finds that the
                // pair moved, and no other change can be lost.
                let Some(before) = locked.pair(id).copied() else {
                    return Ok(());
                };
                let after = revoke(before, person);
                if after != before {
                    locked.replace(after);
                    locked.write_back(&tx).await?;
                }
                Ok(())
            })
            .await
    }

    /// The pairs of a person's rows, in their order.
    async fn known(
        &self,
        person: UserId,
        rows: Vec<participant::Model>,
    ) -> Result<Vec<Known>, DbErr> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.conversation_id).collect();
        let found = conversation::Entity::find()
            .filter(any_of(
                self.db.backend(),
                conversation::Column::ConversationId,
                ids.iter().copied(),
            ))
            .all(self.db.reader())
            .await?;
        let mut pairs = BTreeMap::new();
        for row in found {
            pairs.insert(row.conversation_id, rows::conversation(row)?);
        }
        let gone = self.gone_peers(person, ids).await?;
        let known = rows.into_iter().filter_map(|row| {
            Some(Known {
                peer: UserId::from_uuid(row.peer_id),
                last_event: row.last_event,
                pair: pairs.remove(&row.conversation_id)?,
                peer_gone: gone.contains(&row.conversation_id),
            })
        });
        Ok(known.collect())
    }

    /// Those of a person's conversations whose other side is gone, or blocks the person.
    async fn gone_peers(
        &self,
        person: UserId,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<BTreeSet<Uuid>, DbErr> {
        let gone = participant::Entity::find()
            .select_only()
            .column(participant::Column::ConversationId)
            .filter(participant::Column::UserId.eq(person.uuid()))
            .filter(any_of(
                self.db.backend(),
                participant::Column::ConversationId,
                ids,
            ))
            .filter(Expr::exists(gone_mailbox()).or(Expr::exists(blocking_peer())))
            .into_tuple::<Uuid>()
            .all(self.db.reader())
            .await?;
        Ok(gone.into_iter().collect())
    }
}

/// The mailbox of the peer of a participant, where the peer is gone.
fn gone_mailbox() -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(mailbox::Entity)
        .and_where(
            Expr::col((mailbox::Entity, mailbox::Column::UserId))
                .equals((participant::Entity, participant::Column::PeerId)),
        )
        .and_where(Expr::col((mailbox::Entity, mailbox::Column::Gone)))
        .to_owned()
}

/// The peer's own row of a participant's conversation, where the peer blocks.
fn blocking_peer() -> SelectStatement {
    let theirs = Alias::new("theirs");
    Query::select()
        .expr(Expr::val(1))
        .from_as(participant::Entity, theirs.clone())
        .and_where(
            Expr::col((theirs.clone(), participant::Column::UserId))
                .equals((participant::Entity, participant::Column::PeerId)),
        )
        .and_where(
            Expr::col((theirs.clone(), participant::Column::ConversationId))
                .equals((participant::Entity, participant::Column::ConversationId)),
        )
        .and_where(Expr::col((theirs, participant::Column::Blocked)))
        .to_owned()
}
