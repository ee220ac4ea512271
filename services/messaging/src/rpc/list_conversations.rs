//! ListConversations: the caller's inbox, latest activity first.

use postern_proto::messaging::v1::{ListConversationsRequest, ListConversationsResponse};
use postern_shared::{caller::Me, page::Scope};

use super::{PAGE, Rpc, reply};
use crate::{domain::Folder, error::Error};

pub(super) async fn list_conversations(
    rpc: &Rpc,
    me: Me,
    request: ListConversationsRequest,
) -> Result<ListConversationsResponse, Error> {
    let scope = Scope {
        rpc: "messaging.ListConversations",
        user: me.id,
        parameters: "",
    };
    let page = rpc.pager.read(request.page.as_ref(), PAGE, scope)?;
    let after = reply::place(page.after.as_deref());
    let limit = u64::from(page.size) + 1;
    let mut found = rpc
        .store
        .list_folder(me.id, Folder::Inbox, after, limit)
        .await?;
    let info = rpc.pager.next(&mut found, page.size, scope, |last| {
        reply::cursor(last.last_event)
    });
    Ok(ListConversationsResponse {
        conversations: found
            .iter()
            .map(|listed| reply::conversation(listed, me.id))
            .collect(),
        page: Some(info),
    })
}
