//! Removing what is of no use any more, in small steps so that nobody waits for it.

use std::time::Duration;

use postern_shared::clock::Timestamp;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _,
    QueryTrait as _, sea_query::Expr,
};

use super::{
    Store,
    entity::{refresh_token, session},
};
use crate::error::Error;

/// Seconds of a day.
const DAY_SECS: u64 = 24 * 60 * 60;
/// How long an expired refresh token is kept.
const TOKENS_KEPT: Duration = Duration::from_secs(DAY_SECS);
/// How long a session that has ended is kept.
const SESSIONS_KEPT: Duration = Duration::from_secs(30 * DAY_SECS);
/// Rows of one transaction.
const BATCH_ROWS: u64 = 500;
/// Transactions of one run; what is left waits for the next.
const BATCHES_MAX: u32 = 400;

/// What a purge removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Refresh tokens.
    pub tokens: u64,
    /// Sessions.
    pub sessions: u64,
}

impl Store {
    /// Removes refresh tokens and sessions that ended long ago.
    pub async fn purge(&self, now: Timestamp) -> Result<Purged, Error> {
        let mut purged = Purged::default();
        for _ in 0..BATCHES_MAX {
            let removed = self.purge_tokens(now.minus(TOKENS_KEPT)).await?;
            purged.tokens += removed;
            if removed < BATCH_ROWS {
                break;
            }
        }
        for _ in 0..BATCHES_MAX {
            let removed = self.purge_sessions(now.minus(SESSIONS_KEPT)).await?;
            purged.sessions += removed;
            if removed < BATCH_ROWS {
                break;
            }
        }
        Ok(purged)
    }

    async fn purge_tokens(&self, before: Timestamp) -> Result<u64, Error> {
        self.db
            .write(|tx| async move {
                let old = refresh_token::Entity::find()
                    .select_only()
                    .column(refresh_token::Column::TokenHash)
                    .filter(refresh_token::Column::ExpiresAtMs.lt(before.unix_millis()))
                    .limit(BATCH_ROWS);
                let removed = refresh_token::Entity::delete_many()
                    .filter(refresh_token::Column::TokenHash.in_subquery(old.into_query()))
                    .exec(&*tx)
                    .await?;
                Ok(removed.rows_affected)
            })
            .await
    }

    async fn purge_sessions(&self, before: Timestamp) -> Result<u64, Error> {
        self.db
            .write(|tx| async move {
                let old = session::Entity::find()
                    .select_only()
                    .columns([session::Column::UserId, session::Column::SessionId])
                    .filter(session::Column::ExpiresAtMs.lt(before.unix_millis()))
                    .limit(BATCH_ROWS);
                let key = Expr::tuple([
                    Expr::col(session::Column::UserId),
                    Expr::col(session::Column::SessionId),
                ]);
                let removed = session::Entity::delete_many()
                    .filter(key.in_subquery(old.into_query()))
                    .exec(&*tx)
                    .await?;
                Ok(removed.rows_affected)
            })
            .await
    }
}
