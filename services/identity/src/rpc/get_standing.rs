//! GetStanding and BatchGetStanding: what decisions of the other services need of a person.

use std::collections::HashMap;

use postern_proto::identity::v1::{
    BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
};
use postern_shared::{error::Check, id::UserId, person};

use super::{Rpc, wire};
use crate::{domain::Person, error::Error};

pub async fn get_standing(
    rpc: &Rpc,
    ask: GetStandingRequest,
) -> Result<GetStandingResponse, Error> {
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    let now = rpc.clock.now();
    let found = rpc.store.named(&check.done(named)?, now).await?;
    let found = found.ok_or(Error::AccountNotFound)?;
    if found.account.version < ask.min_version {
        return Err(Error::Contention);
    }
    Ok(GetStandingResponse {
        standing: Some(wire::standing(&found, now.date())),
    })
}

pub async fn batch_get_standing(
    rpc: &Rpc,
    ask: BatchGetStandingRequest,
) -> Result<BatchGetStandingResponse, Error> {
    let mut check = Check::new();
    let ids = wire::user_ids(&mut check, &ask.user_ids);
    let ids = check.done(Some(ids))?;
    let now = rpc.clock.now();
    let found = rpc.store.people(&ids, now).await?;
    let found: HashMap<UserId, Person> = found.into_iter().map(|p| (p.account.id, p)).collect();
    let in_order = ids.iter().filter_map(|id| found.get(id));
    Ok(BatchGetStandingResponse {
        standings: in_order
            .map(|person| wire::standing(person, now.date()))
            .collect(),
    })
}
