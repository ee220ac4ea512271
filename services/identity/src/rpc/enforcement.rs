//! Whether a change of standing holds for every message when it is answered.

use postern_proto::policy::v1::Enforcement;
use postern_shared::{caller::Caller, fence::Raise, id::UserId};

use super::Rpc;
use crate::error::Error;

/// Raises what a change needs, and tells whether it holds. A change that was made before is no
/// younger than what is still on its way.
pub async fn of(
    rpc: &Rpc,
    caller: &Caller,
    user: UserId,
    raise: Option<Raise>,
) -> Result<Enforcement, Error> {
    let enforcement = match raise {
        Some(raise) => rpc.fences.enforce(caller, &raise).await,
        None => rpc.fences.state(user).await?,
    };
    Ok(enforcement.to_proto())
}
