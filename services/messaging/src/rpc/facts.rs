//! From what was gathered and what is stored to the facts of one decision.

use postern_policy::{Budgets, ContentKind, Facts, Verdict};
use postern_shared::{clock::Timestamp, id::UserId};

use super::Rpc;
use crate::{domain::Conversation, peers::Gathered};

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
        consent: pair.side(recipient).consent.for_policy(),
        request: pair.side(sender).request.for_policy(now),
        request_messages_max: rpc.config.request_messages_max,
        content: question.content,
        // Content filters and budgets come later: these are their neutral values.
        verdict: Verdict::Clean,
        budgets: Budgets::NEUTRAL,
    }
}
