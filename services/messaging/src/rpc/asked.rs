//! The request that AcceptRequest and DeclineRequest name: what the other person asked the caller.

use postern_shared::id::{ConversationId, UserId};

use super::{ROUNDS_MAX, Rpc};
use crate::{
    domain::{self, Conversation, Request},
    error::Error,
    store::{Settled, Settlement},
};

/// What is known of a conversation in which somebody may have asked the caller.
pub(super) struct Asked {
    /// The pair as it stands.
    pub(super) before: Conversation,
    /// Who may have asked.
    pub(super) other: UserId,
    /// What became of their request, as the caller may see it.
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
    let mut request = before.side(other).request;
    // Of somebody who is gone nothing waits: it stands in no list, as after a block, which takes
    // requests back. When they return it waits again.
    if matches!(request, Request::Pending { .. }) && rpc.store.is_gone(other).await? {
        request = Request::None;
    }
    Ok(Asked {
        before,
        other,
        request,
    })
}

/// Declines it. Once it is declined, doing it again is no error.
///
/// # Errors
/// REQUEST_NOT_FOUND when nothing waits there; CONTENTION when it kept changing.
pub(super) async fn decline(rpc: &Rpc, me: UserId, id: ConversationId) -> Result<(), Error> {
    for _ in 0..ROUNDS_MAX {
        let Asked {
            before,
            other,
            request,
        } = find(rpc, me, id).await?;
        match request {
            Request::Declined { .. } => return Ok(()),
            Request::None | Request::Withdrawn { .. } | Request::Accepted => {
                return Err(Error::RequestNotFound);
            }
            Request::Pending { .. } => {}
        }
        let now = rpc.clock.now();
        let settled = Settled {
            before,
            after: domain::decline(before, other, rpc.config.decline_cool_down, now),
            person: me,
            // Declining asks no owner: saying no is always allowed.
            versions: None,
            how: Settlement::Declined,
            at: now,
        };
        if rpc.store.settle(settled).await? {
            return Ok(());
        }
    }
    Err(Error::Contention)
}
