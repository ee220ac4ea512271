//! Makes access tokens by hand, with the suite's own key or another one, so that a test decides
//! about every byte.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use postern_shared::auth::{AUDIENCE, ISSUER, read_signing_key};
use serde_json::{Value, json};

use crate::suite::{Person, Suite};

/// The order of the group of Ed25519, the lowest byte first.
const ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The alphabet of tokens.
pub const URL_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Signs whatever it is given.
pub struct Forge {
    /// The suite's time, in seconds.
    pub now: i64,
    /// Whose tokens it makes.
    pub person: String,
    kid: String,
    key: Ed25519KeyPair,
    foreign: Ed25519KeyPair,
}

/// Bytes as a token writes them.
pub fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Forge {
    pub fn new(suite: &Suite, person: &Person) -> Self {
        let path = suite.home.path().join("token.pem");
        let pem = std::fs::read_to_string(&path).unwrap();
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64_STANDARD.decode(lines).unwrap();
        Self {
            now: suite.clock.now().unix_seconds(),
            person: person.id.to_string(),
            kid: read_signing_key(&path).unwrap().kid().to_owned(),
            key: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap(),
            foreign: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// The header of a good token.
    pub fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid})
    }

    /// The claims of a good token.
    pub fn claims(&self) -> Value {
        json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": self.person,
            "sid": "018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35",
            "jti": "forged",
            "iat": self.now,
            "exp": self.now + 600,
            "roles": [],
        })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as JWKS writes it.
    pub fn x(&self) -> String {
        base64(&self.public())
    }

    pub fn public(&self) -> Vec<u8> {
        self.key.public_key().as_ref().to_vec()
    }

    pub fn foreign_x(&self) -> String {
        base64(self.foreign.public_key().as_ref())
    }

    /// The public key as openssl writes it.
    pub fn public_pem(&self) -> String {
        // SubjectPublicKeyInfo with the identifier of Ed25519.
        let head = [0x30, 0x2A, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 3, 0x21, 0];
        let der = [&head[..], &self.public()].concat();
        let text = BASE64_STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// A token with the signature of the right key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// The same from any text.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        join(header, claims, |signed| {
            self.key.sign(signed).as_ref().to_vec()
        })
    }

    /// A token with the signature of another key.
    pub fn sign_foreign(&self, header: &Value, claims: &Value) -> String {
        let sign = |signed: &[u8]| self.foreign.sign(signed).as_ref().to_vec();
        join(&header.to_string(), &claims.to_string(), sign)
    }

    /// A token with the HMAC of a secret.
    pub fn sign_hmac(&self, header: &Value, claims: &Value, secret: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |signed: &[u8]| hmac::sign(&key, signed).as_ref().to_vec();
        join(&header.to_string(), &claims.to_string(), sign)
    }

    /// The same signature with the order of the group added to its second half: a verifier that
    /// does not reduce takes it for another good one.
    pub fn malleable(&self, token: &str) -> String {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        format!("{signed}.{}", base64(&bytes))
    }
}

/// The same bytes in another spelling: the last character holds four bits that say nothing.
pub fn spare_bits(token: &str) -> String {
    let (start, last) = token.split_at(token.len() - 1);
    let at = URL_ALPHABET
        .iter()
        .position(|letter| last.as_bytes() == [*letter]);
    let other = URL_ALPHABET[at.unwrap() + 1];
    format!("{start}{}", char::from(other))
}

fn join(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.as_bytes())
    );
    let signature = base64(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
