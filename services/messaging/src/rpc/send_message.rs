//! SendMessage: parse, look for an earlier answer, gather, decide, commit.

use postern_policy::{Budget, Decision, Facts, Refusal, Rule};
use postern_proto::messaging::v1::{
    Delivered, Refused, SendMessageRequest, SendMessageResponse,
    send_message_response::Outcome as Reply,
};
use postern_shared::{
    caller::Me,
    error::Check,
    id::{DecisionId, UserId},
    person::{Named, named},
};

use super::{
    Rpc, reply, restrict,
    round::{Rounds, content, somebody},
    told::Told,
};
use crate::{
    domain::{self, ClientMessageId, Content, Message, Outcome, PreparedSend},
    error::Error,
    peers,
    store::Charged,
};

/// A message that makes sense by itself.
struct Draft {
    recipient: Named,
    client_message_id: ClientMessageId,
    content: Content,
}

pub(super) async fn send_message(
    rpc: &Rpc,
    me: Me,
    request: SendMessageRequest,
) -> Result<SendMessageResponse, Error> {
    let draft = parse(request)?;
    let mut rounds = Rounds::begin(rpc);
    let recipient = rounds.recipient(&me, &draft.recipient).await?;
    let other = somebody(rpc, recipient);
    if let Some(sent) = find_sent(rpc, me.id, other, &draft).await? {
        return answer_again(&sent, &draft, me.id);
    }
    loop {
        let (round, decision) = rounds.decide(&me, other, Some(&draft.content)).await?;
        let prepared = match decision {
            Decision::Unavailable => return Err(Error::Undecidable),
            Decision::Refuse { rule, reason } => {
                // A twin of this call may have stored it by now, and that may be all that makes
                // this a refusal: the first answer holds.
                if let Some(sent) = find_sent(rpc, me.id, other, &draft).await? {
                    return answer_again(&sent, &draft, me.id);
                }
                let record = round.record(rpc, recipient, rule, reason);
                rounds.count_send();
                return refuse(rpc, &me, &record, &round.facts, reason).await;
            }
            deliver @ Decision::Deliver { .. } => {
                if round.pair.incomplete {
                    // The rows that guard the commit must be there before the owners are asked.
                    rpc.store.create_pair(me.id, other).await?;
                    rounds.afresh();
                    continue;
                }
                round.prepare(&draft.client_message_id, &draft.content, deliver)?
            }
        };
        match rpc.committers.commit(prepared.clone()).await? {
            Outcome::Stored { seq } => {
                rounds.count_send();
                return Ok(delivered(&prepared, seq));
            }
            Outcome::Duplicate => {
                let sent = find_sent(rpc, me.id, other, &draft).await?;
                return answer_again(&sent.ok_or(Error::Contention)?, &draft, me.id);
            }
            Outcome::Moved => rounds.again(peers::Round::Moved)?,
        }
    }
}

/// Charges the attempt and answers it. What an empty budget refuses is counted and not recorded.
async fn refuse(
    rpc: &Rpc,
    me: &Me,
    record: &domain::Refusal,
    facts: &Facts,
    reason: Refusal,
) -> Result<SendMessageResponse, Error> {
    let (sender, now) = (record.sender, record.decided_at);
    if record.rule == Rule::AttemptsEmpty {
        rpc.store.count_refused_attempt(sender, now).await?;
        return Ok(refused(reason, None));
    }
    let attempts = rpc.config.budgets.map(|budgets| budgets.attempts);
    let charged = rpc.store.record_refusal(record, attempts).await?;
    if let Charged::Empty { retry_after_ms } = charged {
        return Ok(refused(Refusal::RateLimited { retry_after_ms }, None));
    }
    let own_is_empty = matches!(facts.budgets.new_strangers, Budget::Empty { .. });
    if record.rule == Rule::StrangerBudgetEmpty
        && own_is_empty
        && let Some(stranger) = record.recipient
    {
        restrict::overran(rpc, me, stranger, now).await;
    }
    Ok(refused(reason, Some(record.id)))
}

/// What this id of this sender was used for towards this person.
async fn find_sent(
    rpc: &Rpc,
    me: UserId,
    other: UserId,
    draft: &Draft,
) -> Result<Option<Message>, Error> {
    let conversation = domain::conversation_id(me, other);
    let id = &draft.client_message_id;
    Ok(rpc.store.find_sent(conversation, me, id).await?)
}

fn parse(request: SendMessageRequest) -> Result<Draft, Error> {
    let mut check = Check::new();
    let recipient = named(&mut check, "recipient", request.recipient.as_ref());
    let id = ClientMessageId::parse(request.client_message_id);
    let client_message_id = check.take("client_message_id", id);
    let content = content(&mut check, request.content);
    let draft = match (recipient, client_message_id, content) {
        (Some(recipient), Some(client_message_id), Some(content)) => Some(Draft {
            recipient,
            client_message_id,
            content,
        }),
        _ => None,
    };
    Ok(check.done(draft)?)
}

fn delivered(prepared: &PreparedSend, seq: i64) -> SendMessageResponse {
    stored(&prepared.stored(seq), prepared.sender)
}

/// The first answer again, when the same id comes with the same content.
fn answer_again(sent: &Message, draft: &Draft, me: UserId) -> Result<SendMessageResponse, Error> {
    if sent.is_repeated_by(&draft.content) {
        Ok(stored(sent, me))
    } else {
        Err(Error::IdReused)
    }
}

fn stored(message: &Message, sender: UserId) -> SendMessageResponse {
    SendMessageResponse {
        outcome: Some(Reply::Delivered(Delivered {
            message: Some(reply::message(message, sender)),
            placement: reply::placement(message.told).into(),
        })),
    }
}

fn refused(refusal: Refusal, id: Option<DecisionId>) -> SendMessageResponse {
    let told = Told::of(refusal);
    SendMessageResponse {
        outcome: Some(Reply::Refused(Refused {
            reason: told.reason.into(),
            retry_after: told.retry_after,
            decision_id: id.map(|id| id.to_string()).unwrap_or_default(),
            restricted_until: told.restricted_until,
            content_class: told.content_class,
        })),
    }
}
