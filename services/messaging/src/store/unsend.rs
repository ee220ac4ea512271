//! Deleting a message for everyone: its words go, its place stays.
//!
//! Promises: only what its author wrote, and only in time; of the body nothing is left but, of a
//! stranger's text and for 24 hours, the keyed hash by which it is recognised when it goes to
//! others too: taking it back refunds nothing; both people are told once; numbers never move. Needs
//! no owner of facts: it only narrows, so it works towards somebody who blocks or is gone, and
//! looks the same.

use std::time::Duration;

use postern_shared::{
    clock::Timestamp,
    db::Tx,
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set, sea_query::Expr,
};

use super::{
    Store,
    commit::Locked,
    entity::{conversation, message, participant, user_event},
    events, rows,
    withdraw::leave_folder,
};
use crate::domain::{Message, Request, withdraw};

/// Which message is deleted, by whom.
#[derive(Debug, Clone, Copy)]
pub struct Unsend {
    /// Who deletes it.
    pub person: UserId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in it.
    pub seq: i64,
    /// For how long after it was sent that is possible; none: for ever.
    pub window: Option<Duration>,
    /// When.
    pub at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone)]
pub enum Unsent {
    /// It is deleted, by this or by an earlier call; this is what is left.
    Deleted(Box<Message>),
    /// The person takes part in no such conversation.
    NoConversation,
    /// It has no such message for them.
    NoMessage,
    /// It is the other's.
    NotTheAuthor,
    /// The time for it is over.
    TooLate,
}

impl Store {
    /// Deletes a message for everyone.
    ///
    /// # Errors
    /// When the database fails; then nothing is changed.
    pub async fn unsend(&self, unsend: Unsend) -> Result<Unsent, DbErr> {
        self.db
            .write(|tx| async move { apply(&tx, unsend).await })
            .await
    }
}

async fn apply(tx: &Tx, unsend: Unsend) -> Result<Unsent, DbErr> {
    let Unsend {
        person,
        conversation: id,
        seq,
        window,
        at,
    } = unsend;
    // Who the two are never changes, so it may be read before the locks.
    let pair = conversation::Entity::find_by_id(id.uuid())
        .one(&**tx)
        .await?;
    let pair = pair.map(rows::conversation).transpose()?;
    let Some((pair, other)) = pair.and_then(|pair| Some((pair, pair.peer_of(person)?))) else {
        return Ok(Unsent::NoConversation);
    };
    let mut locked = Locked::take(tx, [pair.lo, pair.hi].into_iter(), [id].into_iter()).await?;
    let part = participant::Entity::find_by_id((person.uuid(), id.uuid()))
        .one(&**tx)
        .await?;
    let Some(part) = part.filter(|part| part.last_event > 0) else {
        return Ok(Unsent::NoConversation);
    };
    let row = message::Entity::find_by_id((id.uuid(), seq))
        .one(&**tx)
        .await?;
    let Some(mut row) = row.filter(|row| row.seq > part.cleared_seq) else {
        return Ok(Unsent::NoMessage);
    };
    if row.sender_id != person.uuid() {
        return Ok(Unsent::NotTheAuthor);
    }
    if row.deleted_at_ms.is_none() {
        let age = Timestamp::from_unix_millis(row.sent_at_ms).until(at);
        if window.is_some_and(|window| age > window) {
            return Ok(Unsent::TooLate);
        }
        empty(tx, &unsend).await?;
        forget_unread(tx, other, &unsend).await?;
        withdraw_if_empty(tx, &mut locked, &unsend, other).await?;
        for user in [person, other] {
            tell(tx, &mut locked, user, &unsend).await?;
        }
        locked.write_back(tx).await?;
        events::of_unsend(tx, &unsend, other).await?;
        row.body = None;
        row.deleted_at_ms = Some(at.unix_millis());
    }
    Ok(Unsent::Deleted(Box::new(rows::message(row)?)))
}

async fn empty(tx: &Tx, unsend: &Unsend) -> Result<(), DbErr> {
    message::Entity::update_many()
        .col_expr(message::Column::Body, Expr::value(None::<String>))
        .col_expr(
            message::Column::DeletedAtMs,
            Expr::value(unsend.at.unix_millis()),
        )
        .filter(message::Column::ConversationId.eq(unsend.conversation.uuid()))
        .filter(message::Column::Seq.eq(unsend.seq))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// What its recipient has not read is one message less.
async fn forget_unread(tx: &Tx, recipient: UserId, unsend: &Unsend) -> Result<(), DbErr> {
    use participant::Column;
    participant::Entity::update_many()
        .col_expr(Column::Unread, Expr::col(Column::Unread).sub(1))
        .filter(Column::UserId.eq(recipient.uuid()))
        .filter(Column::ConversationId.eq(unsend.conversation.uuid()))
        .filter(Column::Unread.gt(0))
        .filter(Column::ReadSeq.lt(unsend.seq))
        .filter(Column::ClearedSeq.lt(unsend.seq))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// A pending request of which no message is left is withdrawn.
async fn withdraw_if_empty(
    tx: &Tx,
    locked: &mut Locked,
    unsend: &Unsend,
    recipient: UserId,
) -> Result<(), DbErr> {
    let Some(pair) = locked.pair(unsend.conversation).copied() else {
        return Ok(());
    };
    let Request::Pending { sent } = pair.side(unsend.person).request else {
        return Ok(());
    };
    // Those that it counts are its author's newest: a reply would have settled it.
    let deleted: Vec<Option<i64>> = message::Entity::find()
        .filter(message::Column::ConversationId.eq(pair.id.uuid()))
        .filter(message::Column::SenderId.eq(unsend.person.uuid()))
        .order_by_desc(message::Column::Seq)
        .limit(u64::from(sent))
        .select_only()
        .column(message::Column::DeletedAtMs)
        .into_tuple()
        .all(&**tx)
        .await?;
    if deleted.iter().all(Option::is_some) {
        locked.replace(withdraw(pair, unsend.person));
        leave_folder(tx, recipient, &pair).await?;
    }
    Ok(())
}

/// Notes it among what happened to a person. Their conversation stays where it was in their lists.
async fn tell(tx: &Tx, locked: &mut Locked, user: UserId, unsend: &Unsend) -> Result<(), DbErr> {
    let event = locked.next_event(user);
    locked.use_event(user, event);
    let row = user_event::ActiveModel {
        user_id: Set(user.uuid()),
        event: Set(event),
        kind: Set("message_deleted".to_owned()),
        conversation_id: Set(Some(unsend.conversation.uuid())),
        seq: Set(unsend.seq),
        at_ms: Set(unsend.at.unix_millis()),
    };
    user_event::Entity::insert(row)
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}
