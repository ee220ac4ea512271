//! BatchGetAccounts: those of a list that the caller may see.

use std::collections::HashMap;

use postern_proto::identity::v1::{BatchGetAccountsRequest, BatchGetAccountsResponse};
use postern_shared::{caller::Me, error::Check, id::UserId};

use super::{Rpc, visibility, wire};
use crate::{domain::Account, error::Error};

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
    let found = rpc.store.accounts(&ids).await?;
    let found: HashMap<UserId, Account> = found.into_iter().map(|a| (a.id, a)).collect();
    let today = rpc.clock.now().date();
    let show = |account: &Account| {
        if account.id == me.id {
            return Some(wire::own_account(account, today));
        }
        let visible = account.is_active() && !blocking.contains(&account.id);
        visible.then(|| wire::account(account))
    };
    let in_order = ids.iter().filter_map(|id| found.get(id));
    Ok(BatchGetAccountsResponse {
        accounts: in_order.filter_map(show).collect(),
    })
}
