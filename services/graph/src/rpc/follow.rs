//! Follow, Unfollow and RemoveFollower: the same act on one pair, three ways.

use postern_proto::graph::v1::{
    FollowRequest, FollowResponse, RemoveFollowerRequest, RemoveFollowerResponse, UnfollowRequest,
    UnfollowResponse,
};
use postern_shared::caller::Me;

use super::{Rpc, enforcement, person};
use crate::{domain::Act, error::Error};

/// The caller follows a person.
///
/// # Errors
/// As the contract lists them.
pub async fn follow(rpc: &Rpc, me: Me, ask: FollowRequest) -> Result<FollowResponse, Error> {
    // It widens, so there is nothing to raise.
    let (relationship, _) = person::act(rpc, &me, ask.person, Act::Follow).await?;
    Ok(FollowResponse {
        relationship: Some(relationship),
    })
}

/// The caller follows a person no longer.
///
/// # Errors
/// As the contract lists them.
pub async fn unfollow(rpc: &Rpc, me: Me, ask: UnfollowRequest) -> Result<UnfollowResponse, Error> {
    let (relationship, raise) = person::act(rpc, &me, ask.person, Act::Unfollow).await?;
    Ok(UnfollowResponse {
        relationship: Some(relationship),
        enforcement: enforcement::after(rpc, &me, raise).await?.into(),
    })
}

/// A person follows the caller no longer.
///
/// # Errors
/// As the contract lists them.
pub async fn remove_follower(
    rpc: &Rpc,
    me: Me,
    ask: RemoveFollowerRequest,
) -> Result<RemoveFollowerResponse, Error> {
    let (relationship, raise) = person::act(rpc, &me, ask.person, Act::RemoveFollower).await?;
    Ok(RemoveFollowerResponse {
        relationship: Some(relationship),
        enforcement: enforcement::after(rpc, &me, raise).await?.into(),
    })
}
