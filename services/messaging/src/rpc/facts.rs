//! From what was gathered and what is stored to the facts of one decision.

use postern_policy::{Consent, ContentKind, Facts, Request, Verdict, clamped};
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
        (domain::Request::Pending { .. }, _) => Bill::known(budgets),
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
    now: Timestamp,
) -> Facts {
    let (sender, recipient) = (question.sender, question.recipient);
    let bill = bill(rpc, question, pair, gathered, now);
    let left = pair.left;
    let pair = &pair.conversation;
    Facts {
        same_person: sender == recipient,
        sender: gathered.sender,
        recipient: gathered.recipient,
        sender_settings: clamped(gathered.sender_settings, gathered.sender),
        recipient_settings: clamped(gathered.recipient_settings, gathered.recipient),
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
            domain::Request::Pending { sent } => Request::Pending { sent },
            domain::Request::Accepted => Request::Accepted,
            domain::Request::Declined { until } => Request::Declined {
                cooling_down: now < until,
            },
        },
        request_messages_max: rpc.config.request_messages_max,
        content: question.content,
        verdict: Verdict::Clean,
        budgets: bill.for_policy(left, now),
    }
}
