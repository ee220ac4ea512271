//! Where settings are kept: one row a person, from their first change on. Rows are never deleted.
//! Beside it stands what each change did, for as long as a person may read it.
//!
//! The row is also the person's policy version: value and version are read by one statement and
//! written by one statement.

mod history;
mod row;

use std::collections::HashMap;

use postern_shared::{
    clock::Timestamp,
    db::{Db, Migration, Tx},
    fence::{self, Raise},
    id::UserId,
    outbox::{self, Body, Event},
    random::Random,
};
use sea_orm::DbErr;

use crate::{
    domain::{Settings, Update, differences},
    error::Error,
};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    SETTINGS,
    outbox::migration("m0002_outbox"),
    fence::migration("m0003_fence"),
    history::MIGRATION,
];

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

/// What became of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The settings as they stand then.
    pub settings: Settings,
    /// What is to be raised before it is acknowledged: its task is stored. None when nothing was
    /// closed.
    pub raise: Option<Raise>,
}

/// The settings of everyone who ever changed theirs.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    random: Random,
}

impl Store {
    /// Keeps settings in this database.
    #[must_use]
    pub const fn new(db: Db, random: Random) -> Self {
        Self { db, random }
    }

    /// The settings of those of these people who ever changed theirs, by one statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings_of(&self, users: &[UserId]) -> Result<HashMap<UserId, Settings>, DbErr> {
        row::of(self.db.reader(), users).await
    }

    /// Updates a person's settings. `untouched` is what they have while they never changed any. In
    /// the same transaction it is written down what changed, one event tells of it, and so does a
    /// task when it closes something.
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
    ) -> Result<Done, Error> {
        for _ in 0..ROUNDS_MAX {
            let round = self
                .db
                .write(|tx| async move { self.attempt(&tx, user, untouched, update, now).await });
            if let Some(done) = round.await? {
                return Ok(done);
            }
        }
        Err(Error::Contention)
    }

    /// One round: none when another was faster.
    async fn attempt(
        &self,
        tx: &Tx,
        user: UserId,
        untouched: &Settings,
        update: &Update,
        now: Timestamp,
    ) -> Result<Option<Done>, Error> {
        let stored = row::lock(tx, user).await?;
        let before = stored.as_ref().unwrap_or(untouched);
        let Some(after) = before.updated(user, update, now)? else {
            let settings = before.clone();
            let raise = None;
            return Ok(Some(Done { settings, raise }));
        };
        let is_saved = match &stored {
            None => row::insert(tx, user, &after).await?,
            Some(before) => row::replace(tx, user, before.version, &after).await?,
        };
        if !is_saved {
            return Ok(None);
        }
        let changed = differences(&before.choices, &after.choices);
        history::add(tx, user, now, &changed, &self.random).await?;
        let event = Event::new(Body::SettingsChanged { user }, after.version, user, now);
        outbox::append(tx, now, &[event]).await?;
        let raise = after.narrow(before).then_some(Raise {
            user,
            version: after.version,
            effect: None,
        });
        if let Some(raise) = &raise {
            fence::add(tx, now, raise).await?;
        }
        let settings = after;
        Ok(Some(Done { settings, raise }))
    }
}

#[cfg(test)]
mod tests;
