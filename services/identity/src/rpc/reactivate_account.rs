//! ReactivateAccount: the caller's own account is in use again, unless moderation keeps it gone.

use postern_proto::identity::v1::ReactivateAccountResponse;
use postern_shared::caller::Me;

use super::{Rpc, enforcement, wire};
use crate::{error::Error, store::Stamp};

pub async fn reactivate_account(rpc: &Rpc, me: Me) -> Result<ReactivateAccountResponse, Error> {
    let now = rpc.clock.now();
    let stamp = Stamp::new(now, &rpc.random);
    let switched = rpc.store.reactivate(me.id, stamp).await?;
    if switched.raise.is_some() {
        // Whoever is back is back now where that can be; the relay does the rest.
        enforcement::of_changes(rpc, &me.caller, me.id, switched.raise).await?;
    }
    Ok(ReactivateAccountResponse {
        account: Some(wire::own_account(&switched.account, now.date())),
    })
}
