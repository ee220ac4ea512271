//! Who got the same text from the same stranger lately: marks, never texts. A text that was deleted
//! counts on, or whoever takes each one back could send it to as many as they like.

use std::time::Duration;

use postern_shared::{clock::Timestamp, db::Tx, id::UserId};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, Set, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    Store,
    entity::stranger_text::{ActiveModel, Column, Entity},
};
use crate::domain::{Mark, PreparedSend};

/// How long a text counts.
pub const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// How many other strangers got this text from this person lately.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn others_who_got(
        &self,
        mark: Mark,
        sender: UserId,
        recipient: UserId,
        now: Timestamp,
    ) -> Result<u64, DbErr> {
        others(self.db.reader(), mark, sender, recipient, now).await
    }
}

/// Whether a text that was not flagged has gone to too many others since that was decided. The
/// sender's mailbox is locked: nothing is missed.
pub(super) async fn became_spam(tx: &Tx, send: &PreparedSend) -> Result<bool, DbErr> {
    let Some(marked) = send.marked.filter(|marked| !marked.flagged) else {
        return Ok(false);
    };
    let (sender, recipient) = (send.sender, send.recipient);
    let others = others(&**tx, marked.mark, sender, recipient, send.sent_at).await?;
    Ok(marked.is_spam(others))
}

/// Notes who got a stranger's text, in the transaction that stores it.
pub(super) async fn note(tx: &Tx, send: &PreparedSend) -> Result<(), DbErr> {
    let Some(marked) = send.marked else {
        return Ok(());
    };
    Entity::insert(ActiveModel {
        sender_id: Set(send.sender.uuid()),
        text_hash: Set(Uuid::from_bytes(marked.mark.into_bytes())),
        recipient_id: Set(send.recipient.uuid()),
        at_ms: Set(send.sent_at.unix_millis()),
    })
    .on_conflict(
        OnConflict::columns([Column::SenderId, Column::TextHash, Column::RecipientId])
            .update_column(Column::AtMs)
            .to_owned(),
    )
    .exec_without_returning(&**tx)
    .await?;
    Ok(())
}

async fn others(
    db: &impl ConnectionTrait,
    mark: Mark,
    sender: UserId,
    recipient: UserId,
    now: Timestamp,
) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::SenderId.eq(sender.uuid()))
        .filter(Column::TextHash.eq(Uuid::from_bytes(mark.into_bytes())))
        .filter(Column::RecipientId.ne(recipient.uuid()))
        .filter(Column::AtMs.gt(now.minus(WINDOW).unix_millis()))
        .count(db)
        .await
}
