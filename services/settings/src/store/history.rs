//! What each change did to a person's settings: one row a field, in the transaction of the change.

use postern_shared::{
    clock::Timestamp,
    db::{Migration, Tx},
    id::{ChangeId, UserId},
    random::Random,
};
use sea_orm::{DbErr, QueryOrder as _, QuerySelect as _, Set, entity::prelude::*};

use super::Store;
use crate::domain::{Changed, Entry};

/// The step that makes the table.
pub const MIGRATION: Migration = Migration {
    name: "m0004_settings_change",
    statements: &[
        "CREATE TABLE IF NOT EXISTS settings_change (
            user_id uuid NOT NULL,
            change_id uuid NOT NULL,
            path text NOT NULL,
            value_before text NOT NULL,
            value_after text NOT NULL,
            changed_at_ms bigint NOT NULL,
            PRIMARY KEY (user_id, change_id)
        )",
        // For removing what is old.
        "CREATE INDEX IF NOT EXISTS settings_change_age ON settings_change (changed_at_ms)",
    ],
};

/// Rows that one transaction removes.
const PURGE_ROWS_MAX: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settings_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub change_id: Uuid,
    pub path: String,
    pub value_before: String,
    pub value_after: String,
    pub changed_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Writes down what an update changed.
pub async fn add(
    tx: &Tx,
    user: UserId,
    now: Timestamp,
    changed: &[Changed],
    random: &Random,
) -> Result<(), DbErr> {
    let rows = changed.iter().map(|changed| ActiveModel {
        user_id: Set(user.uuid()),
        change_id: Set(ChangeId::new(now, random).uuid()),
        path: Set(changed.path.to_owned()),
        value_before: Set(changed.before.clone()),
        value_after: Set(changed.after.clone()),
        changed_at_ms: Set(now.unix_millis()),
    });
    Entity::insert_many(rows)
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

impl Store {
    /// At most `count` of a person's changes since `since`, newest first, from the one after
    /// `after` on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes(
        &self,
        user: UserId,
        since: Timestamp,
        after: Option<ChangeId>,
        count: u32,
    ) -> Result<Vec<Entry>, DbErr> {
        let rows = page(user, since, after, count)
            .all(self.db.reader())
            .await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Removes the changes that are older than `before`.
    ///
    /// # Errors
    /// When the database fails; what was removed until then stays removed.
    pub async fn purge_changes(&self, before: Timestamp) -> Result<(), DbErr> {
        loop {
            let removed: Result<u64, DbErr> = self
                .db
                .write(|tx| async move {
                    let old = old(before).all(&*tx).await?;
                    for row in &old {
                        let key = (row.user_id, row.change_id);
                        Entity::delete_by_id(key).exec(&*tx).await?;
                    }
                    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
                })
                .await;
            if removed? < PURGE_ROWS_MAX {
                return Ok(());
            }
        }
    }
}

/// Ids sort by time, so that all of it is one range of the primary key. No change has the largest
/// id that there is: it names version 15, and changes are version 7.
pub(super) fn page(
    user: UserId,
    since: Timestamp,
    after: Option<ChangeId>,
    count: u32,
) -> Select<Entity> {
    Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::ChangeId.gte(ChangeId::first(since).uuid()))
        .filter(Column::ChangeId.lt(after.map_or(Uuid::max(), ChangeId::uuid)))
        .order_by_desc(Column::ChangeId)
        .limit(u64::from(count))
}

/// What one transaction removes.
pub(super) fn old(before: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(Column::ChangedAtMs.lt(before.unix_millis()))
        .order_by_asc(Column::ChangedAtMs)
        .limit(PURGE_ROWS_MAX)
}

fn entry(row: Model) -> Entry {
    Entry {
        id: ChangeId::from_uuid(row.change_id),
        at: Timestamp::from_unix_millis(row.changed_at_ms),
        path: row.path,
        before: row.value_before,
        after: row.value_after,
    }
}
