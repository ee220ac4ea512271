//! Block and Unblock. Both work on someone who is gone or who blocks the caller: were they refused,
//! the refusal would tell. They only narrow what the caller lets in, or take that back, so they
//! work for a caller who is gone too.

use postern_proto::graph::v1::{BlockRequest, BlockResponse, UnblockRequest, UnblockResponse};
use postern_shared::caller::Me;

use super::{Rpc, enforcement, person};
use crate::{domain::Act, error::Error};

/// The caller blocks a person.
///
/// # Errors
/// As the contract lists them.
pub async fn block(rpc: &Rpc, me: Me, ask: BlockRequest) -> Result<BlockResponse, Error> {
    let (relationship, raise) = person::act(rpc, &me, ask.person, Act::Block).await?;
    Ok(BlockResponse {
        relationship: Some(relationship),
        enforcement: enforcement::after(rpc, &me, raise).await?.into(),
    })
}

/// The caller blocks a person no longer.
///
/// # Errors
/// As the contract lists them.
pub async fn unblock(rpc: &Rpc, me: Me, ask: UnblockRequest) -> Result<UnblockResponse, Error> {
    let (relationship, raise) = person::act(rpc, &me, ask.person, Act::Unblock).await?;
    if raise.is_some() {
        // Waited for, so that the caller's own lists show it next; nothing hangs on it, so it is
        // not told.
        enforcement::after(rpc, &me, raise).await?;
    }
    Ok(UnblockResponse {
        relationship: Some(relationship),
    })
}
