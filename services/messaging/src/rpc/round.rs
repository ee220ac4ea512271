//! The rounds of deciding a message: all that is looked at, what is made of it, and when that is
//! not good enough.
//!
//! SendMessage and ExplainSend read, gather and decide by this alone, so that the one cannot say
//! anything else than the other does.
//!
//! Promises: by what the owners said before, a message at best gets into the inbox. Whatever is
//! less than that, a refusal above all, is decided with answers to questions of after the request.

use postern_policy::{ContentKind, Decision, Facts, Placement, Refusal, Rule, decide};
use postern_proto::messaging::v1 as wire;
use postern_shared::{
    caller::Me,
    clock::Timestamp,
    error::Check,
    id::{DecisionId, UserId},
    person::Named,
    telemetry,
};
use tracing::Span;

use super::{
    ROUNDS_MAX, Rpc,
    facts::{Question, bill, facts},
    judge::{Said, judge},
};
use crate::{
    domain::{self, Bill, ClientMessageId, Content, Marked, PreparedSend},
    error::Error,
    peers::{self, Gathered, Need},
    store::Pair,
};

/// The rounds of one call.
pub(super) struct Rounds<'a> {
    rpc: &'a Rpc,
    /// When the call came.
    began: u64,
    /// Answers of before this moment will not do.
    since: u64,
    left: u32,
    was_asked: bool,
    why: peers::Round,
}

impl<'a> Rounds<'a> {
    /// To be called before anything is looked at.
    pub(super) fn begin(rpc: &'a Rpc) -> Self {
        Self {
            rpc,
            began: rpc.owners.moment(),
            since: 0,
            left: ROUNDS_MAX,
            was_asked: false,
            why: peers::Round::First,
        }
    }

    /// Who is named; none when nobody goes by the handle.
    pub(super) async fn recipient(
        &mut self,
        me: &Me,
        named: &Named,
    ) -> Result<Option<UserId>, Error> {
        let known = self.rpc.owners.recalled(named).await;
        if known.is_some() {
            return Ok(known);
        }
        self.was_asked = true;
        Ok(self.rpc.owners.named(&me.caller, named).await?)
    }

    /// Gathers and decides, until it is good enough.
    pub(super) async fn decide(
        &mut self,
        me: &Me,
        other: UserId,
        content: Option<&Content>,
    ) -> Result<(Round, Decision), Error> {
        loop {
            self.rpc.counts.round(self.why);
            let round = Round::gather(self.rpc, me, other, content, self.since).await?;
            self.was_asked |= round.gathered.was_asked;
            let decision = decide(&round.facts);
            if decision == Decision::Unavailable && round.gathered.is_behind {
                self.again(peers::Round::Behind)?;
            } else if self.since >= self.began || round.may_stand(&decision, self.began) {
                return Ok((round, decision));
            } else {
                self.since = self.began;
                self.why = peers::Round::Fresh;
            }
        }
    }

    /// The rows that guard the commit were not there: what was said before counts no more.
    pub(super) fn afresh(&mut self) {
        self.since = self.rpc.owners.moment();
        self.why = peers::Round::Created;
    }

    /// One more round, because what was decided by does not hold any more.
    ///
    /// # Errors
    /// When there were enough of them.
    pub(super) fn again(&mut self, why: peers::Round) -> Result<(), Error> {
        self.left -= 1;
        self.why = why;
        if self.left == 0 {
            return Err(Error::Contention);
        }
        Ok(())
    }

    /// Counts a message that was decided for good.
    pub(super) fn count_send(&self) {
        self.rpc.counts.sent(self.was_asked);
    }
}

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
    async fn gather(
        rpc: &Rpc,
        me: &Me,
        other: UserId,
        content: Option<&Content>,
        since: u64,
    ) -> Result<Self, Error> {
        let pair = rpc.store.pair(me.id, other).await?;
        // What stands below a fence would not be committed.
        let (sender, recipient) = pair.fences;
        let need = Need {
            since,
            sender,
            recipient,
        };
        let gathered = rpc.owners.gather(&me.caller, me.id, other, need).await;
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

    /// Whether fresh facts could not make the decision a better one for the sender. Where the
    /// owners' say does not count, neither does its age.
    fn may_stand(&self, decision: &Decision, began: u64) -> bool {
        let is_best = match decision {
            Decision::Deliver { placement, .. } => *placement == Placement::Inbox,
            Decision::Refuse { rule, .. } => {
                matches!(rule, Rule::AttemptsEmpty | Rule::SelfMessage)
            }
            Decision::Unavailable => true,
        };
        is_best || self.gathered.is_since(began)
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
