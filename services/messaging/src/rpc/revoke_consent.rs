//! RevokeConsent.

use postern_proto::messaging::v1::{RevokeConsentRequest, RevokeConsentResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn revoke_consent(
    _: &Rpc,
    _: Me,
    _: RevokeConsentRequest,
) -> Result<RevokeConsentResponse, Error> {
    Err(Error::Stopping)
}
