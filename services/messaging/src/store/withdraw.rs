//! Requests of which nothing is left to see.
//!
//! Promises: what is withdrawn here refunds nothing and is told to nobody.

use std::collections::BTreeMap;

use postern_policy::Placement;
use postern_shared::{
    clock::Timestamp,
    db::{Tx, any_of},
    id::UserId,
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, FromQueryResult, QueryFilter as _,
    Statement, Value, prelude::Uuid, sea_query::Expr,
};

use super::{
    Store,
    commit::Locked,
    entity::{conversation, message, participant},
    rows,
};
use crate::domain::{Consent, Conversation, Folder, Request, withdraw};

/// Messages that are looked at together.
const PAGE_ROWS: i64 = 500;

/// The next messages that began as requests, oldest first: after a place, sent before a moment. The
/// condition on the placement is the index's own, word for word.
pub(super) const OLD_SQL: &str = "SELECT sent_at_ms, conversation_id, seq, sender_id
    FROM message
    WHERE placement IN ('request', 'hidden_request')
        AND (sent_at_ms, conversation_id, seq) > ($1, $2, $3) AND sent_at_ms < $4
    ORDER BY sent_at_ms, conversation_id, seq LIMIT $5";

#[derive(Debug, Clone, FromQueryResult)]
struct Old {
    sent_at_ms: i64,
    conversation_id: Uuid,
    seq: i64,
    sender_id: Uuid,
}

impl Old {
    /// Whether a request waits whose newest message this is.
    fn is_waiting(&self, pair: &Conversation) -> bool {
        let author = UserId::from_uuid(self.sender_id);
        let waits = matches!(pair.side(author).request, Request::Pending { .. });
        pair.last_seq == self.seq && waits
    }
}

impl Store {
    /// Withdraws the requests whose newest message was sent at `since` or later and before
    /// `before`, and tells how many that were.
    ///
    /// # Errors
    /// When the database fails; what was withdrawn until then stays withdrawn.
    pub async fn expire_requests(&self, since: Timestamp, before: Timestamp) -> Result<u64, DbErr> {
        let mut expired = 0;
        let mut place = (since.unix_millis(), Uuid::nil(), 0);
        loop {
            let values: [Value; 5] = [
                place.0.into(),
                place.1.into(),
                place.2.into(),
                before.unix_millis().into(),
                PAGE_ROWS.into(),
            ];
            let sql = Statement::from_sql_and_values(self.db.backend(), OLD_SQL, values);
            let page = Old::find_by_statement(sql).all(self.db.reader()).await?;
            let Some(last) = page.last() else {
                return Ok(expired);
            };
            place = (last.sent_at_ms, last.conversation_id, last.seq);
            let ids = page.iter().map(|old| old.conversation_id);
            let pairs = conversation::Entity::find()
                .filter(any_of(
                    self.db.backend(),
                    conversation::Column::ConversationId,
                    ids,
                ))
                .all(self.db.reader())
                .await?;
            let mut known = BTreeMap::new();
            for row in pairs {
                known.insert(row.conversation_id, rows::conversation(row)?);
            }
            for old in page {
                if let Some(pair) = known.get(&old.conversation_id)
                    && old.is_waiting(pair)
                {
                    expired += u64::from(self.expire(&old, pair).await?);
                }
            }
        }
    }

    /// Withdraws one, iff it still stands as it was read.
    async fn expire(&self, old: &Old, pair: &Conversation) -> Result<bool, DbErr> {
        let author = UserId::from_uuid(old.sender_id);
        let Some(recipient) = pair.peer_of(author) else {
            return Ok(false);
        };
        self.db
            .write(|tx| async move {
                let people = [author, recipient].into_iter();
                let mut locked = Locked::take(&tx, people, [pair.id].into_iter()).await?;
                let now = locked.pair(pair.id).copied();
                let Some(now) = now.filter(|now| old.is_waiting(now)) else {
                    return Ok(false);
                };
                locked.replace(withdraw(now, author));
                leave_folder(&tx, recipient, pair).await?;
                locked.write_back(&tx).await?;
                Ok(true)
            })
            .await
    }
}

/// Takes a conversation out of a person's requests, where it is in them: into the inbox, where the
/// request found it, or nowhere. To be called under the locks of the pair. Nothing else of theirs
/// changes: they are told nothing.
pub(super) async fn leave_folder(
    tx: &Tx,
    person: UserId,
    pair: &Conversation,
) -> Result<(), DbErr> {
    let key = (person.uuid(), pair.id.uuid());
    let row = participant::Entity::find_by_id(key).one(&**tx).await?;
    let requests = [Folder::Requests, Folder::Hidden].map(Folder::as_str);
    let Some(row) = row.filter(|row| requests.contains(&row.folder.as_str())) else {
        return Ok(());
    };
    let folder = if was_in_inbox(tx, &row, pair).await? {
        Folder::Inbox
    } else {
        Folder::Nowhere
    };
    participant::Entity::update_many()
        .col_expr(participant::Column::Folder, Expr::value(folder.as_str()))
        .filter(participant::Column::UserId.eq(person.uuid()))
        .filter(participant::Column::ConversationId.eq(pair.id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Whether there is anything in a conversation that its person had in their inbox: they agreed to
/// hear from the other once, wrote themselves, or got a message there.
async fn was_in_inbox(
    tx: &Tx,
    row: &participant::Model,
    pair: &Conversation,
) -> Result<bool, DbErr> {
    if pair.side(UserId::from_uuid(row.user_id)).consent != Consent::None {
        return Ok(true);
    }
    let own = message::Column::SenderId.eq(row.user_id);
    let placed = |placement| message::Column::Placement.eq(rows::placement(placement));
    let got = placed(Placement::Inbox).or(placed(Placement::InboxWithWarning));
    let found = message::Entity::find()
        .filter(message::Column::ConversationId.eq(row.conversation_id))
        .filter(message::Column::Seq.gt(row.cleared_seq))
        .filter(own.or(got))
        .one(&**tx)
        .await?;
    Ok(found.is_some())
}
