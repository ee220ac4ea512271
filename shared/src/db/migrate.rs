//! Bringing a schema up to date, by one process at a time; and checking whether it is.
//!
//! A migration is a list of idempotent statements in the SQL that SQLite and PostgreSQL share; the
//! types `uuid` and `bytea` become `blob` on SQLite. Which ones have run is kept by
//! sea-orm-migration. It takes no lock, so we hold one: a row locked in a transaction of its own,
//! which every PostgreSQL-compatible engine has. A SQLite file is covered by the lock of its data
//! folder.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, EntityTrait as _,
    TransactionTrait as _,
};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager, seaql_migrations,
};

/// One step of a schema. The name is kept for ever; the statements never change once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `m` and a number that sorts, then what it does.
    pub name: &'static str,
    /// One idempotent statement each.
    pub statements: &'static [&'static str],
}

/// Why a schema cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database knows steps that this program does not.
    #[error(
        "it was written by a newer version of Postern (step `{step}`): start that version, \
             or use another data folder or database"
    )]
    Newer {
        /// The first step that is not known here.
        step: String,
    },
    /// Steps are missing, and this process must not run them.
    #[error(
        "step `{step}` has not run yet: run this program with the argument `migrate` first, once \
             for all replicas"
    )]
    Behind {
        /// The first step that is missing.
        step: &'static str,
    },
    /// The engine refused.
    #[error(transparent)]
    Db(#[from] DbErr),
}

/// Runs what has not run yet; returns the names of the steps that it ran.
pub(super) async fn run(
    db: &DatabaseConnection,
    migrations: &'static [Migration],
) -> Result<Vec<String>, MigrateError> {
    let lock = match db.get_database_backend() {
        DbBackend::Sqlite => None,
        _ => Some(lock(db).await?),
    };
    let result = up(db, migrations).await;
    if let Some(lock) = lock {
        lock.commit().await?;
    }
    result
}

/// Whether every step has run, without changing anything. Steps of a newer version are no
/// hindrance: each only adds what the version before can do without, so that replicas of both
/// versions serve side by side while one is rolled out or back.
pub(super) async fn check(
    db: &DatabaseConnection,
    migrations: &'static [Migration],
) -> Result<(), MigrateError> {
    let manager = SchemaManager::new(db);
    let applied = if manager.has_table("seaql_migrations").await? {
        // The migrator's own question would make the table, and a service may not be allowed to.
        seaql_migrations::Entity::find().all(db).await?
    } else {
        Vec::new()
    };
    let has_run = |step: &Migration| applied.iter().any(|run| run.version == step.name);
    if let Some(step) = migrations.iter().find(|step| !has_run(step)) {
        return Err(MigrateError::Behind { step: step.name });
    }
    if let Some(newer) = first_unknown(&applied, migrations) {
        tracing::warn!(
            step = newer,
            "the database is of a newer version than this program"
        );
    }
    Ok(())
}

async fn up(
    db: &DatabaseConnection,
    migrations: &'static [Migration],
) -> Result<Vec<String>, MigrateError> {
    let migrator = Migrator(migrations);
    migrator.install(db).await?;
    let applied = migrator.get_migration_models(db).await?;
    if let Some(step) = first_unknown(&applied, migrations) {
        return Err(MigrateError::Newer {
            step: step.to_owned(),
        });
    }
    migrator.up(db, None).await?;
    let new = migrations
        .iter()
        .filter(|step| !applied.iter().any(|run| run.version == step.name));
    Ok(new.map(|step| step.name.to_owned()).collect())
}

fn first_unknown<'a>(
    applied: &'a [seaql_migrations::Model],
    migrations: &[Migration],
) -> Option<&'a str> {
    let known = |name: &str| migrations.iter().any(|step| step.name == name);
    let versions = applied.iter().map(|run| run.version.as_str());
    versions.into_iter().find(|name| !known(name))
}

async fn lock(db: &DatabaseConnection) -> Result<sea_orm::DatabaseTransaction, DbErr> {
    // Two that create the table at once: PostgreSQL lets one of them fail, and then it exists.
    let create = "CREATE TABLE IF NOT EXISTS migration_lock (id bigint PRIMARY KEY)";
    if db.execute_unprepared(create).await.is_err() {
        db.execute_unprepared(create).await?;
    }
    let insert = "INSERT INTO migration_lock (id) VALUES (1) ON CONFLICT DO NOTHING";
    db.execute_unprepared(insert).await?;
    let transaction = db.begin().await?;
    transaction
        .execute_unprepared("SELECT id FROM migration_lock WHERE id = 1 FOR UPDATE")
        .await?;
    Ok(transaction)
}

struct Migrator(&'static [Migration]);

#[async_trait::async_trait]
impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.0
            .iter()
            .map(|step| Box::new(Step(*step)) as Box<dyn MigrationTrait>)
            .collect()
    }
}

struct Step(Migration);

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.0.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        for statement in self.0.statements {
            if sqlite {
                let statement = statement.replace(" uuid", " blob");
                let statement = statement.replace(" bytea", " blob");
                db.execute_unprepared(&statement).await?;
            } else {
                db.execute_unprepared(statement).await?;
            }
        }
        Ok(())
    }
}
