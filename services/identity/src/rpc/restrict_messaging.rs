//! RestrictMessaging: a moderator keeps a person from sending for a while.

use postern_proto::identity::v1::{RestrictMessagingRequest, RestrictMessagingResponse};
use postern_shared::{caller::Me, error::Check, person};

use super::{
    Rpc,
    sanction::{self, BY_MODERATOR},
    wire,
};
use crate::{domain::SanctionKind, error::Error};

pub async fn restrict_messaging(
    rpc: &Rpc,
    me: Me,
    ask: RestrictMessagingRequest,
) -> Result<RestrictMessagingResponse, Error> {
    let now = rpc.clock.now();
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let end = sanction::end_time(&mut check, ask.end_time.as_ref(), now, BY_MODERATOR);
    let reason = sanction::reason(&mut check, &ask.rule, &ask.explanation);
    let parsed = (|| Some((named?, end?, reason?)))();
    let (named, end, reason) = check.done(parsed)?;
    let what = (SanctionKind::SendRestricted, Some(end));
    let (action, enforcement) = sanction::take(rpc, &me, &named, what, reason, now).await?;
    Ok(RestrictMessagingResponse {
        action: Some(wire::action(&action, now)),
        enforcement: enforcement.into(),
    })
}
