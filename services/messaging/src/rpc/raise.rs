//! Raise: an owner of policy says which version a decision must carry at least, and what its change
//! does to lists. Asks nobody.

use postern_proto::policy::v1::{RaiseRequest, RaiseResponse};
use postern_shared::{
    caller::Caller,
    error::Invalid,
    fence::{self, Effect},
};

use super::Rpc;
use crate::error::Error;

pub(super) async fn raise(
    rpc: &Rpc,
    caller: Caller,
    request: RaiseRequest,
) -> Result<RaiseResponse, Error> {
    let (owner, raise) = fence::incoming(&caller, request)?;
    let field = match raise.effect {
        Some(Effect::PeerBlocked(peer)) if peer == raise.user => Some("effect.peer_blocked"),
        Some(Effect::PeerUnblocked(peer)) if peer == raise.user => Some("effect.peer_unblocked"),
        _ => None,
    };
    if let Some(field) = field {
        let description = "must name another person than `user_id`";
        return Err(Invalid::field(field, description).into());
    }
    rpc.store.raise(owner, raise).await?;
    rpc.owners.raised(owner, raise).await;
    Ok(RaiseResponse {})
}
