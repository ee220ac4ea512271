//! GetRelationship and BatchGetRelationships: what the other services decide by.
//!
//! A service that calls for a person may ask about that person alone, so that none can be talked
//! into showing someone what lies between two others. A call without a person is work that a
//! service does by itself.

use postern_proto::graph::v1::{
    self, BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, GetRelationshipRequest,
    GetRelationshipResponse,
};
use postern_shared::{caller::Caller, error::Check, id::UserId, person};

use super::Rpc;
use crate::{domain::Relationship, error::Error};

/// Everything between two people.
///
/// # Errors
/// As the contract lists them.
pub async fn get(
    rpc: &Rpc,
    caller: Caller,
    ask: GetRelationshipRequest,
) -> Result<GetRelationshipResponse, Error> {
    let mut check = Check::new();
    let user = check.take("user_id", ask.user_id.parse::<UserId>());
    let peer = check.take("peer_id", ask.peer_id.parse::<UserId>());
    let (user, peer) = check.done(user.zip(peer))?;
    authorise(&caller, &[user, peer])?;
    let found = rpc.store.relationship(user, peer).await?;
    if found.my_version < ask.min_user_version || found.their_version < ask.min_peer_version {
        return Err(Error::Contention);
    }
    Ok(GetRelationshipResponse {
        relationship: Some(reply(user, peer, &found)),
    })
}

/// Everything between a person and each of several others. One who is named twice is answered
/// twice: the answers stand where the questions stood.
///
/// # Errors
/// As the contract lists them.
pub async fn batch_get(
    rpc: &Rpc,
    caller: Caller,
    ask: BatchGetRelationshipsRequest,
) -> Result<BatchGetRelationshipsResponse, Error> {
    let (user, peers) = parse_batch(&ask)?;
    authorise(&caller, &[user])?;
    let found = rpc.store.relationships(user, &peers).await?;
    let relationships = peers
        .iter()
        .zip(&found)
        .map(|(peer, found)| reply(user, *peer, found))
        .collect();
    Ok(BatchGetRelationshipsResponse { relationships })
}

fn parse_batch(ask: &BatchGetRelationshipsRequest) -> Result<(UserId, Vec<UserId>), Error> {
    let mut check = Check::new();
    let user = check.take("user_id", ask.user_id.parse::<UserId>());
    let peers = person::ids(&mut check, "peer_ids", &ask.peer_ids);
    Ok(check.done(user.map(|user| (user, peers)))?)
}

fn authorise(caller: &Caller, about: &[UserId]) -> Result<(), Error> {
    match &caller.user {
        Some(user) if !about.contains(&user.id) => Err(Error::CallerNotAllowed),
        _ => Ok(()),
    }
}

fn reply(user: UserId, peer: UserId, found: &Relationship) -> v1::Relationship {
    let pair = &found.pair;
    v1::Relationship {
        user_id: user.to_string(),
        peer_id: peer.to_string(),
        user_follows: pair.mine.follow.is_some(),
        peer_follows: pair.theirs.follow.is_some(),
        user_blocks: pair.mine.block.is_some(),
        peer_blocks: pair.theirs.block.is_some(),
        user_epoch: pair.mine.epoch,
        peer_epoch: pair.theirs.epoch,
        user_version: found.my_version,
        peer_version: found.their_version,
    }
}
