//! DeclineRequest: a request leaves the caller's lists; nobody is told.

use postern_proto::messaging::v1::{DeclineRequestRequest, DeclineRequestResponse};
use postern_shared::caller::Me;

use super::{
    ROUNDS_MAX, Rpc,
    asked::{self, Asked},
    reply,
};
use crate::{
    domain::{self, Folder, Request},
    error::Error,
    store::Settled,
};

pub(super) async fn decline_request(
    rpc: &Rpc,
    me: Me,
    request: DeclineRequestRequest,
) -> Result<DeclineRequestResponse, Error> {
    let id = reply::conversation_id(&request.conversation_id)?;
    for _ in 0..ROUNDS_MAX {
        let Asked {
            before,
            other,
            request,
        } = asked::find(rpc, me.id, id).await?;
        match request {
            Request::Declined { .. } => return Ok(DeclineRequestResponse::default()),
            Request::None | Request::Withdrawn { .. } | Request::Accepted => {
                return Err(Error::RequestNotFound);
            }
            Request::Pending { .. } => {}
        }
        let now = rpc.clock.now();
        let settled = Settled {
            before,
            after: domain::decline(before, other, rpc.config.decline_cool_down, now),
            person: me.id,
            // Declining asks no owner: saying no is always allowed.
            versions: None,
            folder: Folder::Declined,
            tell_other: false,
            at: now,
        };
        if rpc.store.settle(settled).await? {
            return Ok(DeclineRequestResponse::default());
        }
    }
    Err(Error::Contention)
}
