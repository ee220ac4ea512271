//! ExplainSend.

use postern_proto::messaging::v1::{ExplainSendRequest, ExplainSendResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn explain_send(
    _: &Rpc,
    _: Me,
    _: ExplainSendRequest,
) -> Result<ExplainSendResponse, Error> {
    Err(Error::Stopping)
}
