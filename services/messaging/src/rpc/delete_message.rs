//! DeleteMessage.

use postern_proto::messaging::v1::{DeleteMessageRequest, DeleteMessageResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn delete_message(
    _: &Rpc,
    _: Me,
    _: DeleteMessageRequest,
) -> Result<DeleteMessageResponse, Error> {
    Err(Error::Stopping)
}
