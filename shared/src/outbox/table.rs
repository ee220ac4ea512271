//! The rows of an outbox and the statements over them. One statement touches one shard, so that a
//! distributed engine runs it in one place; only what merely looks asks for all of them.

use sea_orm::{
    Condition, ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult as _, QueryOrder as _,
    QuerySelect as _, Statement,
    entity::prelude::*,
    sea_query::{LockBehavior, LockType},
};

use super::publish::{Rejected, Verdict};
use crate::{clock::Timestamp, db::any_of, id};

/// Not published yet.
pub(super) const WAITING: &str = "waiting";
/// Published; kept for a while, so that it can be published again.
pub(super) const PUBLISHED: &str = "published";
/// Given up on.
pub(super) const DEAD: &str = "dead";

/// How often what the broker rejects is tried before it is dead.
const ATTEMPTS_MAX: i64 = 5;
/// Characters that are kept of a problem.
const PROBLEM_CHARS_MAX: usize = 300;

/// The events of one transaction in one shard.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub shard: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub outbox_id: Uuid,
    pub events: Vec<u8>,
    pub status: String,
    pub attempts: i64,
    pub problem: Option<String>,
    pub created_at_ms: i64,
    pub published_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What is locked by whoever works in a shard.
mod lock {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox_shard")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub shard: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What waits, all shards together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sea_orm::FromQueryResult)]
pub(super) struct Backlog {
    pub(super) rows: i64,
    pub(super) oldest_at_ms: Option<i64>,
}

/// The shards in which something waits: a probe of the index each.
pub(super) async fn shards_waiting(db: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
    let sql = "SELECT s.shard FROM outbox_shard s WHERE EXISTS \
               (SELECT 1 FROM outbox o WHERE o.status = 'waiting' AND o.shard = s.shard) \
               ORDER BY s.shard";
    let rows = db
        .query_all_raw(Statement::from_sql_and_values(
            db.get_database_backend(),
            sql,
            [],
        ))
        .await?;
    rows.iter().map(|row| row.try_get("", "shard")).collect()
}

/// Every shard.
pub(super) async fn shards(db: &impl ConnectionTrait) -> Result<Vec<i64>, DbErr> {
    let rows = lock::Entity::find()
        .order_by_asc(lock::Column::Shard)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.shard).collect())
}

/// Takes a shard until the transaction ends, however it ends; false when somebody else has it.
pub(super) async fn claim(tx: &DatabaseTransaction, shard: i64) -> Result<bool, DbErr> {
    let row = lock::Entity::find_by_id(shard)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(tx)
        .await?;
    Ok(row.is_some())
}

/// The oldest waiting rows of a shard.
pub(super) async fn waiting(
    db: &impl ConnectionTrait,
    shard: i64,
    rows_max: u64,
) -> Result<Vec<Model>, DbErr> {
    // Never "above the last id": ids are not given out in the order of commits.
    in_status(shard, WAITING)
        .order_by_asc(Column::OutboxId)
        .limit(rows_max)
        .all(db)
        .await
}

/// Notes what became of a shard's rows.
pub(super) async fn settle(
    tx: &DatabaseTransaction,
    shard: i64,
    verdict: &Verdict,
    now: Timestamp,
) -> Result<(), DbErr> {
    if !verdict.published.is_empty() {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(PUBLISHED))
            .col_expr(Column::PublishedAtMs, Expr::value(now.unix_millis()))
            .filter(these(tx, shard, WAITING, &verdict.published))
            .exec(tx)
            .await?;
    }
    for rejected in &verdict.rejected {
        let status = if rejected.is_dead() { DEAD } else { WAITING };
        let problem: String = rejected.problem.chars().take(PROBLEM_CHARS_MAX).collect();
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(status))
            .col_expr(Column::Attempts, Expr::value(rejected.attempts))
            .col_expr(Column::Problem, Expr::value(problem))
            .filter(these(tx, shard, WAITING, &[rejected.id]))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// These rows of a shard, as long as they are in a status.
fn these(tx: &DatabaseTransaction, shard: i64, status: &str, ids: &[Uuid]) -> Condition {
    let ids = any_of(
        tx.get_database_backend(),
        Column::OutboxId,
        ids.iter().copied(),
    );
    Condition::all()
        .add(Column::Shard.eq(shard))
        .add(Column::Status.eq(status))
        .add(ids)
}

impl Rejected {
    /// Whether it is given up on.
    pub(super) const fn is_dead(&self) -> bool {
        self.attempts >= ATTEMPTS_MAX
    }
}

/// How much waits, and since when.
pub(super) async fn backlog(db: &impl ConnectionTrait) -> Result<Backlog, DbErr> {
    let sql = "SELECT count(*) AS rows, min(created_at_ms) AS oldest_at_ms \
               FROM outbox WHERE status = 'waiting'";
    let found = Backlog::find_by_statement(Statement::from_sql_and_values(
        db.get_database_backend(),
        sql,
        [],
    ));
    let found = found.one(db).await?;
    Ok(found.unwrap_or(Backlog {
        rows: 0,
        oldest_at_ms: None,
    }))
}

/// Rows of a shard that were published before a moment. An id tells when its row was made, which
/// is before it was published, so no younger row is even looked at.
pub(super) async fn published_before(
    db: &impl ConnectionTrait,
    shard: i64,
    moment: Timestamp,
    rows_max: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let bound = id::version_7_of(moment, &[0; 10]);
    in_status(shard, PUBLISHED)
        .filter(Column::OutboxId.lt(bound))
        .filter(Column::PublishedAtMs.lt(moment.unix_millis()))
        .order_by_asc(Column::OutboxId)
        .limit(rows_max)
        .select_only()
        .column(Column::OutboxId)
        .into_tuple()
        .all(db)
        .await
}

/// Removes published rows of a shard; one that waits again by now stays.
pub(super) async fn remove(
    tx: &DatabaseTransaction,
    shard: i64,
    ids: &[Uuid],
) -> Result<u64, DbErr> {
    let removed = Entity::delete_many()
        .filter(these(tx, shard, PUBLISHED, ids))
        .exec(tx)
        .await?;
    Ok(removed.rows_affected)
}

/// The rows of a shard in one status that come after an id, for whoever goes through them once.
pub(super) async fn after(
    db: &impl ConnectionTrait,
    shard: i64,
    status: &str,
    since: Option<Timestamp>,
    last: Option<Uuid>,
    rows_max: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let mut find = in_status(shard, status);
    if let Some(since) = since {
        find = find.filter(Column::PublishedAtMs.gte(since.unix_millis()));
    }
    if let Some(last) = last {
        find = find.filter(Column::OutboxId.gt(last));
    }
    find.order_by_asc(Column::OutboxId)
        .limit(rows_max)
        .select_only()
        .column(Column::OutboxId)
        .into_tuple()
        .all(db)
        .await
}

/// Has rows of a shard wait again, as if they never had been tried.
pub(super) async fn reopen(
    tx: &DatabaseTransaction,
    shard: i64,
    status: &str,
    ids: &[Uuid],
) -> Result<u64, DbErr> {
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(WAITING))
        .col_expr(Column::Attempts, Expr::value(0_i64))
        .col_expr(Column::Problem, Expr::value(None::<String>))
        .col_expr(Column::PublishedAtMs, Expr::value(None::<i64>))
        .filter(these(tx, shard, status, ids))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

/// How many rows of a shard are in a status.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    shard: i64,
    status: &str,
) -> Result<u64, DbErr> {
    in_status(shard, status).count(db).await
}

/// Dead rows of a shard, oldest first.
pub(super) async fn dead(
    db: &impl ConnectionTrait,
    shard: i64,
    rows_max: u64,
) -> Result<Vec<Model>, DbErr> {
    in_status(shard, DEAD)
        .order_by_asc(Column::OutboxId)
        .limit(rows_max)
        .all(db)
        .await
}

fn in_status(shard: i64, status: &str) -> Select<Entity> {
    Entity::find()
        .filter(Column::Shard.eq(shard))
        .filter(Column::Status.eq(status))
}
