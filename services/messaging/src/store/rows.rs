//! From rows to what `domain` knows, and back. A row that cannot be read is a fault of ours.

use postern_policy::{Placement, Told};
use postern_shared::{
    clock::Timestamp,
    db::Tx,
    id::{ConversationId, UserId},
};
use sea_orm::{DbErr, EntityTrait as _, Set, sea_query::OnConflict};

use super::entity::{conversation, mailbox, message};
use crate::domain::{Consent, Content, Conversation, How, Kind, Message, Request, Side};

/// A version as the database keeps it.
pub fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// A version as it is compared.
pub fn version(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The columns of one side.
struct SideRow {
    consent: String,
    how: Option<String>,
    epoch: i64,
    settings_version: i64,
    at_ms: i64,
    request: String,
    sent: i64,
    until_ms: i64,
}

impl From<Side> for SideRow {
    fn from(side: Side) -> Self {
        let mut row = Self {
            consent: "none".to_owned(),
            how: None,
            epoch: 0,
            settings_version: 0,
            at_ms: 0,
            request: "none".to_owned(),
            sent: 0,
            until_ms: 0,
        };
        match side.consent {
            Consent::None => {}
            Consent::Granted {
                how,
                epoch,
                settings_version,
                at,
            } => {
                row.consent = "granted".to_owned();
                row.how = Some(how.as_str().to_owned());
                row.epoch = number(epoch);
                row.settings_version = number(settings_version);
                row.at_ms = at.unix_millis();
            }
            Consent::Revoked => row.consent = "revoked".to_owned(),
        }
        match side.request {
            Request::None => {}
            Request::Pending { sent } => {
                row.request = "pending".to_owned();
                row.sent = i64::from(sent);
            }
            Request::Withdrawn { sent } => {
                row.request = "withdrawn".to_owned();
                row.sent = i64::from(sent);
            }
            Request::Accepted => row.request = "accepted".to_owned(),
            Request::Declined { until } => {
                row.request = "declined".to_owned();
                row.until_ms = until.unix_millis();
            }
        }
        row
    }
}

impl TryFrom<SideRow> for Side {
    type Error = DbErr;

    fn try_from(row: SideRow) -> Result<Self, DbErr> {
        let consent = match (row.consent.as_str(), row.how.as_deref()) {
            ("none", _) => Consent::None,
            ("revoked", _) => Consent::Revoked,
            ("granted", how) => Consent::Granted {
                how: match how {
                    Some("accepted") => How::Accepted,
                    Some("wrote") => How::Wrote,
                    other => return Err(unreadable("lo/hi_consent_how", other)),
                },
                epoch: version(row.epoch),
                settings_version: version(row.settings_version),
                at: Timestamp::from_unix_millis(row.at_ms),
            },
            (other, _) => return Err(unreadable("lo/hi_consent", Some(other))),
        };
        let request = match row.request.as_str() {
            "none" => Request::None,
            "pending" => Request::Pending {
                sent: u32::try_from(row.sent).unwrap_or(u32::MAX),
            },
            "withdrawn" => Request::Withdrawn {
                sent: u32::try_from(row.sent).unwrap_or(u32::MAX),
            },
            "accepted" => Request::Accepted,
            "declined" => Request::Declined {
                until: Timestamp::from_unix_millis(row.until_ms),
            },
            other => return Err(unreadable("lo/hi_request", Some(other))),
        };
        Ok(Self { consent, request })
    }
}

/// A pair out of its row.
pub fn conversation(row: conversation::Model) -> Result<Conversation, DbErr> {
    Ok(Conversation {
        id: ConversationId::from_uuid(row.conversation_id),
        lo: UserId::from_uuid(row.lo),
        hi: UserId::from_uuid(row.hi),
        last_seq: row.last_seq,
        state_version: row.state_version,
        lo_side: Side::try_from(SideRow {
            consent: row.lo_consent,
            how: row.lo_consent_how,
            epoch: row.lo_consent_epoch,
            settings_version: row.lo_consent_settings_version,
            at_ms: row.lo_consent_at_ms,
            request: row.lo_request,
            sent: row.lo_request_sent,
            until_ms: row.lo_request_until_ms,
        })?,
        hi_side: Side::try_from(SideRow {
            consent: row.hi_consent,
            how: row.hi_consent_how,
            epoch: row.hi_consent_epoch,
            settings_version: row.hi_consent_settings_version,
            at_ms: row.hi_consent_at_ms,
            request: row.hi_request,
            sent: row.hi_request_sent,
            until_ms: row.hi_request_until_ms,
        })?,
    })
}

/// The row of a pair. Its budgets are left as they are: only a message is charged to them.
pub fn conversation_row(pair: &Conversation) -> conversation::ActiveModel {
    let (lo, hi) = (SideRow::from(pair.lo_side), SideRow::from(pair.hi_side));
    conversation::ActiveModel {
        conversation_id: Set(pair.id.uuid()),
        lo: Set(pair.lo.uuid()),
        hi: Set(pair.hi.uuid()),
        last_seq: Set(pair.last_seq),
        state_version: Set(pair.state_version),
        lo_consent: Set(lo.consent),
        lo_consent_how: Set(lo.how),
        lo_consent_epoch: Set(lo.epoch),
        lo_consent_settings_version: Set(lo.settings_version),
        lo_consent_at_ms: Set(lo.at_ms),
        lo_request: Set(lo.request),
        lo_request_sent: Set(lo.sent),
        lo_request_until_ms: Set(lo.until_ms),
        hi_consent: Set(hi.consent),
        hi_consent_how: Set(hi.how),
        hi_consent_epoch: Set(hi.epoch),
        hi_consent_settings_version: Set(hi.settings_version),
        hi_consent_at_ms: Set(hi.at_ms),
        hi_request: Set(hi.request),
        hi_request_sent: Set(hi.sent),
        hi_request_until_ms: Set(hi.until_ms),
        ..conversation::ActiveModel::default()
    }
}

/// Makes a person's mailbox where there is none: no fence, no event, no budget used.
pub async fn create_mailbox(tx: &Tx, user: UserId) -> Result<(), DbErr> {
    let row = mailbox::ActiveModel {
        user_id: Set(user.uuid()),
        ..mailbox::ActiveModel::default()
    };
    mailbox::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

/// A message out of its row.
pub fn message(row: message::Model) -> Result<Message, DbErr> {
    let kind = Kind::parse(&row.kind).ok_or_else(|| unreadable("kind", Some(&row.kind)))?;
    Ok(Message {
        conversation: ConversationId::from_uuid(row.conversation_id),
        seq: row.seq,
        sender: UserId::from_uuid(row.sender_id),
        client_message_id: row.client_message_id,
        content: Content::stored(kind, row.body.unwrap_or_default()),
        sent_at: Timestamp::from_unix_millis(row.sent_at_ms),
        deleted_at: row.deleted_at_ms.map(Timestamp::from_unix_millis),
        warned: Placement::WARNED
            .map(placement)
            .contains(&row.placement.as_str()),
        told: told_of(&row.told)?,
    })
}

/// The name of a placement in the database.
pub const fn placement(placement: Placement) -> &'static str {
    match placement {
        Placement::Inbox => "inbox",
        Placement::InboxWithWarning => "inbox_with_warning",
        Placement::Request => "request",
        Placement::HiddenRequest => "hidden_request",
    }
}

/// The name of what the sender was told.
pub const fn told(told: Told) -> &'static str {
    match told {
        Told::Inbox => "inbox",
        Told::Request => "request",
    }
}

/// What the sender was told, by its name in the database.
pub fn told_of(name: &str) -> Result<Told, DbErr> {
    match name {
        "inbox" => Ok(Told::Inbox),
        "request" => Ok(Told::Request),
        other => Err(unreadable("told", Some(other))),
    }
}

/// A fault of ours: a value that means nothing.
pub fn unreadable(column: &str, value: Option<&str>) -> DbErr {
    DbErr::Type(format!(
        "column `{column}` holds `{}`, which means nothing",
        value.unwrap_or("")
    ))
}
