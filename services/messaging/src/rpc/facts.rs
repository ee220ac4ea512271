//! From what was gathered and what is stored to the facts of one decision.

use postern_policy::{ContentKind, Facts, Verdict};
use postern_shared::{clock::Timestamp, id::UserId};

use super::Rpc;
use crate::{
    domain::{self, Bill},
    peers::Gathered,
    store::Pair,
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

/// What it would cost. Strangers pay for opening a request; who is none has to be left out of it
/// once that is decided.
pub(super) fn bill(
    rpc: &Rpc,
    question: &Question,
    pair: &Pair,
    gathered: &Gathered,
    now: Timestamp,
) -> Bill {
    let Some(budgets) = &rpc.config.budgets else {
        return Bill::FREE;
    };
    let (own, others) = (
        pair.conversation.side(question.sender).request,
        pair.conversation.side(question.recipient).request,
    );
    match (own, others) {
        // Whoever was asked may answer, however much they wrote before.
        (_, domain::Request::Pending { .. }) => Bill::FREE,
        (domain::Request::Pending { .. } | domain::Request::Withdrawn { .. }, _) => {
            Bill::known(budgets)
        }
        _ => Bill::opening(budgets, gathered.parties, now),
    }
}

/// All that one decision looks at. The verdict is that of a message in which nothing was found:
/// whoever has a text to be judged puts the verdict in.
pub(super) fn facts(
    rpc: &Rpc,
    question: &Question,
    pair: &Pair,
    gathered: &Gathered,
    bill: &Bill,
    now: Timestamp,
) -> Facts {
    let (sender, recipient) = (question.sender, question.recipient);
    let left = pair.left;
    let pair = &pair.conversation;
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
        verdict: Verdict::Clean,
        budgets: bill.for_policy(left, now),
    }
}
