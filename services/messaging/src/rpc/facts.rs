//! From what was gathered and what is stored to the facts of one decision.

use postern_policy::{Budgets, Consent, ContentKind, Facts, Request, Verdict};
use postern_shared::{clock::Timestamp, id::UserId};

use super::Rpc;
use crate::{
    domain::{self, Conversation},
    peers::Gathered,
};

/// What is to be decided: may this be sent?
pub(super) struct Question {
    /// By whom.
    pub(super) sender: UserId,
    /// To whom.
    pub(super) recipient: UserId,
    /// What kind of content it is.
    pub(super) content: ContentKind,
}

/// All that one decision looks at.
pub(super) fn facts(
    rpc: &Rpc,
    question: &Question,
    pair: &Conversation,
    gathered: &Gathered,
    now: Timestamp,
) -> Facts {
    let (sender, recipient) = (question.sender, question.recipient);
    Facts {
        same_person: sender == recipient,
        sender: gathered.sender,
        recipient: gathered.recipient,
        sender_settings: gathered.sender_settings,
        recipient_settings: gathered.recipient_settings,
        edges: gathered.edges,
        consent: match pair.side(recipient).consent {
            domain::Consent::None => Consent::None,
            domain::Consent::Revoked => Consent::Revoked,
            domain::Consent::Granted {
                epoch,
                settings_version,
                ..
            } => Consent::Granted {
                epoch,
                settings_version,
            },
        },
        request: match pair.side(sender).request {
            domain::Request::None => Request::None,
            // Withdrawing refunds nothing.
            domain::Request::Pending { sent } | domain::Request::Withdrawn { sent } => {
                Request::Pending { sent }
            }
            domain::Request::Accepted => Request::Accepted,
            domain::Request::Declined { until } => Request::Declined {
                cooling_down: now < until,
            },
        },
        request_messages_max: rpc.config.request_messages_max,
        content: question.content,
        // Content filters and budgets come later: these are their neutral values.
        verdict: Verdict::Clean,
        budgets: Budgets::NEUTRAL,
    }
}
