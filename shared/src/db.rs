//! Opening a database, reading it, and changing it in whole transactions that are tried again.
//!
//! sea-orm's connection picks the engine: a SQLite file (WAL, `synchronous=FULL`, one writer and
//! several readers) or PostgreSQL. Reading goes through [`Db::reader`]; every change goes through
//! [`Db::write`], never otherwise: on SQLite a transaction that begins by reading fails as soon
//! as another one writes.
//!
//! A SQLite file is brought up to date when it is opened: one process has it. A PostgreSQL
//! database is brought up to date by [`migrate_postgres`] alone, before a release is rolled out;
//! opening it only checks.

mod desk;
mod fault;
mod migrate;
mod open;

use std::{
    future::Future,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _, sea_query::Expr,
};
use uuid::Uuid;

pub(crate) use desk::Desk;
pub use fault::{is_conflict, is_unavailable};
pub use migrate::{MigrateError, Migration};
pub use open::{OpenError, Postgres, copy_sqlite, migrate_postgres};

use crate::random::Random;

/// How often a whole transaction is tried before its conflict is given up on.
const ATTEMPTS_MAX: u32 = 5;
/// How many connections of the pool may be found dead before a transaction is given up on.
const DEAD_MAX: u32 = 64;
/// How many of them are passed over without a pause.
const DEAD_AT_ONCE_MAX: u32 = 16;
/// The longest wait before the second attempt, in milliseconds; it doubles with each.
const BACKOFF_MS: u64 = 4;

/// One service's database.
#[derive(Debug, Clone)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    random: Random,
    desk: Arc<Desk>,
}

impl Db {
    /// The connection to read with. It refuses to write.
    #[must_use]
    pub const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Runs `body` in one transaction and commits it; when `body` fails nothing is changed. A
    /// transaction that lost a race (40001, 40P01, SQLITE_BUSY) is run again from its beginning,
    /// so `body` must not act outside the database. So is one that found its connection dead
    /// before it began, as after a restart of the server: nothing was done then.
    ///
    /// # Errors
    /// What `body` failed with, or the database.
    pub async fn write<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        E: From<DbErr> + AsDbErr,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let (mut attempt, mut dead) = (1, 0);
        loop {
            let failed = match self.begin_writing().await {
                Ok(transaction) => match self.run(transaction, &body).await {
                    Ok(value) => return Ok(value),
                    Err(failed) => failed,
                },
                // The pool closes it, and the next one may be as dead.
                Err(error) if fault::is_dead_connection(&error) && dead < DEAD_MAX => {
                    dead += 1;
                    if dead > DEAD_AT_ONCE_MAX {
                        // These are new ones, and somebody on the way is in trouble.
                        pause(Duration::from_millis(BACKOFF_MS)).await;
                    }
                    continue;
                }
                Err(error) => E::from(error),
            };
            if !failed.as_db_err().is_some_and(is_conflict) || attempt == ATTEMPTS_MAX {
                return Err(failed);
            }
            let wait = self.random.below(BACKOFF_MS << attempt) + 1;
            pause(Duration::from_millis(wait)).await;
            attempt += 1;
        }
    }

    /// Runs a body in its transaction, commits it, and wakes the relay where there is something
    /// new for it.
    async fn run<T, E, F, Fut>(&self, transaction: DatabaseTransaction, body: &F) -> Result<T, E>
    where
        E: From<DbErr>,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let transaction = Arc::new(transaction);
        let ring = Arc::new(AtomicBool::new(false));
        // When `body` fails, or is dropped half-way, the transaction rolls back as it is dropped.
        let value = body(Tx {
            transaction: Arc::clone(&transaction),
            desk: Arc::clone(&self.desk),
            ring: Arc::clone(&ring),
        })
        .await?;
        let transaction = Arc::into_inner(transaction)
            .ok_or_else(|| DbErr::Custom("a transaction outlived its body".to_owned()))?;
        transaction.commit().await?;
        if ring.load(Ordering::Relaxed) {
            self.desk.bell.notify_one();
        }
        Ok(value)
    }

    async fn begin_writing(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            // The lock is taken at once: see the ban on reading first in the file's head.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await
    }

    /// Begins a transaction that is held over waits outside the database, and so is never run
    /// again. For PostgreSQL alone: on SQLite it would keep everybody else from writing.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writer.begin().await
    }

    /// What the outbox of this database is written with.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Closes every connection.
    pub async fn close(self) {
        // On PostgreSQL both are one pool, and closing it twice does no harm.
        for connection in [self.reader, self.writer] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a database did not close cleanly");
            }
        }
    }
}

/// A transaction in the hands of its body, which must let go of it when it ends.
#[derive(Debug)]
pub struct Tx {
    transaction: Arc<DatabaseTransaction>,
    desk: Arc<Desk>,
    ring: Arc<AtomicBool>,
}

impl Tx {
    /// What the outbox of this database is written with.
    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Has the relay woken once this is committed.
    pub(crate) fn ring_after_commit(&self) {
        self.ring.store(true, Ordering::Relaxed);
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}

/// Tells whether an error came out of the database.
pub trait AsDbErr {
    /// The database's error, if it is one.
    fn as_db_err(&self) -> Option<&DbErr>;
}

impl AsDbErr for DbErr {
    fn as_db_err(&self) -> Option<&DbErr> {
        Some(self)
    }
}

/// Whether a column holds one of these ids, as a condition whose text does not depend on how many
/// there are: an array on PostgreSQL (each further text would be prepared and kept anew), a list
/// filled up to a power of two on SQLite, which has no arrays.
#[must_use]
pub fn any_of(
    backend: DbBackend,
    column: impl ColumnTrait,
    ids: impl IntoIterator<Item = Uuid>,
) -> Expr {
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    if backend == DbBackend::Postgres {
        return column.eq_any(ids);
    }
    if let Some(last) = ids.last().copied() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    column.is_in(ids)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a short random wait parts two that collided"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests;
