//! PreviewSettings.

use postern_proto::messaging::v1::{PreviewSettingsRequest, PreviewSettingsResponse};
use postern_shared::caller::Me;

use super::Rpc;
use crate::error::Error;

pub(super) async fn preview_settings(
    _: &Rpc,
    _: Me,
    _: PreviewSettingsRequest,
) -> Result<PreviewSettingsResponse, Error> {
    Err(Error::Stopping)
}
