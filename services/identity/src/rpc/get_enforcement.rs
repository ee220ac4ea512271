//! GetEnforcement: whether every change of how the caller stands holds.

use postern_proto::identity::v1::GetEnforcementResponse;
use postern_shared::caller::Me;

use super::{Rpc, enforcement};
use crate::error::Error;

pub async fn get_enforcement(rpc: &Rpc, me: Me) -> Result<GetEnforcementResponse, Error> {
    let enforcement = enforcement::of_changes(rpc, &me.caller, me.id, None).await?;
    Ok(GetEnforcementResponse {
        enforcement: enforcement.into(),
    })
}
