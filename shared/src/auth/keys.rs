//! Keys in files: read where a setting names one, generated for development where none is.

use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::random::Random;

/// The key that access tokens are signed with.
pub struct SigningKey {
    header: Header,
    key: EncodingKey,
    public: Vec<u8>,
}

impl SigningKey {
    /// Signs a set of claims.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&self.header, claims, &self.key)
    }

    /// The key's id: the first 16 characters of the SHA-256 of its public half.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// The public half: 32 bytes, base64url.
    #[must_use]
    pub fn public_base64(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.public)
    }

    fn from_pem(text: &str) -> Result<Self, String> {
        let block = pem::parse(text).map_err(|_| "is not PEM".to_owned())?;
        let expected = "is not an Ed25519 private key in PKCS#8: make one with \
                        `openssl genpkey -algorithm ed25519`";
        if block.tag() != "PRIVATE KEY" {
            return Err(expected.to_owned());
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(block.contents())
            .map_err(|_| expected.to_owned())?;
        let public = pair.public_key().as_ref().to_vec();
        let hash = digest::digest(&digest::SHA256, &public);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(BASE64_URL_SAFE_NO_PAD.encode(hash)[..16].to_owned());
        Ok(Self {
            header,
            key: EncodingKey::from_ed_der(block.contents()),
            public,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

/// Reads the signing key that a setting names.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_signing_key(path: &Path) -> io::Result<SigningKey> {
    let named = |problem: String| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` {problem}", path.display()),
        )
    };
    let text = Zeroizing::new(
        fs::read_to_string(path)
            .map_err(|error| named(format!("cannot be read as a token key: {error}")))?,
    );
    SigningKey::from_pem(&text).map_err(named)
}

/// Reads the signing key of a data folder; makes one where there is none.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn load_or_generate_signing_key(path: &Path) -> io::Result<SigningKey> {
    if !path.exists() {
        let fail = |_| io::Error::other("the system gave no randomness for a key");
        let pair = Ed25519KeyPair::generate().map_err(fail)?;
        // Version 1, as openssl writes it: other tools cannot read version 2.
        let der = pair.to_pkcs8v1().map_err(fail)?;
        let der = Zeroizing::new(der.as_ref().to_vec());
        write_secret(
            path,
            pem::encode(&pem::Pem::new("PRIVATE KEY", der.to_vec())).as_bytes(),
        )?;
    }
    read_signing_key(path)
}

/// Reads a key of 32 bytes from a data folder; makes one where there is none.
///
/// # Errors
/// When the file cannot be read or written, or has another length.
pub fn load_or_generate_key(path: &Path, random: &Random) -> io::Result<[u8; 32]> {
    if !path.exists() {
        write_secret(path, &random.bytes::<32>())?;
    }
    read_key(path)
}

/// Reads a key of 32 bytes.
///
/// # Errors
/// When the file cannot be read, or has another length.
pub fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let how = "make one with `head -c 32 /dev/urandom`";
    let bytes = fs::read(path).map_err(|error| {
        let problem = format!("`{}` cannot be read: {error}: {how}", path.display());
        io::Error::new(error.kind(), problem)
    })?;
    Zeroizing::new(bytes).as_slice().try_into().map_err(|_| {
        let problem = format!("`{}` is not a key of 32 bytes: {how}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })
}

/// Writes a file that only its owner may read: whole, or not at all. Of two writers at once one
/// wins, and both go on with the winner's.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut half = path.as_os_str().to_owned();
    half.push(format!(".{}", std::process::id()));
    let half = Path::new(&half);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(half, path);
    fs::remove_file(half)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_kept_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.pem");
        let first = load_or_generate_signing_key(&path).unwrap();
        let second = load_or_generate_signing_key(&path).unwrap();
        assert_eq!(first.kid(), second.kid());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&path, "nonsense").unwrap();
        let message = read_signing_key(&path).unwrap_err().to_string();
        assert!(
            message.contains("token.pem") && message.contains("PEM"),
            "{message}"
        );
    }
}
