//! Table `participant`.

use sea_orm::entity::prelude::*;

/// A conversation as one person sees it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "participant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Uuid,
    pub peer_id: Uuid,
    pub folder: String,
    pub last_event: i64,
    pub read_seq: i64,
    pub unread: i64,
    pub blocked: bool,
    pub blocked_version: i64,
    pub cleared_seq: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
