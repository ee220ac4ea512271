//! The caller's four lists of people: pages of an index, newest first.

use postern_proto::{
    common::v1::{PageInfo, PageRequest},
    graph::v1::{
        Edge, ListBlockedRequest, ListBlockedResponse, ListFollowersRequest, ListFollowersResponse,
        ListFollowingRequest, ListFollowingResponse, ListFriendsRequest, ListFriendsResponse,
    },
};
use postern_shared::{
    caller::Me,
    id::EdgeId,
    page::{PageError, Scope},
};
use uuid::Uuid;

use super::Rpc;
use crate::{
    config::PAGE,
    domain::{Entry, List},
    error::Error,
};

/// Who follows the caller.
///
/// # Errors
/// As the contract lists them.
pub async fn followers(
    rpc: &Rpc,
    me: Me,
    ask: ListFollowersRequest,
) -> Result<ListFollowersResponse, Error> {
    let (followers, page) = page(rpc, &me, List::Followers, ask.page).await?;
    Ok(ListFollowersResponse {
        followers,
        page: Some(page),
    })
}

/// Whom the caller follows.
///
/// # Errors
/// As the contract lists them.
pub async fn following(
    rpc: &Rpc,
    me: Me,
    ask: ListFollowingRequest,
) -> Result<ListFollowingResponse, Error> {
    let (following, page) = page(rpc, &me, List::Following, ask.page).await?;
    Ok(ListFollowingResponse {
        following,
        page: Some(page),
    })
}

/// Both.
///
/// # Errors
/// As the contract lists them.
pub async fn friends(
    rpc: &Rpc,
    me: Me,
    ask: ListFriendsRequest,
) -> Result<ListFriendsResponse, Error> {
    let (friends, page) = page(rpc, &me, List::Friends, ask.page).await?;
    Ok(ListFriendsResponse {
        friends,
        page: Some(page),
    })
}

/// Whom the caller blocks.
///
/// # Errors
/// As the contract lists them.
pub async fn blocked(
    rpc: &Rpc,
    me: Me,
    ask: ListBlockedRequest,
) -> Result<ListBlockedResponse, Error> {
    let (blocked, page) = page(rpc, &me, List::Blocked, ask.page).await?;
    Ok(ListBlockedResponse {
        blocked,
        page: Some(page),
    })
}

async fn page(
    rpc: &Rpc,
    me: &Me,
    list: List,
    asked: Option<PageRequest>,
) -> Result<(Vec<Edge>, PageInfo), Error> {
    let scope = Scope {
        rpc: name(list),
        user: me.id,
        parameters: "",
    };
    let page = rpc.pager.read(asked.as_ref(), PAGE, scope)?;
    let after = page.after.as_deref().map(cursor).transpose()?;
    // One more than shown: it tells whether there is a next page.
    let mut entries = rpc.store.list(me.id, list, after, page.size + 1).await?;
    let info = rpc.pager.next(&mut entries, page.size, scope, |entry| {
        entry.edge.id.uuid().into_bytes().to_vec()
    });
    Ok((entries.iter().map(edge).collect(), info))
}

/// What tokens are bound to: these names never change.
const fn name(list: List) -> &'static str {
    match list {
        List::Followers => "graph.ListFollowers",
        List::Following => "graph.ListFollowing",
        List::Friends => "graph.ListFriends",
        List::Blocked => "graph.ListBlocked",
    }
}

fn cursor(bytes: &[u8]) -> Result<EdgeId, PageError> {
    Uuid::from_slice(bytes)
        .map(EdgeId::from_uuid)
        .map_err(|_| PageError::Token)
}

fn edge(entry: &Entry) -> Edge {
    Edge {
        user_id: entry.person.to_string(),
        create_time: Some(entry.edge.at.to_proto()),
    }
}
