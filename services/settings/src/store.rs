//! Where settings are kept: one row a person, from their first change on. Rows are never deleted.
//!
//! The row is also the person's policy version: value and version are read by one statement and
//! written by one statement.

mod row;

use std::collections::HashMap;

use postern_shared::{
    clock::Timestamp,
    db::{Db, Migration, Tx},
    id::UserId,
    outbox::{self, Body, Event},
};
use sea_orm::DbErr;

use crate::{
    domain::{Settings, Update},
    error::Error,
};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[SETTINGS, outbox::migration("m0002_outbox")];

const SETTINGS: Migration = Migration {
    name: "m0001_settings",
    statements: &["CREATE TABLE IF NOT EXISTS settings (\
         user_id uuid PRIMARY KEY, \
         who_can_message text NOT NULL, \
         read_receipts boolean NOT NULL, \
         filter_spam boolean NOT NULL, \
         filter_offensive boolean NOT NULL, \
         filter_keywords text NOT NULL, \
         notify_messages boolean NOT NULL, \
         notify_requests boolean NOT NULL, \
         notify_previews boolean NOT NULL, \
         updated_at_ms bigint NOT NULL, \
         version bigint NOT NULL, \
         left_everyone_version bigint NOT NULL)"],
};

/// How often an update is tried on fresh values. The row is locked while it is changed, so that
/// only two first changes at once can meet at all.
const ROUNDS_MAX: u32 = 3;

/// The settings of everyone who ever changed theirs.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Keeps settings in this database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The settings of those of these people who ever changed theirs, by one statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings_of(&self, users: &[UserId]) -> Result<HashMap<UserId, Settings>, DbErr> {
        row::of(self.db.reader(), users).await
    }

    /// Updates a person's settings and returns them as they stand then. `untouched` is what they
    /// have while they never changed any.
    ///
    /// # Errors
    /// ETAG_MISMATCH when the update was made for others; CONTENTION when others are always faster;
    /// or the database failed. Nothing is changed then.
    pub async fn update(
        &self,
        user: UserId,
        untouched: &Settings,
        update: &Update,
        now: Timestamp,
    ) -> Result<Settings, Error> {
        for _ in 0..ROUNDS_MAX {
            let round = self
                .db
                .write(|tx| async move { attempt(&tx, user, untouched, update, now).await });
            if let Some(settings) = round.await? {
                return Ok(settings);
            }
        }
        Err(Error::Contention)
    }
}

/// One round: none when another was faster.
async fn attempt(
    tx: &Tx,
    user: UserId,
    untouched: &Settings,
    update: &Update,
    now: Timestamp,
) -> Result<Option<Settings>, Error> {
    let stored = row::lock(tx, user).await?;
    let before = stored.as_ref().unwrap_or(untouched);
    let Some(after) = before.updated(user, update, now)? else {
        return Ok(Some(before.clone()));
    };
    let done = match &stored {
        None => row::insert(tx, user, &after).await?,
        Some(before) => row::replace(tx, user, before.version, &after).await?,
    };
    if done {
        let changed = Event::new(Body::SettingsChanged { user }, after.version, user, now);
        outbox::append(tx, now, &[changed]).await?;
    }
    Ok(done.then_some(after))
}

#[cfg(test)]
mod tests;
