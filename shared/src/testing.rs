//! Databases for tests: the same test runs on SQLite and on PostgreSQL.
//!
//! Without `POSTERN_TEST_DATABASE_URL` a test gets a SQLite file of its own. With it, the address
//! of a PostgreSQL server's maintenance database (`tests/run` starts one), it gets a database of
//! its own there: a clone of a template that holds the schema, made by whichever test comes first.
//! What a test gets is removed when its guard goes. Must not be used outside of tests.

use std::{
    future::poll_fn,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::pin,
    task::Poll,
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr,
    Statement, Value,
};
use tempfile::TempDir;

use crate::{
    caller::ServiceName,
    config::Secret,
    db::{Db, Migration, Postgres, migrate_postgres},
    random::Random,
};

/// The maintenance database of the server that tests may fill.
const SERVER_VARIABLE: &str = "POSTERN_TEST_DATABASE_URL";
/// Connections of one test's pool: many tests share the server.
const CONNECTIONS: u32 = 8;
/// Longer than a slow machine needs for any statement of a test.
const DEADLINE: Duration = Duration::from_secs(60);

/// Keeps a test's database for as long as it lives.
#[derive(Debug)]
pub struct Guard {
    /// Where a SQLite file lies; empty on PostgreSQL.
    pub folder: TempDir,
    _databases: Option<Databases>,
}

/// Databases on the server, one for each of some services, which are dropped with this.
#[derive(Debug)]
pub struct Databases {
    server: Secret,
    names: Vec<String>,
    prefix: String,
}

/// A variable that a test run was given. A test run has no other settings.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tests read the environment"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// Whether the long property and race tests run as well (`tests/run --long`).
#[must_use]
pub fn is_long() -> bool {
    variable("POSTERN_LONG").is_some()
}

/// A future that is polled so often at the most, and then given up on: none when it had not ended
/// by then. What is dropped at every point of its work must leave all as it should be.
pub async fn polled_at_most<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// For tests that are about PostgreSQL alone.
///
/// # Panics
/// When tests do not run on it.
pub fn require_postgres() {
    assert!(
        on_postgres(),
        "{SERVER_VARIABLE} is not set: see tests/servers"
    );
}

/// Whether tests run on PostgreSQL.
#[must_use]
pub fn on_postgres() -> bool {
    server().is_some()
}

/// A database of the test's own, with this schema.
///
/// # Panics
/// When the engine refuses.
pub async fn database(service: ServiceName, migrations: &'static [Migration]) -> (Guard, Db) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let random = Random::system();
    let databases = Databases::clone_all(&[(service, migrations)]).await;
    let db = match &databases {
        Some(databases) => {
            let url = databases.url().replace("{service}", service.as_str());
            Db::open_postgres(&postgres(&url), migrations, random).await
        }
        None => {
            let file = folder.path().join(format!("{service}.db"));
            Db::open_sqlite(&file, migrations, random).await
        }
    };
    let guard = Guard {
        folder,
        _databases: databases,
    };
    (guard, db.expect("a new database opens"))
}

impl Databases {
    /// Clones a database for each of these services; none where tests run on SQLite.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn clone_all(services: &[(ServiceName, &'static [Migration])]) -> Option<Self> {
        let mut made = Self::none_yet()?;
        let admin = connect(&made.server).await;
        for (service, migrations) in services {
            let template = template(&admin, &made.server, *service, migrations).await;
            made.create(&admin, *service, &template).await;
        }
        close(admin).await;
        Some(made)
    }

    /// Empty databases for these services; none where tests run on SQLite.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn empty(services: &[ServiceName]) -> Option<Self> {
        let mut made = Self::none_yet()?;
        let admin = connect(&made.server).await;
        for service in services {
            made.create(&admin, *service, "template0").await;
        }
        close(admin).await;
        Some(made)
    }

    fn none_yet() -> Option<Self> {
        let id = u128::from_be_bytes(Random::system().bytes());
        Some(Self {
            server: server()?,
            names: Vec::new(),
            prefix: format!("postern_test_{id:032x}"),
        })
    }

    async fn create(&mut self, admin: &DatabaseConnection, service: ServiceName, template: &str) {
        let name = format!("{}_{service}", self.prefix);
        run(
            admin,
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        self.names.push(name);
    }

    /// Their address, with `{service}` in it.
    #[must_use]
    pub fn url(&self) -> String {
        at(&self.server, &format!("{}_{{service}}", self.prefix))
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        let (server, names) = (self.server.clone(), std::mem::take(&mut self.names));
        // Dropping is asynchronous work, and the test's own runtime is busy right here.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                let admin = connect(&server).await;
                for name in names {
                    run(
                        &admin,
                        &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                    )
                    .await;
                }
                close(admin).await;
            });
        });
        // A database that is left over goes with the server; a test that fails must tell why.
        let _ = dropper.join();
    }
}

/// The template that holds a schema; it is made when it is missing, by one test at a time.
async fn template(
    admin: &DatabaseConnection,
    server: &Secret,
    service: ServiceName,
    migrations: &'static [Migration],
) -> String {
    let mut hasher = DefaultHasher::new();
    for step in migrations {
        (step.name, step.statements).hash(&mut hasher);
    }
    let hash = hasher.finish();
    let name = format!("postern_template_{service}_{hash:016x}");
    let key = hash.cast_signed();
    run(admin, &format!("SELECT pg_advisory_lock({key})")).await;
    let ready = Statement::from_sql_and_values(
        admin.get_database_backend(),
        "SELECT 1 AS one FROM pg_database WHERE datname = $1 AND datistemplate",
        [name.clone().into()],
    );
    let ready = admin.query_one_raw(ready).await.expect("it can be asked");
    if ready.is_none() {
        // One that was left half-way is no template yet.
        run(
            admin,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        run(admin, &format!("CREATE DATABASE {name}")).await;
        migrate_postgres(&postgres(&at(server, &name)), migrations)
            .await
            .expect("the schema is made");
        run(admin, &format!("ALTER DATABASE {name} IS_TEMPLATE true")).await;
    }
    run(admin, &format!("SELECT pg_advisory_unlock({key})")).await;
    name
}

/// Asserts that the engine finds all rows of a statement by ranges of indexes, and in their order:
/// it reads no table from end to end and sorts nothing. Tables may be small: on PostgreSQL scanning
/// them is made expensive first, so that it is left where nothing else is possible.
///
/// # Panics
/// With the plan, when it is otherwise.
pub async fn assert_index_ranges(db: &Db, sql: &str, values: &[Value]) {
    match db.backend() {
        DbBackend::Sqlite => {
            let plan = plan(db, &[], &format!("EXPLAIN QUERY PLAN {sql}"), values).await;
            // The values that were asked with are read one after another.
            let given = ["CONSTANT ROW", "VALUES CLAUSE", "SCAN k"];
            let scans =
                |step: &str| step.contains("SCAN") && !given.iter().any(|part| step.contains(part));
            let ranged = plan
                .lines()
                .all(|step| !scans(step) && !step.contains("TEMP B-TREE"));
            assert!(ranged, "{sql}\n{plan}");
        }
        _ => {
            let first = [
                "SET LOCAL enable_seqscan = off",
                "SET LOCAL enable_bitmapscan = off",
                "SET LOCAL enable_sort = off",
            ];
            let plan = plan(db, &first, &format!("EXPLAIN {sql}"), values).await;
            assert!(is_ranged(&plan) && !plan.contains("Sort"), "{sql}\n{plan}");
        }
    }
}

/// The same of what PostgreSQL does by itself, over as many rows as there are: for a statement that
/// it has prepared for any values, and for these. For these it may sort a range that is short.
///
/// # Panics
/// With the plan, when it is otherwise.
pub async fn assert_index_ranges_at_scale(db: &Db, sql: &str, values: &[Value]) {
    let custom = plan(db, &[], &format!("EXPLAIN {sql}"), values).await;
    assert!(is_ranged(&custom), "{sql}\n{custom}");
    let types = values.iter().map(|value| match value {
        Value::Uuid(_) => "uuid",
        _ => "bigint",
    });
    let types = types.collect::<Vec<_>>().join(", ");
    let literals = values.iter().map(|value| match value {
        Value::Uuid(Some(id)) => format!("'{id}'"),
        other => other.to_string(),
    });
    let literals = literals.collect::<Vec<_>>().join(", ");
    // It outlives its transaction, so the next one has another name.
    let name = format!(
        "asked_{:016x}",
        u64::from_be_bytes(Random::system().bytes())
    );
    let prepare = format!("PREPARE {name} ({types}) AS {sql}");
    let first = ["SET LOCAL plan_cache_mode = force_generic_plan", &prepare];
    let explain = format!("EXPLAIN EXECUTE {name} ({literals})");
    let generic = plan(db, &first, &explain, &[]).await;
    assert!(
        is_ranged(&generic) && !generic.contains("Sort"),
        "{sql}\n{generic}"
    );
}

fn is_ranged(plan: &str) -> bool {
    let whole = ["Seq Scan", "Hash Join", "Merge Join"];
    plan.contains("Index Cond") && !whole.iter().any(|step| plan.contains(step))
}

/// How the engine goes about a statement, a step a line.
async fn plan(db: &Db, first: &[&str], explain: &str, values: &[Value]) -> String {
    let explain = Statement::from_sql_and_values(db.backend(), explain, values.to_vec());
    let rows: Result<_, DbErr> = db
        .write(|tx| {
            let explain = explain.clone();
            async move {
                for sql in first {
                    tx.execute_unprepared(sql).await?;
                }
                tx.query_all_raw(explain).await
            }
        })
        .await;
    let column = match db.backend() {
        DbBackend::Sqlite => "detail",
        _ => "QUERY PLAN",
    };
    let rows = rows.expect("the engine explains itself");
    let steps = rows.iter().map(|row| row.try_get::<String>("", column));
    let steps: Result<Vec<_>, _> = steps.collect();
    steps.expect("a plan is text").join("\n")
}

/// How tests use a database of that address.
#[must_use]
pub fn postgres(url: &str) -> Postgres {
    Postgres {
        url: Secret::from(url.to_owned()),
        application: "postern-test".to_owned(),
        connections: CONNECTIONS,
        deadline: DEADLINE,
        wait: Duration::ZERO,
    }
}

fn server() -> Option<Secret> {
    variable(SERVER_VARIABLE).map(Secret::from)
}

/// The address of another database on the same server.
fn at(server: &Secret, database: &str) -> String {
    let (server, _) = server
        .reveal()
        .rsplit_once('/')
        .expect("the address names a database");
    format!("{server}/{database}")
}

async fn connect(server: &Secret) -> DatabaseConnection {
    let mut options = ConnectOptions::new(server.reveal());
    // One connection: advisory locks belong to it.
    options.max_connections(1).sqlx_logging(false);
    let connected = Database::connect(options).await;
    connected.expect("POSTERN_TEST_DATABASE_URL names a server that answers")
}

async fn run(db: &DatabaseConnection, sql: &str) {
    let done = db.execute_unprepared(sql).await;
    done.map_err(|error| format!("`{sql}`: {error}"))
        .expect("the server that tests may fill does what it is told");
}

async fn close(admin: DatabaseConnection) {
    admin.close().await.expect("a connection closes");
}
