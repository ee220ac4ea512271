//! LiftAction: a moderator ends one action; all others go on.

use postern_proto::identity::v1::{LiftActionRequest, LiftActionResponse};
use postern_shared::{caller::Me, error::Check, id::ActionId, person};

use super::{Rpc, enforcement, wire};
use crate::{error::Error, store::Stamp};

pub async fn lift_action(
    rpc: &Rpc,
    me: Me,
    ask: LiftActionRequest,
) -> Result<LiftActionResponse, Error> {
    let now = rpc.clock.now();
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let id = check.take("action_id", ask.action_id.parse::<ActionId>());
    let (named, id) = check.done(named.zip(id))?;
    // Whoever is no moderator any more is told nothing about anybody.
    rpc.store.require_moderator(me.id, now).await?;
    let person = rpc.store.named(&named, now).await?;
    let user = person.ok_or(Error::AccountNotFound)?.account.id;
    let stamp = Stamp::new(now, &rpc.random);
    let acted = rpc.store.lift(me.id, user, id, stamp).await?;
    if acted.raise.is_some() {
        // Whoever is back is back now where that can be; the relay does the rest.
        enforcement::of_actions(rpc, &me.caller, user, acted.raise).await?;
    }
    Ok(LiftActionResponse {
        action: Some(wire::action(&acted.action, now)),
    })
}
