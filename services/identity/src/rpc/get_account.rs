//! GetAccount: the caller's own account, or another one that the caller may see.

use postern_proto::identity::v1::{GetAccountRequest, GetAccountResponse};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    id::UserId,
    person::{self, Named},
};
use uuid::Uuid;

use super::{Rpc, visibility, wire};
use crate::{domain::Account, error::Error};

pub async fn get_account(
    rpc: &Rpc,
    me: Me,
    ask: GetAccountRequest,
) -> Result<GetAccountResponse, Error> {
    let named = parse(&ask)?.unwrap_or(Named::Id(me.id));
    let (id, found) = find(rpc, named).await?;
    let shown = if id == me.id {
        let today = rpc.clock.now().date();
        found.map(|own| wire::own_account(&own, today))
    } else {
        let blocked = visibility::blocks_me(rpc, &me, id).await?;
        let seen = found.filter(|other| other.is_active() && !blocked);
        seen.map(|other| wire::account(&other))
    };
    Ok(GetAccountResponse {
        account: Some(shown.ok_or(Error::AccountNotFound)?),
    })
}

fn parse(ask: &GetAccountRequest) -> Result<Option<Named>, Invalid> {
    if ask.person.is_none() {
        return Ok(None);
    }
    let mut check = Check::new();
    let named = person::named(&mut check, "person", ask.person.as_ref());
    check.done(named).map(Some)
}

/// A handle that nobody has gets an id that nobody has, to ask graph for.
async fn find(rpc: &Rpc, named: Named) -> Result<(UserId, Option<Account>), Error> {
    match named {
        Named::Id(id) => Ok((id, rpc.store.account(id).await?)),
        Named::Handle(handle) => {
            let found = rpc.store.account_by_handle(&handle).await?;
            let id = found
                .as_ref()
                .map_or(UserId::from_uuid(Uuid::nil()), |found| found.id);
            Ok((id, found))
        }
    }
}
