//! Who blocks the caller: graph knows, and without its answer nothing is shown.
//!
//! It is asked for accounts that do not exist as well, so that how long an answer takes does not
//! tell them from those that block.

use std::collections::HashSet;

use postern_proto::graph::v1::{
    BatchGetRelationshipsRequest, GetRelationshipRequest, Relationship,
};
use postern_shared::{
    caller::{Me, ServiceName},
    error::Dependency,
    id::UserId,
};
use tonic::Status;

use super::Rpc;

/// Whether one person blocks the caller.
pub async fn blocks_me(rpc: &Rpc, me: &Me, other: UserId) -> Result<bool, Dependency> {
    let ask = GetRelationshipRequest {
        user_id: me.id.to_string(),
        peer_id: other.to_string(),
        min_user_version: 0,
        min_peer_version: 0,
    };
    let answered = rpc.graph.clone().get_relationship(me.caller.ask(ask)).await;
    let told = answered.map_err(failed)?.into_inner().relationship;
    let told = told
        .filter(|told| is_about(told, me.id, other))
        .ok_or_else(nonsense)?;
    Ok(told.peer_blocks)
}

/// Which of several people block the caller. At most 100 can be asked for.
pub async fn who_blocks_me(
    rpc: &Rpc,
    me: &Me,
    others: &[UserId],
) -> Result<HashSet<UserId>, Dependency> {
    if others.is_empty() {
        return Ok(HashSet::new());
    }
    let ask = BatchGetRelationshipsRequest {
        user_id: me.id.to_string(),
        peer_ids: others.iter().map(UserId::to_string).collect(),
    };
    let answered = rpc
        .graph
        .clone()
        .batch_get_relationships(me.caller.ask(ask))
        .await;
    let told = answered.map_err(failed)?.into_inner().relationships;
    if told.len() != others.len() {
        return Err(nonsense());
    }
    let mut blocking = HashSet::new();
    for (told, other) in told.iter().zip(others) {
        if !is_about(told, me.id, *other) {
            return Err(nonsense());
        }
        if told.peer_blocks {
            blocking.insert(*other);
        }
    }
    Ok(blocking)
}

fn is_about(told: &Relationship, user: UserId, peer: UserId) -> bool {
    told.user_id == user.to_string() && told.peer_id == peer.to_string()
}

fn failed(status: Status) -> Dependency {
    Dependency::new(ServiceName::Graph, status)
}

fn nonsense() -> Dependency {
    failed(Status::internal(
        "the answer is about other people than were asked for",
    ))
}
