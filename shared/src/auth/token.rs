//! Access tokens: made by identity, verified by everyone from identity's public keys.
//!
//! EdDSA alone (RFC 8725: the server fixes the algorithm), `typ` at+jwt (RFC 9068), issuer and
//! audience fixed, key ids only from identity's own list. Whether a token has expired is decided
//! by our clock, with a leeway of 30 s.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, sync::RwLock, time::Instant};

use crate::{
    caller::{Role, Scope, User},
    clock::{Clock, Timestamp},
    id::{SessionId, UserId},
};

/// How long an access token lives.
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(600);
/// Who makes access tokens.
pub const ISSUER: &str = "postern-identity";
/// Whom they are for.
pub const AUDIENCE: &str = "postern";
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// The scope of an account that is not in use.
const RESTRICTED: &str = "standing";
/// Ours have about 400 bytes.
const TOKEN_BYTES_MAX: usize = 2_048;
/// How often identity is asked for its keys at the most: an unknown key id is anyone's to send.
const REFETCH: Duration = Duration::from_secs(5);

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Forged, damaged, or meant for others.
    #[error("the access token is not valid: sign in again")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired: refresh the session")]
    Expired,
    /// Identity could not be asked for its keys.
    #[error("the keys for access tokens could not be fetched")]
    KeysUnavailable,
}

/// The claims of an access token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// The person: a user id.
    pub sub: String,
    /// The sign-in: a session id.
    pub sid: String,
    /// Names the token.
    pub jti: String,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it expires, in seconds.
    pub exp: i64,
    /// What else the person may do: names of roles.
    pub roles: Vec<String>,
    /// Empty, or `standing`: the account is deactivated, suspended or banned (RFC 8693, 4.2).
    #[serde(default)]
    pub scope: String,
}

impl Claims {
    /// The claims of a new token.
    #[must_use]
    pub fn new(user: UserId, session: SessionId, jti: String, now: Timestamp) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            jti,
            iat: now.unix_seconds(),
            exp: now.plus(ACCESS_TOKEN_LIFE).unix_seconds(),
            roles: Vec::new(),
            scope: String::new(),
        }
    }

    /// The same for an account that is not in use.
    #[must_use]
    pub fn restricted(mut self) -> Self {
        RESTRICTED.clone_into(&mut self.scope);
        self
    }

    /// The same for someone with roles.
    #[must_use]
    pub fn with_roles(mut self, roles: &[Role]) -> Self {
        self.roles = roles.iter().map(|role| role.as_str().to_owned()).collect();
        self
    }
}

/// One public key as identity lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Its id.
    pub kid: String,
    /// 32 bytes, base64url.
    pub x: String,
}

/// Asks identity for its public keys.
pub type JwksSource =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<VerifyingKey>, tonic::Status>> + Send + Sync>;

/// Verifies access tokens.
pub struct Verifier {
    clock: Clock,
    source: JwksSource,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// When the keys were last asked for; held while asking, so that one asks for all.
    asked: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// Knows no key yet; the first token makes it ask.
    #[must_use]
    pub fn new(clock: Clock, source: JwksSource) -> Self {
        Self {
            clock,
            source,
            keys: RwLock::new(HashMap::new()),
            asked: Mutex::new(None),
        }
    }

    /// Tells whose token it is.
    ///
    /// # Errors
    /// When it is not one of ours, has expired, or cannot be checked.
    pub async fn verify(&self, token: &str) -> Result<User, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let ours = header.typ.as_deref() == Some("at+jwt")
            && header.alg == Algorithm::EdDSA
            // We know no extension, so none that is critical (RFC 7515, 4.1.11).
            && header.crit.is_none();
        let kid = header.kid.filter(|_| ours);
        let key = self.key(&kid.ok_or(TokenError::Invalid)?).await?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked below by our own clock.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        self.check_times(&claims)?;
        Ok(User {
            id: claims.sub.parse().map_err(|_| TokenError::Invalid)?,
            session: claims.sid.parse().map_err(|_| TokenError::Invalid)?,
            scope: match claims.scope.as_str() {
                "" => Scope::Full,
                // A scope that this version does not know opens no more than the least.
                _ => Scope::Restricted,
            },
            // Likewise a role that it does not know opens nothing.
            roles: (claims.roles.iter())
                .filter_map(|name| Role::parse(name))
                .collect(),
            token: Arc::from(token),
        })
    }

    fn check_times(&self, claims: &Claims) -> Result<(), TokenError> {
        let now = self.clock.now();
        let life = claims
            .exp
            .checked_sub(claims.iat)
            .ok_or(TokenError::Invalid)?;
        let ours = i64::try_from(ACCESS_TOKEN_LIFE.as_secs()).unwrap_or(i64::MAX);
        if !(0..=ours).contains(&life) || claims.iat > now.plus(LEEWAY).unix_seconds() {
            return Err(TokenError::Invalid);
        }
        if claims.exp < now.minus(LEEWAY).unix_seconds() {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, TokenError> {
        if let Some(key) = self.keys.read().await.get(kid) {
            return Ok(key.clone());
        }
        let mut asked = self.asked.lock().await;
        // Another call may have fetched it while this one waited.
        if let Some(key) = self.keys.read().await.get(kid) {
            return Ok(key.clone());
        }
        if asked.is_some_and(|at| at.elapsed() < REFETCH) {
            return Err(TokenError::Invalid);
        }
        let listed = (self.source)()
            .await
            .map_err(|_| TokenError::KeysUnavailable)?;
        *asked = Some(Instant::now());
        let mut keys = HashMap::new();
        for listed in listed {
            match DecodingKey::from_ed_components(&listed.x) {
                Ok(key) => {
                    keys.insert(listed.kid, key);
                }
                Err(error) => tracing::warn!(%error, kid = listed.kid, "a listed key is unusable"),
            }
        }
        let found = keys.get(kid).cloned();
        *self.keys.write().await = keys;
        found.ok_or(TokenError::Invalid)
    }
}
