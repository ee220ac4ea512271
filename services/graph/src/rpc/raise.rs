//! Raise: identity says who is gone to others, and who is back.
//!
//! Graph keeps no fence, as it decides nothing: it leaves people out of lists and counts.

use postern_proto::policy::v1::{RaiseRequest, RaiseResponse};
use postern_shared::{
    caller::{Caller, ServiceName},
    fence,
};

use super::Rpc;
use crate::error::Error;

/// Takes in what identity says.
///
/// # Errors
/// As the contract lists them.
pub async fn raise(rpc: &Rpc, caller: Caller, ask: RaiseRequest) -> Result<RaiseResponse, Error> {
    let (owner, raise) = fence::incoming(&caller, ask)?;
    if owner != ServiceName::Identity {
        return Err(Error::NotHeard);
    }
    rpc.store.hear(&raise).await?;
    Ok(RaiseResponse {})
}
