//! Table `refusal`.

use sea_orm::entity::prelude::*;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refusal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub refusal_id: Uuid,
    pub recipient_id: Option<Uuid>,
    pub rule: String,
    pub reason: String,
    pub facts: String,
    pub sender_graph_version: Option<i64>,
    pub sender_settings_version: Option<i64>,
    pub sender_identity_version: Option<i64>,
    pub recipient_graph_version: Option<i64>,
    pub recipient_settings_version: Option<i64>,
    pub recipient_identity_version: Option<i64>,
    pub decided_at_ms: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
