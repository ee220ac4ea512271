//! What holds on every engine, and what each engine does in its own way.

use std::path::Path;

use sea_orm::{ConnectionTrait as _, Statement};

use super::*;
use crate::{
    caller::ServiceName,
    config::Secret,
    error::chain,
    testing::{self, Databases, Guard},
};

const TABLE: &[Migration] = &[Migration {
    name: "m0001_table",
    statements: &["CREATE TABLE IF NOT EXISTS t (n bigint)"],
}];
const NEWER: &[Migration] = &[
    Migration {
        name: "m0001_table",
        statements: &["CREATE TABLE IF NOT EXISTS t (n bigint)"],
    },
    Migration {
        name: "m0002_more",
        statements: &["CREATE TABLE IF NOT EXISTS u (n bigint)"],
    },
];

async fn database() -> (Guard, Db) {
    testing::database(ServiceName::Graph, TABLE).await
}

async fn open(folder: &Path, migrations: &'static [Migration]) -> Result<Db, OpenError> {
    Db::open_sqlite(&folder.join("test.db"), migrations, Random::system()).await
}

async fn number(db: &Db, sql: &str) -> i64 {
    let sql = Statement::from_sql_and_values(db.backend(), sql, []);
    let row = db.reader().query_one_raw(sql).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

async fn count(db: &Db) -> i64 {
    number(db, "SELECT count(*) AS n FROM t").await
}

async fn insert(db: &Db, n: i64) -> Result<(), DbErr> {
    db.write(|tx| async move {
        tx.execute_unprepared(&format!("INSERT INTO t VALUES ({n})"))
            .await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_body_changes_nothing_and_concurrent_ones_all_commit() {
    let (_guard, db) = database().await;
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
async fn a_file_of_a_newer_version_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), NEWER).await.unwrap().close().await;
    let error = chain(&open(folder.path(), TABLE).await.unwrap_err());
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
async fn the_reader_of_a_file_refuses_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path(), TABLE).await.unwrap();
    assert!(
        db.reader()
            .execute_unprepared("INSERT INTO t VALUES (1)")
            .await
            .is_err()
    );
}

/// A database on the server without any table, and how to open it.
async fn empty() -> (Databases, Postgres) {
    let databases = Databases::empty(&[ServiceName::Graph]).await;
    let databases = databases.expect("POSTERN_TEST_DATABASE_URL is set: see tests/servers");
    let url = databases.url().replace("{service}", "graph");
    let postgres = Postgres {
        url: Secret::from(url),
        application: "postern-test".to_owned(),
        connections: 4,
        deadline: Duration::from_secs(10),
        wait: Duration::from_secs(30),
    };
    (databases, postgres)
}

/// A database on the server, with the table.
async fn on_server() -> (Guard, Db) {
    testing::require_postgres();
    database().await
}

async fn opened(postgres: &Postgres, steps: &'static [Migration]) -> Result<Db, OpenError> {
    Db::open_postgres(postgres, steps, Random::system()).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn opening_a_server_s_database_checks_and_changes_nothing() {
    let (_databases, postgres) = empty().await;
    let behind = chain(&opened(&postgres, TABLE).await.unwrap_err());
    assert!(
        behind.contains("m0001_table") && behind.contains("`migrate`"),
        "{behind}"
    );
    let done = migrate_postgres(&postgres, TABLE).await.unwrap();
    assert_eq!(done, ["m0001_table"]);
    let db = opened(&postgres, TABLE).await.unwrap();
    insert(&db, 1).await.unwrap();
    assert!(opened(&postgres, NEWER).await.is_err());
    assert_eq!(
        migrate_postgres(&postgres, NEWER).await.unwrap(),
        ["m0002_more"]
    );
    // A replica of the version before goes on, and may start again, while the new one rolls out.
    insert(&opened(&postgres, TABLE).await.unwrap(), 2)
        .await
        .unwrap();
    assert_eq!(count(&db).await, 2);
    // Going back is not for `migrate`.
    let newer = chain(&migrate_postgres(&postgres, TABLE).await.unwrap_err());
    assert!(
        newer.contains("m0002_more") && newer.contains("newer"),
        "{newer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn of_many_that_migrate_at_once_one_does_each_step() {
    let (_databases, postgres) = empty().await;
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let postgres = postgres.clone();
            tokio::spawn(async move { migrate_postgres(&postgres, NEWER).await.unwrap() })
        })
        .collect();
    let mut done = Vec::new();
    for task in tasks {
        done.extend(task.await.unwrap());
    }
    assert_eq!(done, ["m0001_table", "m0002_more"]);
    opened(&postgres, NEWER).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn two_that_wait_for_each_other_both_commit_in_the_end() {
    let (_guard, db) = on_server().await;
    insert(&db, 1).await.unwrap();
    insert(&db, 2).await.unwrap();
    // Each takes its own row first and then the other's, once both have their own.
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let cross = |first: i64, second: i64| {
        let (db, barrier) = (db.clone(), Arc::clone(&barrier));
        let met = Arc::new(std::sync::atomic::AtomicBool::new(false));
        tokio::spawn(async move {
            db.write(|tx| {
                let (barrier, met) = (Arc::clone(&barrier), Arc::clone(&met));
                async move {
                    let update = |n| format!("UPDATE t SET n = n WHERE n = {n}");
                    tx.execute_unprepared(&update(first)).await?;
                    if !met.swap(true, std::sync::atomic::Ordering::SeqCst) {
                        barrier.wait().await;
                    }
                    tx.execute_unprepared(&update(second)).await?;
                    Ok::<_, DbErr>(())
                }
            })
            .await
        })
    };
    let (one, other) = (cross(1, 2), cross(2, 1));
    one.await.unwrap().unwrap();
    other.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn a_statement_takes_no_longer_than_a_call_may_and_is_unavailable_then() {
    let (_databases, mut postgres) = empty().await;
    postgres.deadline = Duration::from_secs(1);
    let db = opened(&postgres, &[]).await.unwrap();
    let slow = db
        .reader()
        .execute_unprepared("SELECT pg_sleep(30)")
        .await
        .unwrap_err();
    assert!(is_unavailable(&slow) && !is_conflict(&slow), "{slow:?}");
    let wait = number(
        &db,
        "SELECT setting::bigint AS n FROM pg_settings
            WHERE name = 'idle_in_transaction_session_timeout'",
    );
    assert_eq!(wait.await, 30_000);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn what_is_acknowledged_is_on_the_disk_whatever_the_server_does_for_others() {
    let (_guard, db) = on_server().await;
    let ours = number(
        &db,
        "SELECT count(*) AS n FROM pg_settings
            WHERE name = 'synchronous_commit' AND setting = 'on' AND source = 'client'",
    );
    assert_eq!(ours.await, 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn connections_that_died_in_the_pool_fail_no_transaction() {
    let (_guard, db) = on_server().await;
    // As many as the pool may hold, all at once, so that all of them are there.
    let inserts: Vec<_> = (0..8)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move { insert(&db, n).await.unwrap() })
        })
        .collect();
    for insert in inserts {
        insert.await.unwrap();
    }
    let ended = "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    number(&db, ended).await;
    for n in 0..8 {
        insert(&db, n).await.unwrap();
    }
    assert_eq!(count(&db).await, 16);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn an_address_that_is_none_is_told_without_its_password() {
    let (_databases, mut postgres) = empty().await;
    postgres.url = Secret::from("postgres://u:hunter2@[x/db".to_owned());
    let error = chain(&opened(&postgres, TABLE).await.unwrap_err());
    assert!(
        error.contains("database_url") && !error.contains("hunter2"),
        "{error}"
    );
    let (_databases, right) = empty().await;
    let wrong = right.url.reveal().replace("postgres:", "postgres:hunter2");
    postgres.url = Secret::from(wrong.replacen("postgres:hunter2//", "postgres://", 1));
    let error = chain(&opened(&postgres, TABLE).await.unwrap_err());
    assert!(!error.contains("hunter2"), "{error}");
}
