//! GetCounts: how long the caller's lists are.

use postern_proto::graph::v1::{GetCountsRequest, GetCountsResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

/// Counts the caller's lists.
///
/// # Errors
/// The database's.
pub async fn get_counts(
    rpc: &Rpc,
    me: Me,
    _: GetCountsRequest,
) -> Result<GetCountsResponse, Error> {
    let counts = rpc.store.counts(me.id).await?;
    Ok(GetCountsResponse {
        followers: counts.followers.cast_signed(),
        following: counts.following.cast_signed(),
        friends: counts.friends.cast_signed(),
    })
}
