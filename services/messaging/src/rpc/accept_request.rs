//! AcceptRequest: a stranger's messages move to the inbox, and they may write from now on.

use postern_policy::{Answer, accept_allowed};
use postern_proto::messaging::v1::{AcceptRequestRequest, AcceptRequestResponse};
use postern_shared::{caller::Me, id::UserId};

use super::{
    Rpc, agreed,
    asked::{self, Asked},
    reply,
    round::Rounds,
};
use crate::{
    domain::{self, Request, Versions},
    error::Error,
    peers::Round,
    store::{Settled, Settlement},
};

pub(super) async fn accept_request(
    rpc: &Rpc,
    me: Me,
    request: AcceptRequestRequest,
) -> Result<AcceptRequestResponse, Error> {
    let id = reply::conversation_id(&request.conversation_id)?;
    let mut rounds = Rounds::begin(rpc);
    loop {
        let Asked {
            before,
            other,
            request,
        } = asked::find(rpc, me.id, id).await?;
        match request {
            Request::Accepted => return accepted(rpc, &me, id).await,
            Request::None | Request::Withdrawn { .. } | Request::Declined { .. } => {
                return Err(Error::RequestNotFound);
            }
            Request::Pending { .. } => {}
        }
        let Some((owners, versions)) = consult(rpc, &me, other).await? else {
            rounds.again(Round::Behind)?;
            continue;
        };
        let now = rpc.clock.now();
        let settled = Settled {
            before,
            after: domain::accept(before, me.id, other, owners, now),
            person: me.id,
            versions: Some(versions),
            how: Settlement::Accepted,
            at: now,
        };
        if rpc.store.settle(settled).await? {
            return accepted(rpc, &me, id).await;
        }
        rounds.again(Round::Moved)?;
    }
}

/// What goes into the consent, and the versions of the caller and of the other.
type Consulted = (domain::Owners, (Versions, Versions));

/// What the owners say of accepting, never what they said before; none where one of them had only
/// something older than that.
async fn consult(rpc: &Rpc, me: &Me, other: UserId) -> Result<Option<Consulted>, Error> {
    let need = rpc.owners.afresh();
    let gathered = rpc.owners.gather(&me.caller, me.id, other, need).await;
    if gathered.is_behind {
        return Ok(None);
    }
    agreed::present(gathered.sender)?;
    let (Answer::Known(own), Some(owners), Some(edges)) = (
        gathered.sender_settings,
        gathered.sender_owners,
        gathered.edges,
    ) else {
        return Err(Error::Undecidable);
    };
    // Nobody takes in a request of someone who is gone, who blocks or who is blocked. It may still
    // stand in the list: lists ask no owner. Before the caller's own settings: whatever those are,
    // it must not show which of the three it is.
    let here = match gathered.recipient {
        Answer::Known(person) => !person.is_gone(),
        Answer::Absent => false,
        Answer::Unavailable => return Err(Error::Undecidable),
    };
    if !here || edges.sender_blocks || edges.recipient_blocks {
        return Err(Error::RequestNotFound);
    }
    accept_allowed(own.who_can_message).map_err(|_| Error::YourMessagesAreOff)?;
    let versions = gathered.sender_versions.zip(gathered.recipient_versions);
    Ok(Some((owners, versions.ok_or(Error::Undecidable)?)))
}

async fn accepted(
    rpc: &Rpc,
    me: &Me,
    id: postern_shared::id::ConversationId,
) -> Result<AcceptRequestResponse, Error> {
    let listed = rpc
        .store
        .listed(me.id, id)
        .await?
        .ok_or(Error::RequestNotFound)?;
    Ok(AcceptRequestResponse {
        conversation: Some(reply::conversation(&listed, me.id)),
    })
}
