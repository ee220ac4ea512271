//! GetStanding and BatchGetStanding: what decisions of the other services need of a person.

use std::collections::HashMap;

use postern_proto::identity::v1::{
    BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
};
use postern_shared::{
    error::Check,
    id::UserId,
    person::{self, Named},
};

use super::{Rpc, wire};
use crate::{domain::Account, error::Error};

pub async fn get_standing(
    rpc: &Rpc,
    ask: GetStandingRequest,
) -> Result<GetStandingResponse, Error> {
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let found = match check.done(named)? {
        Named::Id(id) => rpc.store.account(id).await?,
        Named::Handle(handle) => rpc.store.account_by_handle(&handle).await?,
    };
    let found = found.ok_or(Error::AccountNotFound)?;
    if found.version < ask.min_version {
        return Err(Error::Contention);
    }
    Ok(GetStandingResponse {
        standing: Some(wire::standing(&found, rpc.clock.now().date())),
    })
}

pub async fn batch_get_standing(
    rpc: &Rpc,
    ask: BatchGetStandingRequest,
) -> Result<BatchGetStandingResponse, Error> {
    let mut check = Check::new();
    let ids = wire::user_ids(&mut check, &ask.user_ids);
    let ids = check.done(Some(ids))?;
    let found = rpc.store.accounts(&ids).await?;
    let found: HashMap<UserId, Account> = found.into_iter().map(|a| (a.id, a)).collect();
    let today = rpc.clock.now().date();
    let in_order = ids.iter().filter_map(|id| found.get(id));
    Ok(BatchGetStandingResponse {
        standings: in_order
            .map(|account| wire::standing(account, today))
            .collect(),
    })
}
