//! The request that AcceptRequest and DeclineRequest name: what the other person asked the caller.

use postern_shared::id::{ConversationId, UserId};

use super::Rpc;
use crate::{
    domain::{Conversation, Request},
    error::Error,
};

/// What is known of a conversation in which somebody may have asked the caller.
pub(super) struct Asked {
    /// The pair as it stands.
    pub(super) before: Conversation,
    /// Who may have asked.
    pub(super) other: UserId,
    /// What became of their request.
    pub(super) request: Request,
}

/// Finds it.
///
/// # Errors
/// REQUEST_NOT_FOUND when the caller takes part in no such conversation.
pub(super) async fn find(rpc: &Rpc, me: UserId, id: ConversationId) -> Result<Asked, Error> {
    let before = rpc.store.conversation(id, me).await?;
    let before = before.ok_or(Error::RequestNotFound)?;
    let other = before.peer_of(me).ok_or(Error::RequestNotFound)?;
    let request = before.side(other).request;
    Ok(Asked {
        before,
        other,
        request,
    })
}
