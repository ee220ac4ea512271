//! ListMessages: what two people wrote, newest first.

use postern_proto::messaging::v1::{ListMessagesRequest, ListMessagesResponse};
use postern_shared::{caller::Me, page::Scope};

use super::{PAGE, Rpc, reply};
use crate::error::Error;

pub(super) async fn list_messages(
    rpc: &Rpc,
    me: Me,
    request: ListMessagesRequest,
) -> Result<ListMessagesResponse, Error> {
    let id = reply::conversation_id(&request.conversation_id)?;
    let scope = Scope {
        rpc: "messaging.ListMessages",
        user: me.id,
        parameters: &request.conversation_id,
    };
    let page = rpc.pager.read(request.page.as_ref(), PAGE, scope)?;
    let after = reply::place(page.after.as_deref());
    let found = rpc
        .store
        .list_messages(me.id, id, after, u64::from(page.size) + 1)
        .await?;
    let mut found = found.ok_or(Error::ConversationNotFound)?;
    let info = rpc
        .pager
        .next(&mut found, page.size, scope, |last| reply::cursor(last.seq));
    Ok(ListMessagesResponse {
        messages: found
            .iter()
            .map(|message| reply::message(message, me.id))
            .collect(),
        page: Some(info),
    })
}
