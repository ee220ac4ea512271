//! The caller's side of a pair in the contract: what they agreed to, and what follows from it.

use postern_policy::{Answer, ConsentState, Edges, Person, Receiving, Settings};
use postern_proto::messaging::v1 as wire;
use postern_shared::{caller::Me, clock::Timestamp, id::UserId};

use super::Rpc;
use crate::{
    domain::{Consent, Conversation, How},
    error::Error,
};

/// The caller's standing, and their settings as they chose them.
///
/// # Errors
/// When an owner cannot be asked, or the caller is gone to others: a token of before that opens
/// nothing here either.
pub(super) async fn own(rpc: &Rpc, me: &Me) -> Result<(Person, Settings), Error> {
    let (own, settings) = rpc.owners.own(&me.caller, me.id).await;
    let Answer::Known(settings) = settings else {
        return Err(Error::Undecidable);
    };
    Ok((present(own)?, settings))
}

/// The caller, as identity knows them: their token may be older than their going.
///
/// # Errors
/// ACCOUNT_RESTRICTED when they are gone; DEPENDENCY_UNAVAILABLE when identity could not be asked.
pub(super) const fn present(own: Answer<Person>) -> Result<Person, Error> {
    match own {
        Answer::Known(own) if !own.is_gone() => Ok(own),
        Answer::Known(_) | Answer::Absent => Err(Error::AccountRestricted),
        Answer::Unavailable => Err(Error::Undecidable),
    }
}

/// What decides about messages from `sender`, as far as it is the caller's own.
pub(super) fn receiving(
    rpc: &Rpc,
    me: (UserId, Person, Settings),
    sender: UserId,
    pair: &Conversation,
    edges: Edges,
    now: Timestamp,
) -> Receiving {
    let (me, person, settings) = me;
    Receiving {
        age_band: person.age_band,
        settings,
        edges,
        consent: pair.side(me).consent.for_policy(),
        request: pair.side(sender).request.for_recipient(now),
        request_messages_max: rpc.config.request_messages_max,
    }
}

/// What the caller agreed to with `peer`; none where they never did.
pub(super) fn consent(
    peer: UserId,
    consent: Consent,
    present_epoch: u64,
    settings: &Settings,
) -> Option<wire::Consent> {
    let state = consent.for_policy().state(present_epoch, settings)?;
    let (origin, grant_time) = match consent {
        Consent::Granted { how, at, .. } => (origin(how), Some(at.to_proto())),
        Consent::None | Consent::Revoked => (wire::ConsentOrigin::Unspecified, None),
    };
    Some(wire::Consent {
        user_id: peer.to_string(),
        origin: origin.into(),
        grant_time,
        state: match state {
            ConsentState::Counts => wire::ConsentState::Counts,
            ConsentState::Ended => wire::ConsentState::Ended,
            ConsentState::Lapsed => wire::ConsentState::Lapsed,
            ConsentState::Paused => wire::ConsentState::Paused,
            ConsentState::Revoked => wire::ConsentState::Revoked,
        }
        .into(),
    })
}

const fn origin(how: How) -> wire::ConsentOrigin {
    match how {
        How::Accepted => wire::ConsentOrigin::Accepted,
        How::Wrote => wire::ConsentOrigin::Wrote,
    }
}
