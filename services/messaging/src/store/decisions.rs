//! How messages were decided: out of the record of a refusal, or out of a message itself.

use postern_policy::Rule;
use postern_shared::{
    clock::Timestamp,
    id::{ConversationId, DecisionId, UserId},
};
use sea_orm::{DbErr, EntityTrait as _};

use super::{
    Store,
    entity::{conversation, message, refusal},
    rows,
};
use crate::domain::{Decided, Decision, Versions};

impl Store {
    /// The decision that a record of a refusal holds.
    ///
    /// # Errors
    /// When the database fails or the record cannot be understood.
    pub async fn decision_of_refusal(
        &self,
        sender: UserId,
        id: DecisionId,
    ) -> Result<Option<Decision>, DbErr> {
        let row = refusal::Entity::find_by_id((sender.uuid(), id.uuid()))
            .one(self.db.reader())
            .await?;
        row.map(of_refusal).transpose()
    }

    /// The decision that a stored message holds. Its text is not read.
    ///
    /// # Errors
    /// When the database fails or the message cannot be understood.
    pub async fn decision_of_message(
        &self,
        id: ConversationId,
        seq: i64,
    ) -> Result<Option<Decision>, DbErr> {
        let db = self.db.reader();
        let pair = conversation::Entity::find_by_id(id.uuid()).one(db).await?;
        let row = message::Entity::find_by_id((id.uuid(), seq))
            .one(db)
            .await?;
        let both = pair.zip(row);
        both.map(|(pair, row)| of_message(rows::conversation(pair)?.peer_of(sender(&row)), row))
            .transpose()
    }
}

fn sender(row: &message::Model) -> UserId {
    UserId::from_uuid(row.sender_id)
}

fn of_refusal(row: refusal::Model) -> Result<Decision, DbErr> {
    Ok(Decision {
        sender: UserId::from_uuid(row.sender_id),
        recipient: row.recipient_id.map(UserId::from_uuid),
        at: Timestamp::from_unix_millis(row.decided_at_ms),
        rule: rule(&row.rule)?,
        sender_versions: versions(
            row.sender_graph_version,
            row.sender_settings_version,
            row.sender_identity_version,
        ),
        recipient_versions: versions(
            row.recipient_graph_version,
            row.recipient_settings_version,
            row.recipient_identity_version,
        ),
        decided: Decided::Refused {
            reason: row.reason,
            facts: row.facts,
        },
    })
}

fn of_message(recipient: Option<UserId>, row: message::Model) -> Result<Decision, DbErr> {
    Ok(Decision {
        sender: sender(&row),
        recipient,
        at: Timestamp::from_unix_millis(row.sent_at_ms),
        rule: rule(&row.rule)?,
        sender_versions: versions(
            row.sender_graph_version.into(),
            row.sender_settings_version.into(),
            row.sender_identity_version.into(),
        ),
        recipient_versions: versions(
            row.recipient_graph_version.into(),
            row.recipient_settings_version.into(),
            row.recipient_identity_version.into(),
        ),
        decided: Decided::Delivered {
            told: rows::told_of(&row.told)?,
            placement: row.placement,
        },
    })
}

/// Those of one person, where all of them are there.
fn versions(graph: Option<i64>, settings: Option<i64>, identity: Option<i64>) -> Option<Versions> {
    Some(Versions {
        graph: rows::version(graph?),
        settings: rows::version(settings?),
        identity: rows::version(identity?),
    })
}

fn rule(name: &str) -> Result<Rule, DbErr> {
    let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    rule.ok_or_else(|| rows::unreadable("rule", Some(name)))
}
