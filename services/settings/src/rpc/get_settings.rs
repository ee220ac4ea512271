//! GetSettings: the caller's own settings.

use postern_proto::settings::v1::GetSettingsResponse;
use postern_shared::caller::Me;

use super::{Rpc, current, wire};
use crate::error::Error;

/// Shows the caller their settings.
pub async fn get_settings(rpc: &Rpc, me: Me) -> Result<GetSettingsResponse, Error> {
    let settings = current::settings(rpc, &me.caller, me.id).await?;
    Ok(GetSettingsResponse {
        settings: Some(wire::settings(me.id, &settings)),
    })
}
