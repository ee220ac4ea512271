//! RevokeSession: the caller ends one of the own sessions.

use postern_proto::identity::v1::{RevokeSessionRequest, RevokeSessionResponse};
use postern_shared::{caller::Me, error::Check, id::SessionId};

use super::Rpc;
use crate::error::Error;

pub async fn revoke_session(
    rpc: &Rpc,
    me: Me,
    ask: RevokeSessionRequest,
) -> Result<RevokeSessionResponse, Error> {
    let mut check = Check::new();
    let id = check.take("session_id", ask.session_id.parse::<SessionId>());
    let id = check.done(id)?;
    rpc.store.revoke_session(me.id, id, rpc.clock.now()).await?;
    Ok(RevokeSessionResponse {})
}
