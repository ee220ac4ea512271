//! The row of one person's settings, and the statements over it.

use std::collections::HashMap;

use postern_shared::{clock::Timestamp, db::any_of, id::UserId};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DatabaseTransaction, DbErr, QuerySelect as _,
    entity::prelude::*,
    sea_query::OnConflict,
};

use crate::domain::{Choices, Filters, Keywords, Notifications, Settings, WhoCanMessage};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "settings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: uuid::Uuid,
    pub who_can_message: String,
    pub read_receipts: bool,
    pub filter_spam: bool,
    pub filter_offensive: bool,
    /// A JSON array, each word once, in the person's order.
    pub filter_keywords: String,
    pub notify_messages: bool,
    pub notify_requests: bool,
    pub notify_previews: bool,
    pub updated_at_ms: i64,
    /// From 1: who never changed anything has no row.
    pub version: i64,
    pub left_everyone_version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The rows of these people, by one statement.
pub async fn of(
    db: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Settings>, DbErr> {
    let ids = users.iter().map(|user| user.uuid());
    let rows = Entity::find()
        .filter(any_of(db.get_database_backend(), Column::UserId, ids))
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| Ok((UserId::from_uuid(row.user_id), settings(row)?)))
        .collect()
}

/// A person's row, which nobody else changes until the transaction ends.
pub async fn lock(tx: &DatabaseTransaction, user: UserId) -> Result<Option<Settings>, DbErr> {
    let row = Entity::find_by_id(user.uuid()).lock_exclusive().one(tx);
    row.await?.map(settings).transpose()
}

/// Makes a person's row; false when there is one already.
pub async fn insert(
    tx: &DatabaseTransaction,
    user: UserId,
    settings: &Settings,
) -> Result<bool, DbErr> {
    let mut row = active(settings)?;
    row.user_id = Set(user.uuid());
    let absent = OnConflict::column(Column::UserId).do_nothing().to_owned();
    let inserted = Entity::insert(row)
        .on_conflict(absent)
        .exec_without_returning(tx)
        .await?;
    Ok(inserted == 1)
}

/// Puts new settings in place of those of one version; false when they are of another by now.
pub async fn replace(
    tx: &DatabaseTransaction,
    user: UserId,
    version: u64,
    settings: &Settings,
) -> Result<bool, DbErr> {
    let updated = Entity::update_many()
        .set(active(settings)?)
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Version.eq(stored(version)?))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected == 1)
}

fn active(settings: &Settings) -> Result<ActiveModel, DbErr> {
    let choices = &settings.choices;
    let updated_at = settings
        .updated_at
        .ok_or_else(|| DbErr::Type("settings that nobody changed are not stored".to_owned()))?;
    let keywords = serde_json::to_string(choices.filters.keywords.as_slice())
        .map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(ActiveModel {
        user_id: NotSet,
        who_can_message: Set(choices.who_can_message.name().to_owned()),
        read_receipts: Set(choices.read_receipts),
        filter_spam: Set(choices.filters.spam),
        filter_offensive: Set(choices.filters.offensive),
        filter_keywords: Set(keywords),
        notify_messages: Set(choices.notifications.messages),
        notify_requests: Set(choices.notifications.requests),
        notify_previews: Set(choices.notifications.previews),
        updated_at_ms: Set(updated_at.unix_millis()),
        version: Set(stored(settings.version)?),
        left_everyone_version: Set(stored(settings.left_everyone_version)?),
    })
}

fn settings(row: Model) -> Result<Settings, DbErr> {
    let who_can_message = match row.who_can_message.as_str() {
        "EVERYONE" => WhoCanMessage::Everyone,
        "FRIENDS" => WhoCanMessage::Friends,
        "NO_ONE" => WhoCanMessage::NoOne,
        other => {
            let problem = format!("`{other}` in settings.who_can_message is no known value");
            return Err(DbErr::Type(problem));
        }
    };
    let keywords = serde_json::from_str(&row.filter_keywords)
        .map_err(|error| DbErr::Json(format!("settings.filter_keywords: {error}")))?;
    Ok(Settings {
        choices: Choices {
            who_can_message,
            read_receipts: row.read_receipts,
            filters: Filters {
                spam: row.filter_spam,
                offensive: row.filter_offensive,
                keywords: Keywords::stored(keywords),
            },
            notifications: Notifications {
                messages: row.notify_messages,
                requests: row.notify_requests,
                previews: row.notify_previews,
            },
        },
        version: loaded(row.version)?,
        left_everyone_version: loaded(row.left_everyone_version)?,
        updated_at: Some(Timestamp::from_unix_millis(row.updated_at_ms)),
    })
}

fn stored(version: u64) -> Result<i64, DbErr> {
    i64::try_from(version).map_err(|_| DbErr::Type(format!("version {version} is too large")))
}

fn loaded(version: i64) -> Result<u64, DbErr> {
    u64::try_from(version).map_err(|_| DbErr::Type(format!("version {version} is negative")))
}
