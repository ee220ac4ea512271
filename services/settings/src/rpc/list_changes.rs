//! ListChanges: what the caller changed, newest first.

use postern_proto::settings::v1::{Change, ListChangesRequest, ListChangesResponse};
use postern_shared::{
    caller::Me,
    id::ChangeId,
    page::{PageError, Scope},
};
use uuid::Uuid;

use super::Rpc;
use crate::{
    config::{CHANGES_KEPT, PAGE},
    domain::Entry,
    error::Error,
};

/// Lists the caller's changes.
pub async fn list_changes(
    rpc: &Rpc,
    me: Me,
    ask: ListChangesRequest,
) -> Result<ListChangesResponse, Error> {
    let scope = Scope {
        // What tokens are bound to: this name never changes.
        rpc: "settings.ListChanges",
        user: me.id,
        parameters: "",
    };
    let page = rpc.pager.read(ask.page.as_ref(), PAGE, scope)?;
    let after = page.after.as_deref().map(cursor).transpose()?;
    // What is too old is not shown, whether or not it was removed already.
    let since = rpc.clock.now().minus(CHANGES_KEPT);
    // One more than shown: it tells whether there is a next page.
    let mut changes = (rpc.store)
        .changes(me.id, since, after, page.size + 1)
        .await?;
    let info = rpc.pager.next(&mut changes, page.size, scope, |entry| {
        entry.id.uuid().into_bytes().to_vec()
    });
    Ok(ListChangesResponse {
        changes: changes.into_iter().map(change).collect(),
        page: Some(info),
    })
}

fn cursor(bytes: &[u8]) -> Result<ChangeId, PageError> {
    Uuid::from_slice(bytes)
        .map(ChangeId::from_uuid)
        .map_err(|_| PageError::Token)
}

fn change(entry: Entry) -> Change {
    Change {
        change_time: Some(entry.at.to_proto()),
        path: entry.path,
        before: entry.before,
        after: entry.after,
    }
}
