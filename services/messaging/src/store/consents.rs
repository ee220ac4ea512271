//! A person's agreements: reading them, taking one back, and those whom they talk with.
//!
//! Promises: each query is a range of an index of the person's own rows, no longer than asked for.
//! Must not tell of a peer who is gone or blocks the person.

use std::collections::BTreeMap;

use postern_shared::{
    db::any_of,
    id::{ConversationId, UserId},
};
use sea_orm::{
    DbErr, EntityTrait as _, FromQueryResult as _, QueryFilter as _, Statement, Value,
    prelude::Uuid,
};

use super::{
    Store,
    commit::Locked,
    entity::conversation,
    lists::{LISTED, List, ListedRow, list_sql},
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
        // No conversation has this id: ids are hashes.
        let after = after.map_or(Uuid::nil(), ConversationId::uuid);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values: Vec<Value> = vec![person.uuid().into(), after.into(), limit.into()];
        let rows = self.read_rows(&known_sql(), values).await?;
        self.known(rows).await
    }

    /// Whom a person talks with or was asked by, latest activity first, `limit` at the most. Whom
    /// they block is not among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_latest(&self, person: UserId, limit: u64) -> Result<Vec<Known>, DbErr> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut latest = Vec::new();
        for folder in [Folder::Inbox, Folder::Requests, Folder::Hidden] {
            let values: Vec<Value> = vec![
                person.uuid().into(),
                i64::MAX.into(),
                most.into(),
                folder.as_str().into(),
            ];
            let sql = list_sql(List::Folder(folder));
            latest.extend(self.read_rows(&sql, values).await?);
        }
        latest.sort_unstable_by_key(|row| std::cmp::Reverse(row.last_event));
        latest.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        self.known(latest).await
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

    async fn read_rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<ListedRow>, DbErr> {
        let statement = Statement::from_sql_and_values(self.db.backend(), sql, values);
        ListedRow::find_by_statement(statement)
            .all(self.db.reader())
            .await
    }

    /// The pairs of a person's rows, in their order.
    async fn known(&self, rows: Vec<ListedRow>) -> Result<Vec<Known>, DbErr> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let found = conversation::Entity::find()
            .filter(any_of(
                self.db.backend(),
                conversation::Column::ConversationId,
                rows.iter().map(|row| row.conversation_id),
            ))
            .all(self.db.reader())
            .await?;
        let mut pairs = BTreeMap::new();
        for row in found {
            pairs.insert(row.conversation_id, rows::conversation(row)?);
        }
        let known = rows.into_iter().filter_map(|row| {
            Some(Known {
                peer: UserId::from_uuid(row.peer_id),
                last_event: row.last_event,
                pair: pairs.remove(&row.conversation_id)?,
                peer_gone: row.peer_gone,
            })
        });
        Ok(known.collect())
    }
}

/// The statement of a page of a person's conversations by id: whose, above which id, how many. A
/// row without any event is that of a block between two who never wrote: counted into a page and
/// left out afterwards, it would make the page look like the last.
pub(super) fn known_sql() -> String {
    format!(
        "{LISTED} WHERE p.user_id = $1 AND p.conversation_id > $2 AND p.last_event > 0 \
         ORDER BY p.conversation_id LIMIT $3"
    )
}
