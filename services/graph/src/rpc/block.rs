//! Block and Unblock. Both work on someone who is gone or who blocks the caller: were they refused,
//! the refusal would tell.

use postern_proto::graph::v1::{BlockRequest, BlockResponse, UnblockRequest, UnblockResponse};
use postern_shared::caller::Me;

use super::{Rpc, person};
use crate::{domain::Act, error::Error};

/// The caller blocks a person.
///
/// # Errors
/// As the contract lists them.
pub async fn block(rpc: &Rpc, me: Me, ask: BlockRequest) -> Result<BlockResponse, Error> {
    let relationship = Some(person::act(rpc, &me, ask.person, Act::Block).await?);
    Ok(BlockResponse { relationship })
}

/// The caller blocks a person no longer.
///
/// # Errors
/// As the contract lists them.
pub async fn unblock(rpc: &Rpc, me: Me, ask: UnblockRequest) -> Result<UnblockResponse, Error> {
    let relationship = Some(person::act(rpc, &me, ask.person, Act::Unblock).await?);
    Ok(UnblockResponse { relationship })
}
