//! GetJwks: the public keys for access tokens.

use std::future::{Ready, ready};

use postern_proto::identity::v1::{GetJwksResponse, JsonWebKey};

use super::Rpc;
use crate::error::Error;

pub fn get_jwks(rpc: &Rpc) -> Ready<Result<GetJwksResponse, Error>> {
    let key = JsonWebKey {
        kid: rpc.signing_key.kid().to_owned(),
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        alg: "EdDSA".to_owned(),
        r#use: "sig".to_owned(),
        x: rpc.signing_key.public_base64(),
    };
    ready(Ok(GetJwksResponse { keys: vec![key] }))
}
