//! GetDecision.

use postern_proto::messaging::v1::{GetDecisionRequest, GetDecisionResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn get_decision(
    _: &Rpc,
    _: Me,
    _: GetDecisionRequest,
) -> Result<GetDecisionResponse, Error> {
    Err(Error::Stopping)
}
