//! DeactivateAccount: the caller's own account is gone to others, and every session ends.

use postern_proto::identity::v1::DeactivateAccountResponse;
use postern_shared::caller::Me;

use super::{Rpc, enforcement};
use crate::{error::Error, store::Stamp};

pub async fn deactivate_account(rpc: &Rpc, me: Me) -> Result<DeactivateAccountResponse, Error> {
    let stamp = Stamp::new(rpc.clock.now(), &rpc.random);
    let switched = rpc.store.deactivate(me.id, stamp).await?;
    let enforcement = enforcement::of_changes(rpc, &me.caller, me.id, switched.raise).await?;
    Ok(DeactivateAccountResponse {
        enforcement: enforcement.into(),
    })
}
