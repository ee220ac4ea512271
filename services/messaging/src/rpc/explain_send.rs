//! ExplainSend: what SendMessage would answer, and what the caller could do about it. Nothing of it
//! is stored but the attempt.

use postern_policy::{Decision, Own, Refusal, Remedy, Rule, remedies};
use postern_proto::messaging::v1::{
    self as wire, ExplainSendRequest, ExplainSendResponse, ExplainedRefusal,
    explain_send_response::Outcome,
};
use postern_shared::{
    caller::Me,
    error::Check,
    person::{Named, named},
};

use super::{
    Rpc, reply,
    round::{Round, Rounds, content, somebody},
    told::Told,
};
use crate::{domain::Content, error::Error, store::Charged};

pub(super) async fn explain_send(
    rpc: &Rpc,
    me: Me,
    request: ExplainSendRequest,
) -> Result<ExplainSendResponse, Error> {
    let (recipient, content) = parse(request)?;
    let mut rounds = Rounds::begin(rpc);
    let recipient = rounds.recipient(&me, &recipient).await?;
    let other = somebody(rpc, recipient);
    let (round, decision) = rounds.decide(&me, other, content.as_ref()).await?;
    let decided = match decision {
        Decision::Unavailable => return Err(Error::Undecidable),
        Decision::Deliver { told, .. } => Ok(told),
        Decision::Refuse { reason, .. } => Err(reason),
    };
    let unpaid = charge_attempt(rpc, &me, &round, decision).await?;
    let outcome = match unpaid.map_or(decided, Err) {
        Ok(told) => Outcome::Delivered(reply::placement(told).into()),
        Err(refusal) => Outcome::Refused(explained(refusal, Own::of(&round.facts))),
    };
    Ok(ExplainSendResponse {
        outcome: Some(outcome),
    })
}

/// Charges what SendMessage would charge for trying, and answers the refusal of what cannot be
/// paid. What an empty budget refused already is counted as that.
async fn charge_attempt(
    rpc: &Rpc,
    me: &Me,
    round: &Round,
    decision: Decision,
) -> Result<Option<Refusal>, Error> {
    if decision.rule() == Rule::AttemptsEmpty {
        rpc.store.count_refused_attempt(me.id, round.now()).await?;
        return Ok(None);
    }
    let Some(budgets) = rpc.config.budgets else {
        return Ok(None);
    };
    // Answering a request is free, but not to be refused.
    if matches!(decision, Decision::Deliver { .. }) && !round.is_charged() {
        return Ok(None);
    }
    let charged = rpc
        .store
        .charge_attempt(me.id, round.now(), budgets.attempts);
    Ok(match charged.await? {
        Charged::Paid => None,
        Charged::Empty { retry_after_ms } => Some(Refusal::RateLimited { retry_after_ms }),
    })
}

fn parse(request: ExplainSendRequest) -> Result<(Named, Option<Content>), Error> {
    let mut check = Check::new();
    let recipient = named(&mut check, "recipient", request.recipient.as_ref());
    // Left out is fine; there and wrong is noted.
    let content = request
        .content
        .and_then(|said| content(&mut check, Some(said)));
    Ok(check.done(recipient.map(|recipient| (recipient, content)))?)
}

fn explained(refusal: Refusal, own: Own) -> ExplainedRefusal {
    let told = Told::of(refusal);
    let remedies = remedies(&refusal, own).iter();
    ExplainedRefusal {
        reason: told.reason.into(),
        retry_after: told.retry_after,
        restricted_until: told.restricted_until,
        content_class: told.content_class,
        remedies: remedies.map(|one| remedy(*one).into()).collect(),
    }
}

const fn remedy(remedy: Remedy) -> wire::Remedy {
    match remedy {
        Remedy::Wait => wire::Remedy::Wait,
        Remedy::SeeMyStanding => wire::Remedy::SeeMyStanding,
        Remedy::Unblock => wire::Remedy::Unblock,
        Remedy::TurnMyMessagesOn => wire::Remedy::TurnMyMessagesOn,
        Remedy::Follow => wire::Remedy::Follow,
        Remedy::AwaitFollowBack => wire::Remedy::AwaitFollowBack,
        Remedy::AwaitAcceptance => wire::Remedy::AwaitAcceptance,
        Remedy::SendText => wire::Remedy::SendText,
        Remedy::ChangeContent => wire::Remedy::ChangeContent,
    }
}
