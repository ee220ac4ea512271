//! Charging what was tried and not sent: under the lock of the sender's mailbox, like a message.
//!
//! Promises: however many try at once, in however many processes, no more is paid than the budget
//! holds. The mailbox is made when it is missing, for the one who tries alone: the others may not
//! exist. What finds the budget empty is counted for its minute and leaves no other row.

use postern_shared::{clock::Timestamp, db::Tx, id::UserId};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _,
    Set,
    sea_query::{Expr, OnConflict},
};

use super::{
    Store,
    entity::{attempts_refused, mailbox},
    rows,
};
use crate::domain::Budget;

/// A minute in milliseconds.
pub(super) const MINUTE_MS: i64 = 60_000;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// It is paid.
    Paid,
    /// The budget is empty; the attempt was counted as refused.
    Empty {
        /// In how many milliseconds another can be paid.
        retry_after_ms: u64,
    },
}

impl Store {
    /// Charges one attempt of a person without a message: that of a refused one, or of a question.
    ///
    /// # Errors
    /// When the database fails; then nothing is charged.
    pub async fn charge_attempt(
        &self,
        sender: UserId,
        now: Timestamp,
        budget: Budget,
    ) -> Result<Charged, DbErr> {
        self.db
            .write(|tx| async move { charge(&tx, sender, now, budget).await })
            .await
    }

    /// Counts an attempt that found its budget empty already when it was decided.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_refused_attempt(&self, sender: UserId, now: Timestamp) -> Result<(), DbErr> {
        self.db
            .write(|tx| async move { count(&tx, sender, now).await })
            .await
    }
}

/// Charges one attempt within a transaction that holds no lock yet, or counts it as refused.
pub(super) async fn charge(
    tx: &Tx,
    sender: UserId,
    now: Timestamp,
    budget: Budget,
) -> Result<Charged, DbErr> {
    let row = match lock(tx, sender).await? {
        Some(row) => Some(row),
        None => {
            rows::create_mailbox(tx, sender).await?;
            lock(tx, sender).await?
        }
    };
    let whole_ms = row.map_or(0, |row| row.attempts_budget_ms);
    match budget.pay(whole_ms, now, 1) {
        Ok(next) => {
            mailbox::Entity::update_many()
                .col_expr(mailbox::Column::AttemptsBudgetMs, Expr::value(next))
                .filter(mailbox::Column::UserId.eq(sender.uuid()))
                .exec(&**tx)
                .await?;
            Ok(Charged::Paid)
        }
        Err(retry_after_ms) => {
            count(tx, sender, now).await?;
            Ok(Charged::Empty { retry_after_ms })
        }
    }
}

async fn lock(tx: &Tx, sender: UserId) -> Result<Option<mailbox::Model>, DbErr> {
    mailbox::Entity::find_by_id(sender.uuid())
        .lock_exclusive()
        .one(&**tx)
        .await
}

async fn count(tx: &Tx, sender: UserId, now: Timestamp) -> Result<(), DbErr> {
    use attempts_refused::{ActiveModel, Column, Entity};
    Entity::insert(ActiveModel {
        sender_id: Set(sender.uuid()),
        minute: Set(now.unix_millis().div_euclid(MINUTE_MS)),
        refused: Set(1),
    })
    .on_conflict(
        OnConflict::columns([Column::SenderId, Column::Minute])
            .value(Column::Refused, Expr::col((Entity, Column::Refused)).add(1))
            .to_owned(),
    )
    .exec_without_returning(&**tx)
    .await?;
    Ok(())
}
