//! Table `message`.

use sea_orm::entity::prelude::*;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub sender_id: Uuid,
    pub client_message_id: String,
    pub kind: String,
    pub body: Option<String>,
    pub sent_at_ms: i64,
    pub deleted_at_ms: Option<i64>,
    pub placement: String,
    pub told: String,
    pub rule: String,
    pub sender_graph_version: i64,
    pub sender_settings_version: i64,
    pub sender_identity_version: i64,
    pub recipient_graph_version: i64,
    pub recipient_settings_version: i64,
    pub recipient_identity_version: i64,
    pub lo_event: i64,
    pub hi_event: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
