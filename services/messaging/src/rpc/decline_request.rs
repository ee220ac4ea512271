//! DeclineRequest: a request leaves the caller's lists; nobody is told.

use postern_proto::messaging::v1::{DeclineRequestRequest, DeclineRequestResponse};
use postern_shared::caller::Me;

use super::{Rpc, reply};
use crate::{
    domain::{self, Folder, Request},
    error::Error,
    store::Settled,
};

/// How often the facts may move under it.
const ROUNDS_MAX: u32 = 3;

pub(super) async fn decline_request(
    rpc: &Rpc,
    me: Me,
    request: DeclineRequestRequest,
) -> Result<DeclineRequestResponse, Error> {
    let id = reply::conversation_id(&request.conversation_id)?;
    for _ in 0..ROUNDS_MAX {
        let before = rpc
            .store
            .conversation(id, me.id)
            .await?
            .ok_or(Error::RequestNotFound)?;
        let other = before.peer_of(me.id).ok_or(Error::RequestNotFound)?;
        match before.side(other).request {
            Request::Declined { .. } => return Ok(DeclineRequestResponse {}),
            Request::None | Request::Accepted => return Err(Error::RequestNotFound),
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
            return Ok(DeclineRequestResponse {});
        }
    }
    Err(Error::Contention)
}
