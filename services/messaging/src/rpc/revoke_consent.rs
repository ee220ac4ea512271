//! RevokeConsent: the caller takes an agreement back. It succeeds alike for everybody, whether
//! there was one, whether they are there, and whether they block the caller.

use postern_proto::messaging::v1::{RevokeConsentRequest, RevokeConsentResponse};
use postern_shared::{caller::Me, error::Check, person::named};

use super::Rpc;
use crate::error::Error;

pub(super) async fn revoke_consent(
    rpc: &Rpc,
    me: Me,
    request: RevokeConsentRequest,
) -> Result<RevokeConsentResponse, Error> {
    let mut check = Check::new();
    let person = named(&mut check, "person", request.person.as_ref());
    let person = check.done(person)?;
    let other = rpc.owners.named(&me.caller, &person).await?;
    if other == Some(me.id) {
        return Err(Error::SelfReference);
    }
    // Nobody by that handle: nothing was agreed to with them.
    if let Some(other) = other {
        rpc.store.revoke_consent(me.id, other).await?;
    }
    Ok(RevokeConsentResponse {})
}
