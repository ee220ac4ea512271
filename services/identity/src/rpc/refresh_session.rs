//! RefreshSession: a refresh token for a new pair of tokens.

use postern_proto::identity::v1::{RefreshSessionRequest, RefreshSessionResponse};
use zeroize::Zeroizing;

use super::{Rpc, tokens};
use crate::{domain::RefreshToken, error::Error};

pub async fn refresh_session(
    rpc: &Rpc,
    ask: RefreshSessionRequest,
) -> Result<RefreshSessionResponse, Error> {
    let text = Zeroizing::new(ask.refresh_token);
    let old = RefreshToken::parse(&text).ok_or(Error::RefreshTokenInvalid)?;
    let (now, salt) = (rpc.clock.now(), rpc.random.bytes());
    let life = rpc.config.refresh_token_life;
    let new = rpc.store.rotate(&old, salt, life, now).await?;
    let holder = rpc.store.holder(new.user, now).await?;
    let holder = holder.ok_or(Error::RefreshTokenInvalid)?;
    let tokens = tokens::issue(
        rpc,
        &holder,
        new.user,
        new.session,
        &new.token,
        new.expires_at,
        now,
    )?;
    Ok(RefreshSessionResponse {
        tokens: Some(tokens),
    })
}
