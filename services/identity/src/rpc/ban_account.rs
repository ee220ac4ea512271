//! BanAccount: a moderator makes a person gone for good, and ends their sessions.

use postern_proto::identity::v1::{BanAccountRequest, BanAccountResponse};
use postern_shared::{caller::Me, error::Check, person};

use super::{Rpc, sanction, wire};
use crate::{domain::SanctionKind, error::Error};

pub async fn ban_account(
    rpc: &Rpc,
    me: Me,
    ask: BanAccountRequest,
) -> Result<BanAccountResponse, Error> {
    let now = rpc.clock.now();
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let reason = sanction::reason(&mut check, &ask.rule, &ask.explanation);
    let (named, reason) = check.done(named.zip(reason))?;
    let what = (SanctionKind::Banned, None);
    let (action, enforcement) = sanction::take(rpc, &me, &named, what, reason, now).await?;
    Ok(BanAccountResponse {
        action: Some(wire::action(&action, now)),
        enforcement: enforcement.into(),
    })
}
