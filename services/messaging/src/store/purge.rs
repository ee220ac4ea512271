//! Removing what is too old to be of use, a batch of rows in a transaction.

use postern_shared::clock::Timestamp;
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, ModelTrait as _, QueryFilter as _, QuerySelect as _,
};

use super::{
    Store,
    attempts::MINUTE_MS,
    entity::{attempts_refused, overrun, refusal, stranger_text},
    overruns, texts,
};

/// Rows that one transaction removes.
const ROWS_MAX: u64 = 1_000;

/// Removes every row whose column is below a bound.
macro_rules! purge {
    ($store:expr, $table:ident, $column:ident < $bound:expr) => {{
        let bound: i64 = $bound;
        loop {
            let removed: Result<u64, DbErr> = $store
                .db
                .write(|tx| async move {
                    let old = $table::Entity::find()
                        .filter($table::Column::$column.lt(bound))
                        .limit(ROWS_MAX)
                        .all(&*tx)
                        .await?;
                    let mut removed = 0;
                    for row in old {
                        removed += row.delete(&*tx).await?.rows_affected;
                    }
                    Ok(removed)
                })
                .await;
            if removed? < ROWS_MAX {
                break;
            }
        }
    }};
}

impl Store {
    /// Removes the records of refusals that are older than `before`.
    ///
    /// # Errors
    /// When the database fails; what was removed until then stays removed.
    pub async fn purge_refusals(&self, before: Timestamp) -> Result<(), DbErr> {
        purge!(self, refusal, DecidedAtMs < before.unix_millis());
        let minute = before.unix_millis().div_euclid(MINUTE_MS);
        purge!(self, attempts_refused, Minute < minute);
        Ok(())
    }

    /// Removes what was remembered of strangers for longer than it counts.
    ///
    /// # Errors
    /// When the database fails; what was removed until then stays removed.
    pub async fn purge_strangers(&self, now: Timestamp) -> Result<(), DbErr> {
        let before = |window| now.minus(window).unix_millis();
        purge!(self, overrun, AtMs < before(overruns::WINDOW));
        purge!(self, stranger_text, AtMs < before(texts::WINDOW));
        Ok(())
    }
}
