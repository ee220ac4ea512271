//! BatchGetDmPolicies: what messaging needs of several people's settings.

use std::collections::HashSet;

use postern_proto::settings::v1::{BatchGetDmPoliciesRequest, BatchGetDmPoliciesResponse};
use postern_shared::{
    caller::Caller,
    error::{Check, Invalid},
    id::UserId,
    person,
};

use super::{Rpc, current, wire};
use crate::error::Error;

/// Gives the policies in the order of the request, each person once, without those who do not
/// exist.
pub async fn batch_get_dm_policies(
    rpc: &Rpc,
    caller: Caller,
    ask: BatchGetDmPoliciesRequest,
) -> Result<BatchGetDmPoliciesResponse, Error> {
    let users = parse(&ask.user_ids)?;
    let settings = current::settings_of(rpc, &caller, &users).await?;
    let policies = users
        .into_iter()
        .filter_map(|user| Some(wire::dm_policy(user, settings.get(&user)?)))
        .collect();
    Ok(BatchGetDmPoliciesResponse { policies })
}

fn parse(user_ids: &[String]) -> Result<Vec<UserId>, Invalid> {
    let mut check = Check::new();
    let mut seen = HashSet::new();
    let users = person::ids(&mut check, "user_ids", user_ids);
    check.done(Some(
        users
            .into_iter()
            .filter(|user| seen.insert(*user))
            .collect(),
    ))
}
