//! Opening the two engines, each with the options that our promises rest on.

use std::{
    fs::{File, OpenOptions},
    future::Future,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr,
    Statement,
    sqlx::{
        postgres::PgConnectOptions,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::time::Instant;

use super::{
    Db, Desk, fault,
    migrate::{self, MigrateError, Migration},
    pause,
};
use crate::{config::Secret, random::Random};

/// Connections that read a SQLite file.
const SQLITE_READERS: u32 = 4;
/// How long SQLite waits for another process's lock. Our own writers queue for the one connection.
const SQLITE_BUSY: Duration = Duration::from_secs(5);
/// How long a reader of a SQLite file waits for a connection: less than a call's deadline.
const ACQUIRE: Duration = Duration::from_millis(1_500);
/// A connection idle for longer is tested before it is used: under load none is, and after a
/// restart of the server all that lay in the pool are. Testing each at every use would be a round
/// trip more.
const IDLE_BEFORE_TEST: Duration = Duration::from_secs(1);
/// A connection is replaced after this long, so that load finds its way to a new server.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// What a statement may take beyond the longest deadline of a call: by then nobody waits for it.
const STATEMENT_MARGIN: Duration = Duration::from_millis(500);
/// A transaction that stands still for longer is ended by the server: a process that is stopped
/// half-way must not hold its locks for ever.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(30);
/// The pause between two attempts to reach a server that is waited for.
const WAIT_STEP: Duration = Duration::from_millis(250);
/// How long a migration waits for a connection: no caller waits for it.
const ACQUIRE_TO_MIGRATE: Duration = Duration::from_secs(30);
/// A migration takes one connection for its lock and one for its steps.
const MIGRATING_CONNECTIONS: u32 = 2;

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
    /// Its schema is not what this program needs.
    #[error("cannot use the schema of the database {name}")]
    Migrate {
        /// Its file, or `database_url`.
        name: String,
        /// Why.
        #[source]
        source: MigrateError,
    },
}

/// A PostgreSQL database, and how it is used.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `postgres://user:password@host:port/name`.
    pub url: Secret,
    /// What the server sees in `pg_stat_activity.application_name`.
    pub application: String,
    /// Connections at the most: the sum over services and replicas stays below the server's limit.
    pub connections: u32,
    /// The longest deadline of a call: a statement may take little more.
    pub deadline: Duration,
    /// How long a server that cannot be reached yet is waited for.
    pub wait: Duration,
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

    /// Connects to PostgreSQL and checks that its schema is up to date. A server that cannot be
    /// reached yet is waited for, as long as `postgres` says.
    ///
    /// # Errors
    /// When it cannot be reached, or a step of the schema is missing.
    pub async fn open_postgres(
        postgres: &Postgres,
        migrations: &'static [Migration],
        random: Random,
    ) -> Result<Self, OpenError> {
        let mut options = postgres.options()?;
        let timeout = postgres.deadline + STATEMENT_MARGIN;
        options
            .max_connections(postgres.connections)
            .min_connections(1)
            .max_lifetime(LIFETIME)
            .statement_timeout(timeout)
            .map_sqlx_postgres_opts(|options| {
                let idle = IDLE_IN_TRANSACTION.as_millis().to_string();
                // What is acknowledged is on the disk, whatever the server does for others.
                let durable = "on".to_owned();
                options.options([
                    ("idle_in_transaction_session_timeout", idle),
                    ("synchronous_commit", durable),
                ])
            });
        let pool = patiently(postgres.wait, || Database::connect(options.clone())).await?;
        migrate::check(&pool, migrations).await.map_err(unusable)?;
        Ok(Self {
            reader: pool.clone(),
            writer: pool,
            desk: Arc::new(Desk::new(random.clone())),
            random,
        })
    }
}

/// Copies a SQLite file as of one moment, while a process may be using it. The copy is compact, on
/// the disk when this returns, and readable by its owner alone.
///
/// # Errors
/// When either file cannot be opened, or the copy exists and holds something.
pub async fn copy_sqlite(file: &Path, copy: &Path) -> Result<(), OpenError> {
    let fail = |source| OpenError::Open {
        name: format!("`{}`", copy.display()),
        source,
    };
    let io = |error: io::Error| fail(DbErr::Custom(error.to_string()));
    private_file(copy).map_err(io)?;
    let mut options = sqlite_options(file, 1, false);
    options.map_sqlx_sqlite_opts({
        let file = file.to_owned();
        // Whoever uses it has chosen how; and what is not there must not be made.
        move |sqlite| {
            sqlite
                .filename(&file)
                .create_if_missing(false)
                .busy_timeout(SQLITE_BUSY)
        }
    });
    let db = Database::connect(options).await.map_err(fail)?;
    let target = copy.to_string_lossy().into_owned();
    let vacuum =
        Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO $1", [target.into()]);
    let copied = db.execute_raw(vacuum).await.map_err(fail);
    db.close().await.map_err(fail)?;
    copied?;
    File::open(copy)
        .and_then(|copy| copy.sync_all())
        .map_err(io)
}

/// Brings a PostgreSQL database up to date, under a lock: of several at once one does it and the
/// others wait for it. Its steps take as long as they need.
///
/// # Errors
/// When it cannot be reached, or was written by a newer version.
pub async fn migrate_postgres(
    postgres: &Postgres,
    migrations: &'static [Migration],
) -> Result<Vec<String>, OpenError> {
    let mut options = postgres.options()?;
    options
        .max_connections(MIGRATING_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TO_MIGRATE)
        // Whatever the server's own defaults are: the lock is held while steps run elsewhere.
        .map_sqlx_postgres_opts(|options| {
            let never = "0".to_owned();
            options.options([
                ("idle_in_transaction_session_timeout", &never),
                ("statement_timeout", &never),
                ("lock_timeout", &never),
            ])
        });
    let pool = patiently(postgres.wait, || Database::connect(options.clone())).await?;
    let done = migrate::run(&pool, migrations).await.map_err(unusable);
    if let Err(error) = pool.close().await {
        tracing::debug!(%error, "a database did not close cleanly");
    }
    done
}

impl Postgres {
    fn options(&self) -> Result<ConnectOptions, OpenError> {
        if self.url.reveal().parse::<PgConnectOptions>().is_err() {
            // sea-orm would say so with the whole address, and a password stands in it.
            let problem = "expected an address such as postgres://user:password@host:5432/name";
            return Err(unreachable(DbErr::Custom(problem.to_owned())));
        }
        let mut options = ConnectOptions::new(self.url.reveal());
        options
            // Less than the deadline: what waited all of it is of use to nobody.
            .acquire_timeout(self.deadline * 3 / 4)
            .test_before_acquire(false)
            .test_before_acquire_if_idle_for(IDLE_BEFORE_TEST)
            .set_application_name(&self.application)
            .sqlx_logging(false);
        Ok(options)
    }
}

/// Connects; a server that is away gets some time to come.
async fn patiently<F, Fut>(wait: Duration, connect: F) -> Result<DatabaseConnection, OpenError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<DatabaseConnection, DbErr>>,
{
    let patience = Instant::now() + wait;
    let mut told = false;
    loop {
        match connect().await {
            Ok(pool) => return Ok(pool),
            Err(error) if fault::is_unavailable(&error) && Instant::now() < patience => {
                if !told {
                    let error = crate::error::chain(&error);
                    tracing::warn!(
                        error,
                        "the database cannot be reached yet: it is waited for"
                    );
                    told = true;
                }
                pause(WAIT_STEP).await;
            }
            Err(error) => return Err(unreachable(error)),
        }
    }
}

fn unreachable(source: DbErr) -> OpenError {
    OpenError::Open {
        name: "of `database_url`".to_owned(),
        source,
    }
}

fn unusable(source: MigrateError) -> OpenError {
    OpenError::Migrate {
        name: "of `database_url`".to_owned(),
        source,
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
