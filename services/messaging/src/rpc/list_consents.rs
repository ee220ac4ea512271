//! ListConsents.

use postern_proto::messaging::v1::{ListConsentsRequest, ListConsentsResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn list_consents(
    _: &Rpc,
    _: Me,
    _: ListConsentsRequest,
) -> Result<ListConsentsResponse, Error> {
    Err(Error::Stopping)
}
