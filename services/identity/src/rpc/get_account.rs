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
use crate::{domain::Person, error::Error};

pub async fn get_account(
    rpc: &Rpc,
    me: Me,
    ask: GetAccountRequest,
) -> Result<GetAccountResponse, Error> {
    let named = parse(&ask)?.unwrap_or(Named::Id(me.id));
    let now = rpc.clock.now();
    let found = rpc.store.named(&named, now).await?;
    let shown = match id_of(&named, found.as_ref()) {
        id if id == me.id => found.map(|own| wire::own_account(&own.account, now.date())),
        id => {
            let blocked = visibility::blocks_me(rpc, &me, id).await?;
            let seen = found.filter(|other| !other.is_gone() && !blocked);
            seen.map(|other| wire::account(&other.account))
        }
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
fn id_of(named: &Named, found: Option<&Person>) -> UserId {
    match named {
        Named::Id(id) => *id,
        Named::Handle(_) => found.map_or(UserId::from_uuid(Uuid::nil()), |found| found.account.id),
    }
}
