//! Proving who calls: access tokens of people, credentials of services, and the keys for both.

mod credential;
mod keys;
mod token;

pub use credential::{CREDENTIAL_HEADER, ServiceKey};
pub use keys::{
    SigningKey, load_or_generate_key, load_or_generate_signing_key, read_key, read_signing_key,
};
pub use token::{
    ACCESS_TOKEN_LIFE, AUDIENCE, Claims, ISSUER, JwksSource, TokenError, Verifier, VerifyingKey,
};
