//! ListRequests: what strangers wrote. Nothing of it reaches them.

use postern_proto::messaging::v1::{
    ListRequestsRequest, ListRequestsResponse, MessageRequest, RequestTier,
};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    page::Scope,
};

use super::{PAGE, Rpc, reply};
use crate::{
    domain::{Folder, Listed},
    error::Error,
    store::List,
};

pub(super) async fn list_requests(
    rpc: &Rpc,
    me: Me,
    request: ListRequestsRequest,
) -> Result<ListRequestsResponse, Error> {
    let folder = tier(request.tier)?;
    let parameters = folder.as_str();
    let scope = Scope {
        rpc: "messaging.ListRequests",
        user: me.id,
        parameters,
    };
    let page = rpc.pager.read(request.page.as_ref(), PAGE, scope)?;
    let after = reply::place(page.after.as_deref());
    let mut found = rpc
        .store
        .list(me.id, List::Folder(folder), after, u64::from(page.size) + 1)
        .await?;
    let info = rpc.pager.next(&mut found, page.size, scope, |last| {
        reply::cursor(last.last_event)
    });
    let entry = |listed: &Listed| MessageRequest {
        conversation_id: listed.conversation.to_string(),
        sender_id: listed.peer.to_string(),
        last_message: Some(reply::message(&listed.last_message, me.id)),
        message_count: i64::from(listed.waiting),
    };
    let (filtered, hidden) = tokio::try_join!(
        rpc.store.count_requests(me.id, Folder::Requests),
        rpc.store.count_requests(me.id, Folder::Hidden),
    )?;
    Ok(ListRequestsResponse {
        requests: found.iter().map(entry).collect(),
        page: Some(info),
        filtered_count: filtered,
        hidden_count: hidden,
    })
}

fn tier(tier: i32) -> Result<Folder, Invalid> {
    let mut check = Check::new();
    let folder = match RequestTier::try_from(tier) {
        Ok(RequestTier::Unspecified | RequestTier::Filtered) => Some(Folder::Requests),
        Ok(RequestTier::Hidden) => Some(Folder::Hidden),
        Err(_) => {
            check.wrong(
                "tier",
                "must be REQUEST_TIER_FILTERED or REQUEST_TIER_HIDDEN",
            );
            None
        }
    };
    check.done(folder)
}
