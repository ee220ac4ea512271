//! What a person reads: their inbox, their requests, the messages of a conversation.
//!
//! Promises: what a list leaves out it leaves out by what raises left in this database; every page
//! is a range of an index. Must not ask an owner of facts.

use std::collections::BTreeMap;

use postern_shared::id::{ConversationId, UserId};
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Statement, Value, prelude::Uuid,
};

use super::{
    Store,
    entity::{message, participant},
    rows,
};
use crate::domain::{Folder, Listed, Message, Request};

/// A conversation in somebody's list. Whether its other person is gone, as far as they may know:
/// gone to everyone, or to them by a block. Each is found by a primary key, one row at a time.
pub(super) const LISTED: &str = "SELECT p.conversation_id, p.peer_id, p.last_event,
        COALESCE((SELECT m.gone FROM mailbox AS m WHERE m.user_id = p.peer_id), false)
        OR COALESCE((SELECT q.blocked FROM participant AS q
            WHERE q.user_id = p.peer_id AND q.conversation_id = p.conversation_id), false)
            AS peer_gone
    FROM participant AS p";
/// Whoever is gone to everyone is in nobody's requests.
const PEER_IS_THERE: &str =
    "NOT COALESCE((SELECT m.gone FROM mailbox AS m WHERE m.user_id = p.peer_id), false)";
/// As many requests as are counted.
const COUNT_MAX: i64 = 1_000;

/// A list of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// A folder, without those whom the person blocks; where it holds requests, without those who
    /// are gone.
    Folder(Folder),
    /// Those whom the person blocks, whatever folder it is.
    Blocked,
}

/// The statement of a page of a list: whose, below which event, how many; then the folder.
pub(super) fn list_sql(list: List) -> String {
    let these = match list {
        List::Folder(Folder::Requests | Folder::Hidden) => {
            format!("p.folder = $4 AND NOT p.blocked AND {PEER_IS_THERE}")
        }
        List::Folder(_) => "p.folder = $4 AND NOT p.blocked".to_owned(),
        // A row without any event is that of a block between two who never wrote.
        List::Blocked => "p.blocked AND p.last_event > 0".to_owned(),
    };
    format!(
        "{LISTED} WHERE p.user_id = $1 AND p.last_event < $2 AND {these} \
         ORDER BY p.last_event DESC LIMIT $3"
    )
}

/// The statement that counts a person's requests in a folder, up to a limit.
pub(super) fn count_sql() -> String {
    format!(
        "SELECT count(*) AS requests FROM (SELECT p.peer_id FROM participant AS p
            WHERE p.user_id = $1 AND p.folder = $2 AND NOT p.blocked AND {PEER_IS_THERE}
            LIMIT $3) AS k"
    )
}

/// A row of [`LISTED`].
#[derive(Debug, FromQueryResult)]
pub(super) struct ListedRow {
    pub(super) conversation_id: Uuid,
    pub(super) peer_id: Uuid,
    pub(super) last_event: i64,
    pub(super) peer_gone: bool,
}

#[derive(Debug, FromQueryResult)]
struct CountRow {
    requests: i64,
}

impl Store {
    /// A person's conversations in one list, latest first, those before the event `after` where it
    /// is given, `limit` at the most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        person: UserId,
        list: List,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Vec<Listed>, DbErr> {
        let rows = self.list_rows(person, list, after, limit).await?;
        self.with_messages(rows).await
    }

    /// The rows of a list, without what was written.
    pub(super) async fn list_rows(
        &self,
        person: UserId,
        list: List,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Vec<ListedRow>, DbErr> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<Value> = vec![
            person.uuid().into(),
            after.unwrap_or(i64::MAX).into(),
            limit.into(),
        ];
        if let List::Folder(folder) = list {
            values.push(folder.as_str().into());
        }
        self.read_rows(&list_sql(list), values).await
    }

    /// The conversation as it stands in one person's list; none when nothing was written in it, or
    /// they take no part in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listed(
        &self,
        person: UserId,
        id: ConversationId,
    ) -> Result<Option<Listed>, DbErr> {
        let sql = format!("{LISTED} WHERE p.user_id = $1 AND p.conversation_id = $2");
        let values = vec![person.uuid().into(), id.uuid().into()];
        let rows = self.read_rows(&sql, values).await?;
        Ok(self.with_messages(rows).await?.pop())
    }

    /// How many requests a person has in a folder; of more than 1,000 it is 1,000.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_requests(&self, person: UserId, folder: Folder) -> Result<i64, DbErr> {
        let values: [Value; 3] = [
            person.uuid().into(),
            folder.as_str().into(),
            COUNT_MAX.into(),
        ];
        let sql = Statement::from_sql_and_values(self.db.backend(), count_sql(), values);
        let row = CountRow::find_by_statement(sql)
            .one(self.db.reader())
            .await?;
        Ok(row.map_or(0, |row| row.requests))
    }

    /// The rows of a statement that begins with [`LISTED`].
    pub(super) async fn read_rows(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<ListedRow>, DbErr> {
        let statement = Statement::from_sql_and_values(self.db.backend(), sql, values);
        ListedRow::find_by_statement(statement)
            .all(self.db.reader())
            .await
    }

    async fn with_messages(&self, rows: Vec<ListedRow>) -> Result<Vec<Listed>, DbErr> {
        let mut seen = self
            .newest(rows.iter().map(|row| row.conversation_id))
            .await?;
        let entries = rows.into_iter().filter_map(|row| {
            let (last_message, pair) = seen.remove(&row.conversation_id)?;
            let peer = UserId::from_uuid(row.peer_id);
            let waiting = match pair.side(peer).request {
                Request::Pending { sent } => sent,
                _ => 0,
            };
            Some(Listed {
                conversation: ConversationId::from_uuid(row.conversation_id),
                peer,
                last_event: row.last_event,
                last_message,
                waiting,
                peer_gone: row.peer_gone,
            })
        });
        Ok(entries.collect())
    }

    /// The messages of a conversation, newest first, those before the number `after` where it is
    /// given, `limit` at the most. None when the person takes no part in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_messages(
        &self,
        person: UserId,
        id: ConversationId,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Option<Vec<Message>>, DbErr> {
        let part = participant::Entity::find_by_id((person.uuid(), id.uuid()))
            .one(self.db.reader())
            .await?;
        // Who blocks a stranger takes part in nothing yet.
        let Some(part) = part.filter(|part| part.last_event > 0) else {
            return Ok(None);
        };
        let mut query = message::Entity::find()
            .filter(message::Column::ConversationId.eq(id.uuid()))
            .filter(message::Column::Seq.gt(part.cleared_seq));
        if let Some(after) = after {
            query = query.filter(message::Column::Seq.lt(after));
        }
        let found = query
            .order_by_desc(message::Column::Seq)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        found
            .into_iter()
            .map(rows::message)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The newest message of each conversation, and its pair.
    async fn newest(
        &self,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<BTreeMap<Uuid, (Message, crate::domain::Conversation)>, DbErr> {
        let pairs = self.pairs(ids).await?;
        if pairs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut wanted = Condition::any();
        for (id, pair) in &pairs {
            wanted = wanted.add(
                Condition::all()
                    .add(message::Column::ConversationId.eq(*id))
                    .add(message::Column::Seq.eq(pair.last_seq)),
            );
        }
        let found = message::Entity::find()
            .filter(wanted)
            .all(self.db.reader())
            .await?;
        let mut messages: BTreeMap<_, _> = found
            .into_iter()
            .map(|row| (row.conversation_id, row))
            .collect();
        let mut newest = BTreeMap::new();
        for (id, pair) in pairs {
            if let Some(row) = messages.remove(&id) {
                newest.insert(id, (rows::message(row)?, pair));
            }
        }
        Ok(newest)
    }
}
