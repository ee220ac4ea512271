//! ListSessions: where the caller is signed in.

use postern_proto::identity::v1::{ListSessionsRequest, ListSessionsResponse};
use postern_shared::{
    caller::Me,
    id::SessionId,
    page::{PageError, PageSizes, Scope},
};
use uuid::Uuid;

use super::{Rpc, wire};
use crate::error::Error;

const SIZES: PageSizes = PageSizes {
    default: 20,
    max: 100,
};

pub async fn list_sessions(
    rpc: &Rpc,
    me: Me,
    ask: ListSessionsRequest,
) -> Result<ListSessionsResponse, Error> {
    let scope = Scope {
        rpc: "identity.ListSessions",
        user: me.id,
        parameters: "",
    };
    let page = rpc.pager.read(ask.page.as_ref(), SIZES, scope)?;
    let after = page.after.as_deref().map(cursor).transpose()?;
    let count_max = u64::from(page.size) + 1;
    let now = rpc.clock.now();
    let mut found = rpc.store.sessions(me.id, after, count_max, now).await?;
    let info = rpc.pager.next(&mut found, page.size, scope, |last| {
        last.id.uuid().as_bytes().to_vec()
    });
    let shown = found
        .iter()
        .map(|session| wire::session(session, session.id == me.session));
    Ok(ListSessionsResponse {
        sessions: shown.collect(),
        page: Some(info),
    })
}

fn cursor(bytes: &[u8]) -> Result<SessionId, PageError> {
    let uuid = Uuid::from_slice(bytes).map_err(|_| PageError::Token)?;
    Ok(SessionId::from_uuid(uuid))
}
