//! Raise: an owner of policy says which version a decision must carry at least.

use postern_proto::policy::v1::{RaiseRequest, RaiseResponse};
use postern_shared::{caller::Caller, fence};

use super::Rpc;
use crate::error::Error;

pub(super) async fn raise(
    _: &Rpc,
    caller: Caller,
    request: RaiseRequest,
) -> Result<RaiseResponse, Error> {
    let (_owner, _raise) = fence::incoming(&caller, request)?;
    Err(Error::Stopping)
}
