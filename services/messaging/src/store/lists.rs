//! What a person reads: their inbox, their requests, the messages of a conversation.

use std::collections::BTreeMap;

use postern_shared::{
    db::any_of,
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::{
    Store,
    entity::{conversation, message, participant},
    rows,
};
use crate::domain::{Folder, Listed, Message, Request};

impl Store {
    /// A person's conversations in one folder, latest first, those before the event `after` where
    /// it is given, `limit` at the most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_folder(
        &self,
        person: UserId,
        folder: Folder,
        after: Option<i64>,
        limit: u64,
    ) -> Result<Vec<Listed>, DbErr> {
        let mut query = participant::Entity::find()
            .filter(participant::Column::UserId.eq(person.uuid()))
            .filter(participant::Column::Folder.eq(folder.as_str()));
        if let Some(after) = after {
            query = query.filter(participant::Column::LastEvent.lt(after));
        }
        let listed = query
            .order_by_desc(participant::Column::LastEvent)
            .limit(limit)
            .all(self.db.reader())
            .await?;
        let mut seen = self
            .newest(listed.iter().map(|row| row.conversation_id))
            .await?;
        let entries = listed.into_iter().filter_map(|row| {
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
            })
        });
        Ok(entries.collect())
    }

    /// The conversation as it stands in one person's list; none when they take no part in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listed(
        &self,
        person: UserId,
        id: ConversationId,
    ) -> Result<Option<Listed>, DbErr> {
        let row = participant::Entity::find_by_id((person.uuid(), id.uuid()))
            .one(self.db.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut seen = self.newest([row.conversation_id].into_iter()).await?;
        Ok(seen
            .remove(&row.conversation_id)
            .map(|(last_message, _)| Listed {
                conversation: id,
                peer: UserId::from_uuid(row.peer_id),
                last_event: row.last_event,
                last_message,
                waiting: 0,
            }))
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
        let Some(part) = part else { return Ok(None) };
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
        ids: impl Iterator<Item = sea_orm::prelude::Uuid>,
    ) -> Result<BTreeMap<sea_orm::prelude::Uuid, (Message, crate::domain::Conversation)>, DbErr>
    {
        let pairs = conversation::Entity::find()
            .filter(any_of(
                self.db.backend(),
                conversation::Column::ConversationId,
                ids,
            ))
            .all(self.db.reader())
            .await?;
        if pairs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut wanted = Condition::any();
        for pair in &pairs {
            wanted = wanted.add(
                Condition::all()
                    .add(message::Column::ConversationId.eq(pair.conversation_id))
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
        for pair in pairs {
            let id = pair.conversation_id;
            if let Some(row) = messages.remove(&id) {
                newest.insert(id, (rows::message(row)?, rows::conversation(pair)?));
            }
        }
        Ok(newest)
    }
}
