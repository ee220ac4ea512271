//! GetActionEnforcement: whether all that was done about a person holds, for moderators.

use postern_proto::identity::v1::{GetActionEnforcementRequest, GetActionEnforcementResponse};
use postern_shared::{caller::Me, error::Check, person};

use super::{Rpc, enforcement};
use crate::error::Error;

pub async fn get_action_enforcement(
    rpc: &Rpc,
    me: Me,
    ask: GetActionEnforcementRequest,
) -> Result<GetActionEnforcementResponse, Error> {
    let now = rpc.clock.now();
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let named = check.done(named)?;
    // Whoever is no moderator any more is told nothing about anybody.
    rpc.store.require_moderator(me.id, now).await?;
    let person = rpc.store.named(&named, now).await?;
    let user = person.ok_or(Error::AccountNotFound)?.account.id;
    let enforcement = enforcement::of_actions(rpc, &me.caller, user, None).await?;
    Ok(GetActionEnforcementResponse {
        enforcement: enforcement.into(),
    })
}
