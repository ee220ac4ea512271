//! GetDecision: how one message was decided, for moderators and operators. Nobody reads what they
//! are part of: the facts say who blocks whom. Every reading leaves a line in the log: who asked
//! for what, and nothing of what it says.

use postern_proto::{
    messaging::v1::{
        self as wire, GetDecisionRequest, GetDecisionResponse, PolicyVersions,
        get_decision_request::Decision as Name,
    },
    policy::v1::RefusalReason,
};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    id::{ConversationId, DecisionId, UserId},
    person::{Named, named},
};

use super::{Rpc, reply};
use crate::{
    domain::{Decided, Decision, Versions},
    error::Error,
};

/// A decision as a request names it.
enum Asked {
    Refusal(Named, DecisionId),
    Message(ConversationId, i64),
}

pub(super) async fn get_decision(
    rpc: &Rpc,
    me: Me,
    request: GetDecisionRequest,
) -> Result<GetDecisionResponse, Error> {
    let asked = parse(request)?;
    let found = find(rpc, &me, &asked).await?;
    let found = found.filter(|found| found.sender != me.id && found.recipient != Some(me.id));
    let (kind, conversation, seq, refusal) = match &asked {
        Asked::Refusal(_, id) => ("refusal", None, None, Some(id.to_string())),
        Asked::Message(id, seq) => ("message", Some(id.to_string()), Some(*seq), None),
    };
    tracing::info!(
        request.id = %me.caller.request_id,
        reader.id = %me.id,
        decision.kind = kind,
        decision.id = refusal,
        conversation.id = conversation,
        message.seq = seq,
        decision.found = found.is_some(),
        "someone with a role read how a message was decided"
    );
    let decision = found.ok_or(Error::DecisionNotFound)?;
    Ok(GetDecisionResponse {
        decision: Some(to_wire(decision)?),
    })
}

fn parse(request: GetDecisionRequest) -> Result<Asked, Invalid> {
    let mut check = Check::new();
    let asked = match request.decision {
        Some(Name::Refusal(refusal)) => {
            let sender = named(&mut check, "refusal.sender", refusal.sender.as_ref());
            let id = check.take("refusal.decision_id", refusal.decision_id.parse());
            sender
                .zip(id)
                .map(|(sender, id)| Asked::Refusal(sender, id))
        }
        Some(Name::Message(message)) => {
            let id = check.take("message.conversation_id", message.conversation_id.parse());
            if message.seq < 1 {
                check.wrong("message.seq", "must be 1 or more");
            }
            id.map(|id| Asked::Message(id, message.seq))
        }
        None => {
            check.wrong("decision", "must hold one of `refusal` and `message`");
            None
        }
    };
    check.done(asked)
}

async fn find(rpc: &Rpc, me: &Me, asked: &Asked) -> Result<Option<Decision>, Error> {
    let (sender, id) = match asked {
        Asked::Message(id, seq) => return Ok(rpc.store.decision_of_message(*id, *seq).await?),
        Asked::Refusal(sender, id) => (sender, id),
    };
    let sender = match sender {
        Named::Id(id) => Some(*id),
        Named::Handle(handle) => rpc.owners.resolve(&me.caller, handle).await?,
    };
    match sender {
        Some(sender) => Ok(rpc.store.decision_of_refusal(sender, *id).await?),
        None => Ok(None),
    }
}

fn to_wire(decision: Decision) -> Result<wire::Decision, Error> {
    let mut shown = wire::Decision {
        sender_id: decision.sender.to_string(),
        recipient_id: decision
            .recipient
            .as_ref()
            .map(UserId::to_string)
            .unwrap_or_default(),
        decide_time: Some(decision.at.to_proto()),
        row: i32::from(decision.rule.row()),
        rule: decision.rule.name().to_owned(),
        sender_versions: decision.sender_versions.map(versions),
        recipient_versions: decision.recipient_versions.map(versions),
        ..wire::Decision::default()
    };
    match decision.decided {
        Decided::Refused { reason, facts } => {
            let name = format!("REFUSAL_REASON_{reason}");
            // A name that the contract does not have was written by a newer release.
            let reason = RefusalReason::from_str_name(&name).ok_or(Error::UnknownReason(reason))?;
            shown.reason = reason.into();
            shown.facts = facts.lines().map(str::to_owned).collect();
        }
        Decided::Delivered { told, placement } => {
            shown.told = reply::placement(told).into();
            shown.placement = placement;
        }
    }
    Ok(shown)
}

const fn versions(versions: Versions) -> PolicyVersions {
    PolicyVersions {
        graph: versions.graph,
        settings: versions.settings,
        identity: versions.identity,
    }
}
