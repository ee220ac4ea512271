//! CreateSession: signing in.
//!
//! Whether the handle is unknown or the password wrong shows neither in the answer nor in the
//! work that was done for it.

use postern_proto::identity::v1::{CreateSessionRequest, CreateSessionResponse};
use postern_shared::{
    clock::Timestamp,
    error::{Check, Failure as _, Invalid},
    id::SessionId,
};
use tonic::Code;
use zeroize::Zeroizing;

use super::{Rpc, tokens, wire};
use crate::{
    attempts::Charge,
    domain::{
        Account, HANDLE_CHARS_MAX, Handle, Password, PasswordHash, RefreshToken, Session,
        device_name,
    },
    error::Error,
    hashing::Verdict,
};

pub async fn create_session(
    rpc: &Rpc,
    ask: CreateSessionRequest,
) -> Result<CreateSessionResponse, Error> {
    let asked = parse(ask)?;
    let now = rpc.clock.now();
    let charge = charge(rpc, &asked.handle, now)?;
    let proved = prove(rpc, &asked.handle, asked.password).await;
    // Only a wrong guess counts: neither success nor our own trouble does.
    let wrong = matches!(&proved, Err(error) if error.classify().0 == Code::Unauthenticated);
    if let (Some(limit), Some(charge), false) = (&rpc.failed_sign_ins, charge, wrong) {
        limit.refund(charge);
    }
    let proved = proved?;
    let session = Session {
        user: proved.account.id,
        id: SessionId::new(now, &rpc.random),
        device_name: asked.device_name,
        created_at: now,
        refreshed_at: now,
        expires_at: now.plus(rpc.config.refresh_token_life),
    };
    let refresh = RefreshToken::new(rpc.random.bytes());
    let rehashed = proved.rehashed.as_ref().map(|new| (&proved.hash, new));
    rpc.store.open_session(&session, &refresh, rehashed).await?;
    let holder = rpc.store.holder(session.user, now).await?;
    let tokens = tokens::issue(
        rpc,
        &holder.ok_or(Error::CredentialsInvalid)?,
        session.user,
        session.id,
        &refresh,
        session.expires_at,
        now,
    )?;
    Ok(CreateSessionResponse {
        user_id: session.user.to_string(),
        session: Some(wire::session(&session, true)),
        tokens: Some(tokens),
    })
}

struct Asked {
    /// As it was sent: whether it can be a handle at all is not told.
    handle: String,
    password: Password,
    device_name: String,
}

fn parse(ask: CreateSessionRequest) -> Result<Asked, Invalid> {
    let raw_password = Zeroizing::new(ask.password);
    let mut check = Check::new();
    if ask.handle.is_empty() {
        check.wrong("handle", "must not be empty");
    } else if ask.handle.chars().count() > HANDLE_CHARS_MAX {
        check.wrong(
            "handle",
            format!("must have at most {HANDLE_CHARS_MAX} characters"),
        );
    }
    let password = check.take("password", Password::present(&raw_password));
    let device_name = check.take("device_name", device_name(&ask.device_name));
    let parsed = password
        .zip(device_name)
        .map(|(password, device_name)| Asked {
            handle: ask.handle,
            password,
            device_name,
        });
    check.done(parsed)
}

fn charge(rpc: &Rpc, handle: &str, now: Timestamp) -> Result<Option<Charge>, Error> {
    let Some(limit) = &rpc.failed_sign_ins else {
        return Ok(None);
    };
    let charged = limit.charge(handle, now);
    charged
        .map(Some)
        .map_err(|retry_after| Error::TooManyFailedSignIns { retry_after })
}

struct Proved {
    account: Account,
    hash: PasswordHash,
    rehashed: Option<PasswordHash>,
}

async fn prove(rpc: &Rpc, handle: &str, password: Password) -> Result<Proved, Error> {
    let found = match Handle::parse(handle) {
        Ok(handle) => rpc.store.credentials(&handle).await?,
        Err(_) => None,
    };
    let found = found.filter(|(account, _)| account.can_sign_in());
    let stored = found.as_ref().map(|(_, hash)| hash.clone());
    let verdict = rpc.hasher.verify(password, stored).await?;
    match (found, verdict) {
        (Some((account, hash)), Verdict::Right { rehashed }) => Ok(Proved {
            account,
            hash,
            rehashed,
        }),
        _ => Err(Error::CredentialsInvalid),
    }
}
