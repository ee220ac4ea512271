//! One round of deciding a message: all that is looked at, and what is made of it.
//!
//! SendMessage and ExplainSend read, gather and decide by this alone, so that the one cannot say
//! anything else than the other does.

use postern_policy::{ContentKind, Decision, Facts, Placement, Refusal, Rule, decide};
use postern_proto::messaging::v1 as wire;
use postern_shared::{
    caller::Me,
    clock::Timestamp,
    error::Check,
    id::{DecisionId, UserId},
    telemetry,
};
use tracing::Span;

use super::{
    Rpc,
    facts::{Question, bill, facts},
    judge::{Said, judge},
};
use crate::{
    domain::{self, Bill, ClientMessageId, Content, Marked, PreparedSend},
    error::Error,
    peers::Gathered,
    store::Pair,
};

/// What a message is decided by.
pub(super) struct Round {
    /// What the policy looks at.
    pub(super) facts: Facts,
    /// What is stored of the pair.
    pub(super) pair: Pair,
    sender: UserId,
    other: UserId,
    gathered: Gathered,
    bill: Bill,
    marked: Option<Marked>,
    now: Timestamp,
}

impl Round {
    /// Reads what is stored, asks the owners, and has the content judged. Without content it is
    /// some plain text in which nothing is found.
    pub(super) async fn gather(
        rpc: &Rpc,
        me: &Me,
        other: UserId,
        content: Option<&Content>,
    ) -> Result<Self, Error> {
        let pair = rpc.store.pair(me.id, other).await?;
        let gathered = rpc.owners.gather(&me.caller, me.id, other).await;
        let now = rpc.clock.now();
        let question = Question {
            sender: me.id,
            recipient: other,
            content: content.map_or(ContentKind::Text, |content| content.kind().for_policy()),
        };
        let bill = bill(rpc, &question, &pair, &gathered, now);
        let mut facts = facts(rpc, &question, &pair, &gathered, &bill, now);
        let mut marked = None;
        if let Some(content) = content {
            let said = Said {
                sender: me.id,
                recipient: other,
                content,
                keywords: &gathered.recipient_keywords,
            };
            (facts.verdict, marked) = judge(rpc, &said, &facts, now).await?;
        }
        Ok(Self {
            bill,
            facts,
            pair,
            sender: me.id,
            other,
            gathered,
            marked,
            now,
        })
    }

    /// What the policy makes of it.
    pub(super) fn decide(&self) -> Decision {
        decide(&self.facts)
    }

    /// Whether trying costs anything, were it delivered: answering a request does not.
    pub(super) const fn is_charged(&self) -> bool {
        self.bill.attempts.is_some()
    }

    /// When this was.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The record of a refusal; `recipient` where there is somebody of that name.
    pub(super) fn record(
        &self,
        rpc: &Rpc,
        recipient: Option<UserId>,
        rule: Rule,
        reason: Refusal,
    ) -> domain::Refusal {
        let (own, others) = (
            self.gathered.sender_versions,
            self.gathered.recipient_versions,
        );
        domain::Refusal {
            id: DecisionId::new(self.now, &rpc.random),
            sender: self.sender,
            recipient,
            rule,
            reason: reason.name(),
            facts: domain::facts_as_lines(&self.facts),
            versions: own.zip(others),
            decided_at: self.now,
        }
    }

    /// What is committed of a message that is delivered.
    pub(super) fn prepare(
        self,
        client_message_id: &ClientMessageId,
        content: &Content,
        decision: Decision,
    ) -> Result<PreparedSend, Error> {
        let Decision::Deliver {
            rule,
            placement,
            trust,
            told,
        } = decision
        else {
            return Err(Error::Undecidable);
        };
        // A decision to deliver had all of them.
        let gathered = self.gathered;
        let (Some(owners), Some(sender_versions), Some(recipient_versions)) = (
            gathered.sender_owners,
            gathered.sender_versions,
            gathered.recipient_versions,
        ) else {
            return Err(Error::Undecidable);
        };
        let (before, now) = (self.pair.conversation, self.now);
        let sent = domain::send(before, self.sender, self.other, placement, owners, now);
        let is_request = matches!(placement, Placement::Request | Placement::HiddenRequest);
        Ok(PreparedSend {
            before,
            after: sent.conversation,
            folder: sent.folder,
            sender: self.sender,
            recipient: self.other,
            sender_versions,
            recipient_versions,
            client_message_id: client_message_id.clone(),
            content: content.clone(),
            sent_at: now,
            placement,
            told,
            rule,
            bill: if trust.is_stranger() {
                self.bill
            } else {
                self.bill.without_strangers()
            },
            marked: self.marked.filter(|_| is_request),
            traceparent: telemetry::traceparent(&Span::current()),
        })
    }
}

/// Whose message it would be decided as: nobody by that handle is decided like every other person
/// who does not exist, by an id that no account has.
pub(super) fn somebody(rpc: &Rpc, recipient: Option<UserId>) -> UserId {
    recipient.unwrap_or_else(|| UserId::random(&rpc.random))
}

/// What a message says, or what is wrong with it.
pub(super) fn content(check: &mut Check, content: Option<wire::Content>) -> Option<Content> {
    use wire::content::Content::{Link, SharedVideo, Text};
    match content.and_then(|content| content.content) {
        Some(Text(text)) => check.take("content.text", Content::text(text)),
        Some(SharedVideo(video)) => check.take(
            "content.shared_video.video_id",
            Content::video(video.video_id),
        ),
        Some(Link(link)) => check.take("content.link.url", Content::link(link.url)),
        None => {
            check.wrong(
                "content",
                "must hold one of `text`, `shared_video` and `link`",
            );
            None
        }
    }
}
