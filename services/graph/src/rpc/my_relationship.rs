//! GetMyRelationship: what lies between the caller and a person, never whether they block the
//! caller.

use postern_proto::graph::v1::{GetMyRelationshipRequest, GetMyRelationshipResponse};
use postern_shared::caller::Me;

use super::{Rpc, person};
use crate::{domain, error::Error};

/// Shows what the caller may know.
///
/// # Errors
/// As the contract lists them.
pub async fn get_my_relationship(
    rpc: &Rpc,
    me: Me,
    ask: GetMyRelationshipRequest,
) -> Result<GetMyRelationshipResponse, Error> {
    let peer = person::find(rpc, &me, ask.person).await?;
    // Read for someone who is gone too, so that the time taken does not tell them from a blocker.
    let pair = rpc.store.pair(me.id, peer.id).await?;
    let view = domain::look(&pair, peer.presence)?;
    Ok(GetMyRelationshipResponse {
        relationship: Some(person::my_relationship(peer.id, view)),
    })
}
