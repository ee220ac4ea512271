//! Table `attempts_refused`.

use sea_orm::entity::prelude::*;

/// How many attempts of a person found their budget empty in one minute.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts_refused")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    pub refused: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
