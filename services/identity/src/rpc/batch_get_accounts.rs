//! BatchGetAccounts: those of a list that the caller may see.

use std::collections::HashMap;

use postern_proto::identity::v1::{BatchGetAccountsRequest, BatchGetAccountsResponse};
use postern_shared::{caller::Me, error::Check, id::UserId};

use super::{Rpc, visibility, wire};
use crate::{domain::Person, error::Error};

pub async fn batch_get_accounts(
    rpc: &Rpc,
    me: Me,
    ask: BatchGetAccountsRequest,
) -> Result<BatchGetAccountsResponse, Error> {
    let mut check = Check::new();
    let ids = wire::user_ids(&mut check, &ask.user_ids);
    let ids = check.done(Some(ids))?;
    let others: Vec<UserId> = ids.iter().copied().filter(|id| *id != me.id).collect();
    let blocking = visibility::who_blocks_me(rpc, &me, &others).await?;
    let now = rpc.clock.now();
    let found = rpc.store.people(&ids, now).await?;
    let found: HashMap<UserId, Person> = found.into_iter().map(|p| (p.account.id, p)).collect();
    let show = |person: &Person| {
        let account = &person.account;
        if account.id == me.id {
            return Some(wire::own_account(account, now.date()));
        }
        let visible = !person.is_gone() && !blocking.contains(&account.id);
        visible.then(|| wire::account(account))
    };
    let in_order = ids.iter().filter_map(|id| found.get(id));
    Ok(BatchGetAccountsResponse {
        accounts: in_order.filter_map(show).collect(),
    })
}
