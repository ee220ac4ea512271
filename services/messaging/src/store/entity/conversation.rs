//! Table `conversation`.

use sea_orm::entity::prelude::*;

/// A pair.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation_id: Uuid,
    pub lo: Uuid,
    pub hi: Uuid,
    pub last_seq: i64,
    pub state_version: i64,
    pub lo_consent: String,
    pub lo_consent_how: Option<String>,
    pub lo_consent_epoch: i64,
    pub lo_consent_settings_version: i64,
    pub lo_consent_at_ms: i64,
    pub lo_request: String,
    pub lo_request_sent: i64,
    pub lo_request_until_ms: i64,
    pub lo_budget_ms: i64,
    pub hi_consent: String,
    pub hi_consent_how: Option<String>,
    pub hi_consent_epoch: i64,
    pub hi_consent_settings_version: i64,
    pub hi_consent_at_ms: i64,
    pub hi_request: String,
    pub hi_request_sent: i64,
    pub hi_request_until_ms: i64,
    pub hi_budget_ms: i64,
}

/// None: aggregates refer to each other by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
