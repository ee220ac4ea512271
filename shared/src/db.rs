//! Opening a database, reading it, and changing it in whole transactions that are tried again.
//!
//! sea-orm's connection picks the engine: a SQLite file (WAL, `synchronous=FULL`, one writer and
//! several readers) or PostgreSQL. Reading goes through [`Db::reader`]; every change goes through
//! [`Db::write`], never otherwise: on SQLite a transaction that begins by reading fails as soon
//! as another one writes.

mod migrate;

use std::{
    fs::OpenOptions,
    future::Future,
    io,
    ops::Deref,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
    sqlx::{
        self,
        postgres::PgConnectOptions,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};

pub use migrate::{MigrateError, Migration};

use crate::{config::Secret, outbox::Desk, random::Random};

/// How often a whole transaction is tried before its conflict is given up on.
const ATTEMPTS_MAX: u32 = 5;
/// The longest wait before the second attempt, in milliseconds; it doubles with each.
const BACKOFF_MS: u64 = 4;
/// Connections that read a SQLite file.
const SQLITE_READERS: u32 = 4;
/// How long SQLite waits for another process's lock. Our own writers queue for the one connection.
const SQLITE_BUSY: Duration = Duration::from_secs(5);
/// Connections of one process to PostgreSQL: the sum over replicas stays below its limit.
const POSTGRES_CONNECTIONS: u32 = 12;
/// How long a call waits for a connection: less than its deadline.
const ACQUIRE: Duration = Duration::from_millis(1_500);
/// A connection idle for longer is tested before it is used.
const IDLE_BEFORE_TEST: Duration = Duration::from_secs(30);

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached or opened.
    #[error("cannot open the database {name}")]
    Open {
        /// Its file, or `database_url`.
        name: String,
        /// What the engine said.
        #[source]
        source: DbErr,
    },
    /// Its schema cannot be brought up to date.
    #[error("cannot bring the database {name} up to date")]
    Migrate {
        /// Its file, or `database_url`.
        name: String,
        /// Why.
        #[source]
        source: MigrateError,
    },
}

/// One service's database.
#[derive(Debug, Clone)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    random: Random,
    desk: Arc<Desk>,
}

impl Db {
    /// Opens a SQLite file, which is created when it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened, or was written by a newer version.
    pub async fn open_sqlite(
        file: &Path,
        migrations: &'static [Migration],
        random: Random,
    ) -> Result<Self, OpenError> {
        let name = format!("`{}`", file.display());
        let open = |source| OpenError::Open {
            name: name.clone(),
            source,
        };
        private_file(file)
            .map_err(|error| open(DbErr::Custom(format!("the file cannot be made: {error}"))))?;
        let writer = Database::connect(sqlite_options(file, 1, false))
            .await
            .map_err(open)?;
        migrate::run(&writer, migrations)
            .await
            .map_err(|source| OpenError::Migrate {
                name: name.clone(),
                source,
            })?;
        let reader = Database::connect(sqlite_options(file, SQLITE_READERS, true))
            .await
            .map_err(open)?;
        Ok(Self {
            writer,
            reader,
            desk: Arc::new(Desk::new(random.clone())),
            random,
        })
    }

    /// Connects to PostgreSQL and brings the schema up to date under a lock.
    ///
    /// # Errors
    /// When it cannot be reached, or was written by a newer version.
    pub async fn open_postgres(
        url: &Secret,
        application: &str,
        migrations: &'static [Migration],
        random: Random,
    ) -> Result<Self, OpenError> {
        let name = "of `database_url`".to_owned();
        if url.reveal().parse::<PgConnectOptions>().is_err() {
            // sea-orm would say so with the whole address, and a password stands in it.
            let problem = "expected an address such as postgres://user:password@host:5432/name";
            let source = DbErr::Custom(problem.to_owned());
            return Err(OpenError::Open { name, source });
        }
        let mut options = ConnectOptions::new(url.reveal());
        options
            .max_connections(POSTGRES_CONNECTIONS)
            .min_connections(1)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .test_before_acquire_if_idle_for(IDLE_BEFORE_TEST)
            .set_application_name(application)
            .sqlx_logging(false);
        let writer = Database::connect(options)
            .await
            .map_err(|source| OpenError::Open {
                name: name.clone(),
                source,
            })?;
        migrate::run(&writer, migrations)
            .await
            .map_err(|source| OpenError::Migrate { name, source })?;
        Ok(Self {
            reader: writer.clone(),
            writer,
            desk: Arc::new(Desk::new(random.clone())),
            random,
        })
    }

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
    /// so `body` must not act outside the database.
    ///
    /// # Errors
    /// What `body` failed with, or the database.
    pub async fn write<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        E: From<DbErr> + AsDbErr,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut attempt = 1;
        loop {
            let failed = match self.attempt(&body).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let again = failed.as_db_err().is_some_and(is_conflict) && attempt < ATTEMPTS_MAX;
            if !again {
                return Err(failed);
            }
            let wait = self.random.below(BACKOFF_MS << attempt) + 1;
            pause(Duration::from_millis(wait)).await;
            attempt += 1;
        }
    }

    async fn attempt<T, E, F, Fut>(&self, body: &F) -> Result<T, E>
    where
        E: From<DbErr>,
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let options = TransactionOptions {
            // The lock is taken at once: see the ban on reading first in the file's head.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = Arc::new(self.writer.begin_with_options(options).await?);
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

/// Whether the same transaction may well succeed when it is tried again.
#[must_use]
pub fn is_conflict(error: &DbErr) -> bool {
    // PostgreSQL: serialization failure, deadlock. SQLite: BUSY, LOCKED, BUSY_SNAPSHOT.
    sql_code(error)
        .is_some_and(|code| matches!(code.as_str(), "40001" | "40P01" | "5" | "6" | "517"))
}

/// Whether the database cannot be reached at present, as against refusing what was asked.
#[must_use]
pub fn is_unavailable(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            match cause.as_ref() {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
                // Class 08: connection; 57P01 to 57P03: the server is stopping or starting.
                sqlx::Error::Database(error) => error
                    .code()
                    .is_some_and(|code| code.starts_with("08") || code.starts_with("57P0")),
                _ => false,
            }
        }
        _ => is_conflict(error),
    }
}

fn sql_code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Conn(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    match cause.as_ref() {
        sqlx::Error::Database(error) => error.code().map(std::borrow::Cow::into_owned),
        _ => None,
    }
}

/// Makes a database file that only its owner may read: messages lie in it. What SQLite puts beside
/// it has the same mode.
fn private_file(file: &Path) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map(drop)
}

fn sqlite_options(file: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    // The file is named below: in an address `%`, `?` and `#` would mean something else.
    let mut options = ConnectOptions::new("sqlite://");
    let file = file.to_owned();
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = sqlite
                .filename(&file)
                .journal_mode(SqliteJournalMode::Wal)
                // An acknowledged change survives a power cut.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(SQLITE_BUSY)
                .foreign_keys(true);
            if read_only {
                sqlite.pragma("query_only", "ON")
            } else {
                sqlite
            }
        });
    options
}

#[expect(
    clippy::disallowed_methods,
    reason = "a short random wait parts two that collided"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, Statement};

    use super::*;

    const TABLE: &[Migration] = &[Migration {
        name: "m0001_table",
        statements: &["CREATE TABLE IF NOT EXISTS t (n bigint)"],
    }];

    async fn open(folder: &Path, migrations: &'static [Migration]) -> Result<Db, OpenError> {
        Db::open_sqlite(&folder.join("test.db"), migrations, Random::system()).await
    }

    async fn count(db: &Db) -> i64 {
        let sql = Statement::from_sql_and_values(db.backend(), "SELECT count(*) AS n FROM t", []);
        let row = db.reader().query_one_raw(sql).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_body_changes_nothing_and_concurrent_ones_all_commit() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path(), TABLE).await.unwrap();
        let failed: Result<(), DbErr> = db
            .write(|tx| async move {
                tx.execute_unprepared("INSERT INTO t VALUES (1)").await?;
                Err(DbErr::Custom("no".to_owned()))
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(count(&db).await, 0);
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let db = db.clone();
                tokio::spawn(async move {
                    db.write(|tx| async move {
                        tx.execute_unprepared("SELECT count(*) FROM t").await?;
                        tx.execute_unprepared(&format!("INSERT INTO t VALUES ({n})"))
                            .await?;
                        Ok::<_, DbErr>(())
                    })
                    .await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(count(&db).await, 50);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_of_a_newer_version_is_refused_by_name() {
        const NEWER: &[Migration] = &[
            Migration {
                name: "m0001_table",
                statements: &["SELECT 1"],
            },
            Migration {
                name: "m0002_more",
                statements: &["SELECT 1"],
            },
        ];
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), NEWER).await.unwrap().close().await;
        let error = crate::error::chain(&open(folder.path(), TABLE).await.unwrap_err());
        assert!(
            error.contains("m0002_more") && error.contains("newer"),
            "{error}"
        );
        open(folder.path(), NEWER).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_is_found_by_its_name_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a%20b?c#d");
        std::fs::create_dir(&odd).unwrap();
        open(&odd, TABLE).await.unwrap();
        let mode = std::fs::metadata(odd.join("test.db"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_reader_refuses_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path(), TABLE).await.unwrap();
        assert!(
            db.reader()
                .execute_unprepared("INSERT INTO t VALUES (1)")
                .await
                .is_err()
        );
    }
}
