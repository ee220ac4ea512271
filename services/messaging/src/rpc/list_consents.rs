//! ListConsents: what the caller agreed to, and whether it counts.

use postern_proto::messaging::v1::{ListConsentsRequest, ListConsentsResponse};
use postern_shared::{
    caller::Me,
    id::{ConversationId, UserId},
    page::Scope,
};

use super::{CONSENT_PAGE, Rpc, agreed};
use crate::{domain::Consent, error::Error, store::Known};

pub(super) async fn list_consents(
    rpc: &Rpc,
    me: Me,
    request: ListConsentsRequest,
) -> Result<ListConsentsResponse, Error> {
    let scope = Scope {
        rpc: "messaging.ListConsents",
        user: me.id,
        parameters: "",
    };
    let page = rpc.pager.read(request.page.as_ref(), CONSENT_PAGE, scope)?;
    let after = page.after.as_deref().and_then(place);
    let limit = u64::from(page.size) + 1;
    let mut examined = rpc.store.list_known(me.id, after, limit).await?;
    // The page ends where it stopped looking, whatever is left out of it.
    let info = rpc.pager.next(&mut examined, page.size, scope, |last| {
        last.pair.id.uuid().as_bytes().to_vec()
    });
    let agreed = |known: &Known| known.pair.side(me.id).consent != Consent::None;
    examined.retain(|known| agreed(known) && !known.peer_gone);
    let consents = if examined.is_empty() {
        Vec::new()
    } else {
        stated(rpc, &me, &examined).await?
    };
    Ok(ListConsentsResponse {
        consents,
        page: Some(info),
    })
}

/// Each with its state, without those of whom graph knows already that they block the caller.
async fn stated(
    rpc: &Rpc,
    me: &Me,
    examined: &[Known],
) -> Result<Vec<postern_proto::messaging::v1::Consent>, Error> {
    let peers: Vec<UserId> = examined.iter().map(|known| known.peer).collect();
    let (own, edges) = tokio::join!(
        agreed::own(rpc, me),
        rpc.owners.edges_towards(&me.caller, me.id, &peers),
    );
    let ((person, settings), edges) = (own?, edges?);
    let settings = settings.at_age(person.age_band);
    let visible = examined.iter().zip(edges).filter(|(_, e)| !e.sender_blocks);
    let stated = visible.filter_map(|(known, edges)| {
        let consent = known.pair.side(me.id).consent;
        agreed::consent(known.peer, consent, edges.recipient_epoch, &settings)
    });
    Ok(stated.collect())
}

/// The place that a page token names. The token is authenticated, so it is one of ours.
fn place(after: &[u8]) -> Option<ConversationId> {
    after.try_into().ok().map(ConversationId::from_bytes)
}
