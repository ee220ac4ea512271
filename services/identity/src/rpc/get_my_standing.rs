//! GetMyStanding: what was done about the caller's own account.

use postern_proto::identity::v1::GetMyStandingResponse;
use postern_shared::caller::Me;

use super::{Rpc, wire};
use crate::error::Error;

/// More in force at once say nothing more.
const ACTIONS_MAX: usize = 100;

pub async fn get_my_standing(rpc: &Rpc, me: Me) -> Result<GetMyStandingResponse, Error> {
    let now = rpc.clock.now();
    let person = rpc.store.person(me.id, now).await?;
    let person = person.ok_or(Error::AccountNotFound)?;
    let actions = person.live().iter().take(ACTIONS_MAX);
    let roles = rpc.store.roles(me.id).await?;
    Ok(GetMyStandingResponse {
        lifecycle: wire::lifecycle(person.account.lifecycle).into(),
        actions: actions.map(|own| wire::own_action(own, now)).collect(),
        roles: roles.iter().map(|role| role.as_str().to_owned()).collect(),
    })
}
