//! GetDmPolicy: what messaging needs of one person's settings.

use postern_proto::settings::v1::{GetDmPolicyRequest, GetDmPolicyResponse};
use postern_shared::{caller::Caller, error::Check, id::UserId};

use super::{Rpc, current, wire};
use crate::error::Error;

/// Gives the policy, unless it is older than the caller can use.
pub async fn get_dm_policy(
    rpc: &Rpc,
    caller: Caller,
    ask: GetDmPolicyRequest,
) -> Result<GetDmPolicyResponse, Error> {
    let mut check = Check::new();
    let user = check.take("user_id", ask.user_id.parse::<UserId>());
    let user = check.done(user)?;
    let settings = current::settings(rpc, &caller, user).await?;
    if settings.version < ask.min_version {
        return Err(Error::Contention);
    }
    Ok(GetDmPolicyResponse {
        policy: Some(wire::dm_policy(user, &settings)),
    })
}
