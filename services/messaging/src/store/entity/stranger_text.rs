//! Table `stranger_text`.

use sea_orm::entity::prelude::*;

/// To whom a person sent a text as a stranger: the mark of the text, never the text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stranger_text")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub text_hash: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub recipient_id: Uuid,
    pub at_ms: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
