//! ExplainReceive.

use postern_proto::messaging::v1::{ExplainReceiveRequest, ExplainReceiveResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn explain_receive(
    _: &Rpc,
    _: Me,
    _: ExplainReceiveRequest,
) -> Result<ExplainReceiveResponse, Error> {
    Err(Error::Stopping)
}
