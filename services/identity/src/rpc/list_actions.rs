//! ListActions: everything that was ever done about a person, for moderators.

use postern_proto::{
    common::v1::PersonRef,
    identity::v1::{ListActionsRequest, ListActionsResponse},
};
use postern_shared::{
    caller::Me,
    clock::Timestamp,
    error::Check,
    id::{ActionId, UserId},
    page::{PageError, PageSizes, Scope},
    person,
};
use uuid::Uuid;

use super::{Rpc, wire};
use crate::error::Error;

const SIZES: PageSizes = PageSizes {
    default: 50,
    max: 200,
};

pub async fn list_actions(
    rpc: &Rpc,
    me: Me,
    ask: ListActionsRequest,
) -> Result<ListActionsResponse, Error> {
    let now = rpc.clock.now();
    let user = subject(rpc, &me, ask.person.as_ref(), now).await?;
    let subject = user.to_string();
    let scope = Scope {
        rpc: "identity.ListActions",
        user: me.id,
        parameters: &subject,
    };
    let page = rpc.pager.read(ask.page.as_ref(), SIZES, scope)?;
    let after = page.after.as_deref().map(cursor).transpose()?;
    let count_max = u64::from(page.size) + 1;
    let mut found = rpc.store.actions(user, after, count_max).await?;
    let info = rpc.pager.next(&mut found, page.size, scope, |last| {
        last.id.uuid().as_bytes().to_vec()
    });
    Ok(ListActionsResponse {
        actions: found
            .iter()
            .map(|action| wire::action(action, now))
            .collect(),
        page: Some(info),
    })
}

/// The person whom a moderator asks about.
///
/// # Errors
/// When nobody is named rightly, the caller is no moderator any more, or there is nobody.
pub(super) async fn subject(
    rpc: &Rpc,
    me: &Me,
    person: Option<&PersonRef>,
    now: Timestamp,
) -> Result<UserId, Error> {
    let mut check = Check::new();
    let named = person::named(&mut check, "person", person);
    let named = check.done(named)?;
    // Whoever is no moderator any more is told nothing about anybody.
    rpc.store.require_moderator(me.id, now).await?;
    let person = rpc.store.named(&named, now).await?;
    Ok(person.ok_or(Error::AccountNotFound)?.account.id)
}

fn cursor(bytes: &[u8]) -> Result<ActionId, PageError> {
    let uuid = Uuid::from_slice(bytes).map_err(|_| PageError::Token)?;
    Ok(ActionId::from_uuid(uuid))
}
