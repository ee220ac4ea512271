//! SetPresence: identity says who is gone to others, and who is back.
//!
//! Graph keeps no fence, as it decides nothing: it leaves people out of lists and counts.

use postern_proto::policy::v1::{SetPresenceRequest, SetPresenceResponse};
use postern_shared::{
    error::Check,
    fence::{Effect, Raise},
    id::UserId,
};

use super::Rpc;
use crate::error::Error;

/// Takes in what identity says.
///
/// # Errors
/// As the contract lists them.
pub async fn set_presence(
    rpc: &Rpc,
    ask: SetPresenceRequest,
) -> Result<SetPresenceResponse, Error> {
    let mut check = Check::new();
    let user: Option<UserId> = check.take("user_id", ask.user_id.parse());
    if ask.version == 0 || i64::try_from(ask.version).is_err() {
        check.wrong("version", "must be 1 to 9,223,372,036,854,775,807");
    }
    let heard = Raise {
        user: check.done(user)?,
        version: ask.version,
        effect: Some(if ask.gone {
            Effect::Gone
        } else {
            Effect::Returned
        }),
    };
    rpc.store.hear(&heard).await?;
    Ok(SetPresenceResponse {})
}
