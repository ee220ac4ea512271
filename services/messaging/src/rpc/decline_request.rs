//! DeclineRequest: a request leaves the caller's lists; nobody is told. Where the caller wants it,
//! its sender is blocked too, whatever becomes of the decline.

use postern_proto::messaging::v1::{DeclineRequestRequest, DeclineRequestResponse};
use postern_shared::caller::Me;

use super::{Rpc, asked, reply};
use crate::error::Error;

pub(super) async fn decline_request(
    rpc: &Rpc,
    me: Me,
    request: DeclineRequestRequest,
) -> Result<DeclineRequestResponse, Error> {
    let id = reply::conversation_id(&request.conversation_id)?;
    if !request.block {
        asked::decline(rpc, me.id, id).await?;
        return Ok(DeclineRequestResponse::default());
    }
    // Who it is that is blocked; without one there is nothing to do at all.
    let other = asked::find(rpc, me.id, id).await?.other;
    // In this order: after a block nothing waits any more that could be declined.
    let declined = asked::decline(rpc, me.id, id).await;
    let enforcement = rpc.owners.block(&me.caller, other).await;
    // The block's failure first: trying again blocks, and finds the request declined.
    let enforcement = enforcement?;
    declined?;
    Ok(DeclineRequestResponse {
        block_enforcement: enforcement.into(),
    })
}
