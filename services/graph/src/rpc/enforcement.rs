//! GetEnforcement, and what an act answers of it: whether a change holds for every message.

use postern_proto::{graph::v1::GetEnforcementResponse, policy::v1::Enforcement};
use postern_shared::{caller::Me, fence::Raise};

use super::Rpc;
use crate::error::Error;

/// Whether every change of the caller holds.
///
/// # Errors
/// The database's.
pub async fn get_enforcement(rpc: &Rpc, me: Me) -> Result<GetEnforcementResponse, Error> {
    let enforcement = after(rpc, &me, None).await?;
    Ok(GetEnforcementResponse {
        enforcement: enforcement.into(),
    })
}

/// Raises what an act of the caller closes. An act that changed nothing answers how all of theirs
/// stand: repeating one that was PENDING must not say more than is so.
///
/// # Errors
/// The database's.
pub async fn after(rpc: &Rpc, me: &Me, raise: Option<Raise>) -> Result<Enforcement, Error> {
    let enforcement = match raise {
        Some(raise) => rpc.fences.enforce(&me.caller, &raise).await,
        None => rpc.fences.state(me.id).await?,
    };
    Ok(enforcement.to_proto())
}
