//! The settings that stand: the stored ones, and for who never changed any their defaults.

use std::collections::HashMap;

use postern_shared::{caller::Caller, id::UserId};

use super::Rpc;
use crate::{domain::Settings, error::Error};

/// The settings of those of these people who exist; at most 100 people. Fails as a whole when
/// identity is needed and does not answer: a default that is guessed could let a stranger in.
pub async fn settings_of(
    rpc: &Rpc,
    caller: &Caller,
    users: &[UserId],
) -> Result<HashMap<UserId, Settings>, Error> {
    let mut settings = rpc.store.settings_of(users).await?;
    let untouched: Vec<_> = users
        .iter()
        .copied()
        .filter(|user| !settings.contains_key(user))
        .collect();
    let origins = rpc.identity.origins(caller, &untouched).await?;
    let defaults = origins
        .into_iter()
        .map(|(user, origin)| (user, Settings::untouched(origin)));
    settings.extend(defaults);
    Ok(settings)
}

/// The settings of one person.
pub async fn settings(rpc: &Rpc, caller: &Caller, user: UserId) -> Result<Settings, Error> {
    let mut settings = settings_of(rpc, caller, &[user]).await?;
    settings.remove(&user).ok_or(Error::AccountNotFound)
}
