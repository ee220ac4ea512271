//! Strangers to whom a person tried to write with no budget left for new ones.

use std::time::Duration;

use postern_shared::{clock::Timestamp, id::UserId};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Set,
    sea_query::OnConflict,
};

use super::{
    Store,
    entity::overrun::{ActiveModel, Column, Entity},
};

/// How long a stranger counts.
pub const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// Notes one, and answers how many different ones there were lately.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_overrun(
        &self,
        sender: UserId,
        recipient: UserId,
        now: Timestamp,
    ) -> Result<u64, DbErr> {
        self.db
            .write(|tx| async move {
                Entity::insert(ActiveModel {
                    sender_id: Set(sender.uuid()),
                    recipient_id: Set(recipient.uuid()),
                    at_ms: Set(now.unix_millis()),
                })
                .on_conflict(
                    OnConflict::columns([Column::SenderId, Column::RecipientId])
                        .update_column(Column::AtMs)
                        .to_owned(),
                )
                .exec_without_returning(&*tx)
                .await?;
                Entity::find()
                    .filter(Column::SenderId.eq(sender.uuid()))
                    .filter(Column::AtMs.gt(now.minus(WINDOW).unix_millis()))
                    .count(&*tx)
                    .await
            })
            .await
    }

    /// Forgets those of one person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_overruns(&self, sender: UserId) -> Result<(), DbErr> {
        self.db
            .write(|tx| async move {
                Entity::delete_many()
                    .filter(Column::SenderId.eq(sender.uuid()))
                    .exec(&*tx)
                    .await?;
                Ok(())
            })
            .await
    }
}
