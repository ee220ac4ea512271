//! The pair of tokens that a client acts with.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postern_proto::identity::v1::Tokens;
use postern_shared::{
    auth::Claims,
    clock::Timestamp,
    id::{SessionId, UserId},
};

use super::Rpc;
use crate::{domain::RefreshToken, error::Error, store::Holder};

/// Bytes of the name of an access token.
const JTI_BYTES: usize = 16;

/// Signs a new access token, which tells of its holder what is so at this moment, and puts it
/// beside a refresh token.
pub fn issue(
    rpc: &Rpc,
    holder: &Holder,
    user: UserId,
    session: SessionId,
    refresh: &RefreshToken,
    refresh_expires_at: Timestamp,
    now: Timestamp,
) -> Result<Tokens, Error> {
    let jti = BASE64_URL_SAFE_NO_PAD.encode(rpc.random.bytes::<JTI_BYTES>());
    let mut claims = Claims::new(user, session, jti, now).with_roles(&holder.roles);
    if holder.gone {
        claims = claims.restricted();
    }
    let access_token = rpc.signing_key.sign(&claims);
    Ok(Tokens {
        access_token: access_token.map_err(|error| Error::Sign(error.into()))?,
        access_token_expire_time: Some(
            Timestamp::from_unix_millis(claims.exp.saturating_mul(1_000)).to_proto(),
        ),
        refresh_token: refresh.to_text(),
        refresh_token_expire_time: Some(refresh_expires_at.to_proto()),
    })
}
