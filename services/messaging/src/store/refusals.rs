//! Records of refusals.

use sea_orm::{DbErr, EntityTrait as _, Set};

use super::{
    Store,
    attempts::{Charged, charge},
    entity::refusal,
    rows,
};
use crate::domain::{Budget, Refusal, Versions};

impl Store {
    /// Charges the attempt that was refused, where there is a budget for it, and keeps the record
    /// of its refusal. Where the budget turns out to be empty there is no record.
    ///
    /// # Errors
    /// When the database fails; then it is neither charged nor recorded.
    pub async fn record_refusal(
        &self,
        record: &Refusal,
        attempts: Option<Budget>,
    ) -> Result<Charged, DbErr> {
        let of = |pick: fn(&(Versions, Versions)) -> u64| {
            Set(record.versions.as_ref().map(pick).map(rows::number))
        };
        let row = refusal::ActiveModel {
            sender_id: Set(record.sender.uuid()),
            refusal_id: Set(record.id.uuid()),
            recipient_id: Set(record.recipient.map(postern_shared::id::UserId::uuid)),
            rule: Set(record.rule.name().to_owned()),
            reason: Set(record.reason.to_owned()),
            facts: Set(record.facts.clone()),
            sender_graph_version: of(|both| both.0.graph),
            sender_settings_version: of(|both| both.0.settings),
            sender_identity_version: of(|both| both.0.identity),
            recipient_graph_version: of(|both| both.1.graph),
            recipient_settings_version: of(|both| both.1.settings),
            recipient_identity_version: of(|both| both.1.identity),
            decided_at_ms: Set(record.decided_at.unix_millis()),
        };
        let row = &row;
        self.db
            .write(|tx| async move {
                if let Some(budget) = attempts {
                    let charged = charge(&tx, record.sender, record.decided_at, budget).await?;
                    if charged != Charged::Paid {
                        return Ok(charged);
                    }
                }
                refusal::Entity::insert(row.clone())
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(Charged::Paid)
            })
            .await
    }
}
