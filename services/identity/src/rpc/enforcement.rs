//! Whether a change of standing holds for every message when it is answered, and afterwards.

use postern_proto::policy::v1::Enforcement;
use postern_shared::{
    caller::Caller,
    fence::{self, Raise},
    id::UserId,
};

use super::Rpc;
use crate::error::Error;

/// Raises what a change of a person's own needs, and tells them whether it holds. One that changed
/// nothing answers how all of theirs stand: repeating one that was PENDING must not say more than
/// is so.
pub async fn of_changes(
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

/// The same of what moderation does about a person. It is told to others, so that one that changed
/// nothing answers how all actions stand, and not what else the person does.
pub async fn of_actions(
    rpc: &Rpc,
    caller: &Caller,
    user: UserId,
    raise: Option<Raise>,
) -> Result<Enforcement, Error> {
    let enforcement = match raise {
        Some(raise) => rpc.fences.enforce(caller, &raise).await,
        None if rpc.store.actions_hold(user).await? => fence::Enforcement::Enforced,
        None => fence::Enforcement::Pending,
    };
    Ok(enforcement.to_proto())
}
