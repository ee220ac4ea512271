//! What a sender could do about a refusal.
//!
//! For: telling A a way out beside the reason.
//!
//! Promises: a remedy follows from what A is told and from what A sees anyway ([`Own`]), so that it
//! gives away nothing that the reason keeps to itself.
//!
//! Must not: look at a fact about B. Where the reason is a disguise there is no remedy.

use crate::decision::Refusal;
use crate::facts::Facts;

/// What A could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Wait as long as the refusal says.
    Wait,
    /// Look up what keeps them from sending.
    SeeMyStanding,
    /// Unblock B.
    Unblock,
    /// Take messages themselves.
    TurnMyMessagesOn,
    /// Follow B, who has to follow back.
    Follow,
    /// Wait until B follows back.
    AwaitFollowBack,
    /// Wait until B accepts or answers.
    AwaitAcceptance,
    /// Send plain text.
    SendText,
    /// Send something else.
    ChangeContent,
}

/// What A knows of their own doing towards B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Own {
    /// A→B; `None` when graph could not be consulted.
    pub follows: Option<bool>,
}

impl Own {
    /// A's own part of the facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        Self {
            follows: facts.edges.map(|edges| edges.sender_follows),
        }
    }
}

/// What A could do about a refusal; nothing where A can do nothing, or must not learn what.
#[must_use]
pub const fn remedies(refusal: &Refusal, own: Own) -> &'static [Remedy] {
    match refusal {
        Refusal::RateLimited { .. } => &[Remedy::Wait],
        Refusal::SenderRestricted { .. } => &[Remedy::SeeMyStanding],
        Refusal::YouBlockedRecipient => &[Remedy::Unblock],
        Refusal::YourMessagesAreOff => &[Remedy::TurnMyMessagesOn],
        Refusal::MutualFollowRequired => match own.follows {
            Some(true) => &[Remedy::AwaitFollowBack],
            Some(false) => &[Remedy::Follow],
            None => &[],
        },
        Refusal::AwaitingAcceptance => &[Remedy::AwaitAcceptance],
        Refusal::ContentRejected { .. } => &[Remedy::ChangeContent],
        Refusal::RequestTextOnly => &[Remedy::SendText],
        Refusal::SelfMessage
        | Refusal::SenderAgeRestricted
        | Refusal::NotAccepting
        | Refusal::RecipientMessagesAreOff => &[],
    }
}
