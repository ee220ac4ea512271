//! What an operator does with an outbox: look at it, send again, try again what was given up on.
//!
//! It works beside running services, in short transactions.

use sea_orm::DbErr;
use uuid::Uuid;

use super::table;
use crate::{clock::Timestamp, db::Db};

/// Rows that one transaction changes.
const STEP_ROWS: u64 = 500;
/// Dead rows that are shown.
const DEAD_SHOWN_MAX: usize = 50;

/// How an outbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Rows that wait.
    pub waiting: u64,
    /// Rows that were published and are still kept.
    pub published: u64,
    /// Rows that were given up on.
    pub dead: u64,
    /// Since when the oldest waiting row waits.
    pub oldest_waiting: Option<Timestamp>,
    /// The first of the dead.
    pub first_dead: Vec<Dead>,
}

/// A row that was given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// Its id.
    pub id: Uuid,
    /// When it was written.
    pub created_at: Timestamp,
    /// What was wrong with it.
    pub problem: String,
}

/// Looks at an outbox.
///
/// # Errors
/// The database's.
pub async fn status(db: &Db) -> Result<Status, DbErr> {
    let db = db.reader();
    let backlog = table::backlog(db).await?;
    let mut status = Status {
        waiting: u64::try_from(backlog.rows).unwrap_or(0),
        published: 0,
        dead: 0,
        oldest_waiting: backlog.oldest_at_ms.map(Timestamp::from_unix_millis),
        first_dead: Vec::new(),
    };
    for shard in table::shards(db).await? {
        status.published += table::count(db, shard, table::PUBLISHED).await?;
        status.dead += table::count(db, shard, table::DEAD).await?;
        let missing = DEAD_SHOWN_MAX - status.first_dead.len();
        let dead = table::dead(db, shard, u64::try_from(missing).unwrap_or(0)).await?;
        status.first_dead.extend(dead.into_iter().map(|row| Dead {
            id: row.outbox_id,
            created_at: Timestamp::from_unix_millis(row.created_at_ms),
            problem: row.problem.unwrap_or_default(),
        }));
    }
    Ok(status)
}

/// Has everything that was published since a moment be published again, and tells how many rows
/// that is: for a broker that lost what it had.
///
/// # Errors
/// The database's; what was done until then stays done.
pub async fn replay(db: &Db, since: Timestamp) -> Result<u64, DbErr> {
    reopen(db, table::PUBLISHED, Some(since)).await
}

/// Has everything that was given up on be tried again, and tells how many rows that is.
///
/// # Errors
/// The database's; what was done until then stays done.
pub async fn retry_dead(db: &Db) -> Result<u64, DbErr> {
    reopen(db, table::DEAD, None).await
}

/// Goes through the rows once, so that it ends however fast they are published again.
async fn reopen(db: &Db, status: &str, since: Option<Timestamp>) -> Result<u64, DbErr> {
    let mut reopened = 0;
    for shard in table::shards(db.reader()).await? {
        let mut last = None;
        loop {
            let reader = db.reader();
            let ids = table::after(reader, shard, status, since, last, STEP_ROWS).await?;
            let Some(newest) = ids.last() else { break };
            last = Some(*newest);
            let ids = &ids;
            reopened += db
                .write(|tx| async move { table::reopen(&tx, shard, status, ids).await })
                .await?;
        }
    }
    Ok(reopened)
}
