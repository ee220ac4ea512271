//! GetActionEnforcement: whether all that was done about a person holds, for moderators.

use postern_proto::identity::v1::{GetActionEnforcementRequest, GetActionEnforcementResponse};
use postern_shared::caller::Me;

use super::{Rpc, enforcement, list_actions::subject};
use crate::error::Error;

pub async fn get_action_enforcement(
    rpc: &Rpc,
    me: Me,
    ask: GetActionEnforcementRequest,
) -> Result<GetActionEnforcementResponse, Error> {
    let user = subject(rpc, &me, ask.person.as_ref(), rpc.clock.now()).await?;
    let enforcement = enforcement::of_actions(rpc, &me.caller, user, None).await?;
    Ok(GetActionEnforcementResponse {
        enforcement: enforcement.into(),
    })
}
