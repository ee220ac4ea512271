//! A refusal in the words of the contract: all that a sender is told, by whichever RPC.

use postern_policy::Refusal;
use postern_proto::policy::v1::RefusalReason;
use postern_shared::clock::Timestamp;

/// What a sender is told.
pub(super) struct Told {
    /// Why.
    pub(super) reason: RefusalReason,
    /// How long to wait, where waiting helps.
    pub(super) retry_after: Option<prost_types::Duration>,
    /// When a restriction ends, if it does.
    pub(super) restricted_until: Option<prost_types::Timestamp>,
    /// What was found in the content; empty where it is not about that.
    pub(super) content_class: String,
}

impl Told {
    /// All of it follows from the refusal alone.
    pub(super) fn of(refusal: Refusal) -> Self {
        let mut told = Self {
            reason: reason(refusal),
            retry_after: None,
            restricted_until: None,
            content_class: String::new(),
        };
        match refusal {
            Refusal::RateLimited { retry_after_ms } => {
                told.retry_after = Some(prost_types::Duration {
                    seconds: i64::try_from(retry_after_ms / 1_000).unwrap_or(i64::MAX),
                    nanos: i32::try_from(retry_after_ms % 1_000 * 1_000_000).unwrap_or(0),
                });
            }
            Refusal::SenderRestricted { until_ms } => {
                told.restricted_until =
                    until_ms.map(|until| Timestamp::from_unix_millis(until).to_proto());
            }
            Refusal::ContentRejected { class } => {
                told.content_class = format!("{class:?}").to_uppercase();
            }
            _ => {}
        }
        told
    }
}

const fn reason(refusal: Refusal) -> RefusalReason {
    match refusal {
        Refusal::RateLimited { .. } => RefusalReason::RateLimited,
        Refusal::SelfMessage => RefusalReason::SelfMessage,
        Refusal::SenderRestricted { .. } => RefusalReason::SenderRestricted,
        Refusal::SenderAgeRestricted => RefusalReason::SenderAgeRestricted,
        Refusal::YouBlockedRecipient => RefusalReason::YouBlockedRecipient,
        Refusal::YourMessagesAreOff => RefusalReason::YourMessagesAreOff,
        Refusal::NotAccepting => RefusalReason::NotAccepting,
        Refusal::RecipientMessagesAreOff => RefusalReason::RecipientMessagesAreOff,
        Refusal::MutualFollowRequired => RefusalReason::MutualFollowRequired,
        Refusal::AwaitingAcceptance => RefusalReason::AwaitingAcceptance,
        Refusal::ContentRejected { .. } => RefusalReason::ContentRejected,
        Refusal::RequestTextOnly => RefusalReason::RequestTextOnly,
    }
}
