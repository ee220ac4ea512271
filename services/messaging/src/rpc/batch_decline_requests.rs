//! BatchDeclineRequests.

use postern_proto::messaging::v1::{BatchDeclineRequestsRequest, BatchDeclineRequestsResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn batch_decline_requests(
    _: &Rpc,
    _: Me,
    _: BatchDeclineRequestsRequest,
) -> Result<BatchDeclineRequestsResponse, Error> {
    Err(Error::Stopping)
}
