//! Between the contract's messages and the domain's types.

use postern_proto::{
    policy::v1::WhoCanMessage as WireWho,
    settings::v1::{
        DmPolicy, Filters as WireFilters, Notifications as WireNotifications,
        Settings as WireSettings,
    },
};
use postern_shared::id::UserId;

use crate::domain::{Settings, WhoCanMessage, etag};

/// A person's settings as they see them.
pub fn settings(user: UserId, settings: &Settings) -> WireSettings {
    let choices = &settings.choices;
    WireSettings {
        who_can_message: who_to_wire(choices.who_can_message).into(),
        read_receipts: choices.read_receipts,
        filters: Some(WireFilters {
            spam: choices.filters.spam,
            offensive: choices.filters.offensive,
            keywords: choices.filters.keywords.as_slice().to_vec(),
        }),
        notifications: Some(WireNotifications {
            messages: choices.notifications.messages,
            requests: choices.notifications.requests,
            previews: choices.notifications.previews,
        }),
        update_time: settings.updated_at.map(|at| at.to_proto()),
        etag: etag(user, settings.version),
    }
}

/// A person's settings as a decision needs them.
pub fn dm_policy(user: UserId, settings: &Settings) -> DmPolicy {
    let choices = &settings.choices;
    DmPolicy {
        user_id: user.to_string(),
        who_can_message: who_to_wire(choices.who_can_message).into(),
        version: settings.version,
        left_everyone_version: settings.left_everyone_version,
        filter_spam: choices.filters.spam,
        filter_offensive: choices.filters.offensive,
        filter_keywords: choices.filters.keywords.as_slice().to_vec(),
    }
}

/// The value that a client sent; none when it is unset or unknown.
pub fn who_can_message(wire: i32) -> Option<WhoCanMessage> {
    match WireWho::try_from(wire).ok()? {
        WireWho::Unspecified => None,
        WireWho::Everyone => Some(WhoCanMessage::Everyone),
        WireWho::Friends => Some(WhoCanMessage::Friends),
        WireWho::NoOne => Some(WhoCanMessage::NoOne),
    }
}

/// A value as the contract has it.
pub const fn who_to_wire(who: WhoCanMessage) -> WireWho {
    match who {
        WhoCanMessage::Everyone => WireWho::Everyone,
        WhoCanMessage::Friends => WireWho::Friends,
        WhoCanMessage::NoOne => WireWho::NoOne,
    }
}
