//! ListConversations: the caller's inbox, or what lies with those whom they block; latest activity
//! first.

use postern_proto::messaging::v1::{
    ConversationFolder, ListConversationsRequest, ListConversationsResponse,
};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    page::Scope,
};

use super::{PAGE, Rpc, reply};
use crate::{domain::Folder, error::Error, store::List};

pub(super) async fn list_conversations(
    rpc: &Rpc,
    me: Me,
    request: ListConversationsRequest,
) -> Result<ListConversationsResponse, Error> {
    let (list, parameters) = folder(request.folder)?;
    let scope = Scope {
        rpc: "messaging.ListConversations",
        user: me.id,
        parameters,
    };
    let page = rpc.pager.read(request.page.as_ref(), PAGE, scope)?;
    let after = reply::place(page.after.as_deref());
    let limit = u64::from(page.size) + 1;
    let mut found = rpc.store.list(me.id, list, after, limit).await?;
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

/// The list, and its name in page tokens.
fn folder(folder: i32) -> Result<(List, &'static str), Invalid> {
    let mut check = Check::new();
    let list = match ConversationFolder::try_from(folder) {
        // Tokens of the inbox have borne no name from the beginning.
        Ok(ConversationFolder::Unspecified | ConversationFolder::Inbox) => {
            Some((List::Folder(Folder::Inbox), ""))
        }
        Ok(ConversationFolder::Blocked) => Some((List::Blocked, "blocked")),
        Err(_) => {
            check.wrong(
                "folder",
                "must be CONVERSATION_FOLDER_INBOX or CONVERSATION_FOLDER_BLOCKED",
            );
            None
        }
    };
    check.done(list)
}
