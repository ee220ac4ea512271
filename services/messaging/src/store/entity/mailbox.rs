//! Table `mailbox`.

use sea_orm::entity::prelude::*;

/// One person's fences, event number and budgets.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub fence_graph: i64,
    pub fence_settings: i64,
    pub fence_identity: i64,
    pub gone: bool,
    pub gone_version: i64,
    pub event_seq: i64,
    pub attempts_budget_ms: i64,
    pub strangers_budget_ms: i64,
    pub inbound_budget_ms: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
