//! RestrictAutomatically: an automatic limit keeps a person from sending for a while.

use postern_proto::identity::v1::{RestrictAutomaticallyRequest, RestrictAutomaticallyResponse};
use postern_shared::{
    caller::Caller,
    error::Check,
    id::{ActionId, UserId},
};

use super::{
    Rpc, enforcement,
    sanction::{self, AUTOMATIC},
    wire,
};
use crate::{
    domain::{Action, SanctionKind},
    error::Error,
    store::Stamp,
};

pub async fn restrict_automatically(
    rpc: &Rpc,
    caller: Caller,
    ask: RestrictAutomaticallyRequest,
) -> Result<RestrictAutomaticallyResponse, Error> {
    let now = rpc.clock.now();
    let mut check = Check::new();
    let user = check.take("user_id", ask.user_id.parse::<UserId>());
    let end = sanction::end_time(&mut check, ask.end_time.as_ref(), now, AUTOMATIC);
    let reason = sanction::reason(&mut check, &ask.rule, &ask.explanation);
    let parsed = (|| Some((user?, end?, reason?)))();
    let (user, end, reason) = check.done(parsed)?;
    let new = Action {
        id: ActionId::new(now, &rpc.random),
        user,
        kind: SanctionKind::SendRestricted,
        rule: reason.rule,
        explanation: reason.explanation,
        start: now,
        end: Some(end),
        lifted_at: None,
        over_at: None,
        moderator: None,
    };
    let stamp = Stamp::new(now, &rpc.random);
    let acted = rpc.store.act_automatically(&new, stamp).await?;
    if acted.raise.is_some() {
        // It holds once it is answered where that can be; the relay does the rest.
        enforcement::of_actions(rpc, &caller, user, acted.raise).await?;
    }
    Ok(RestrictAutomaticallyResponse {
        sanction: Some(wire::sanction(&acted.action)),
    })
}
