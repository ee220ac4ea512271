//! The development credential of a service: what stands in for a client certificate where calls
//! between services stay on one machine.
//!
//! A credential is `<service>.<HMAC-SHA256 of the name under a key that lies in the data folder>`,
//! so that whoever can read the folder can call, and a credential says for which service.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::caller::ServiceName;

/// The header that carries it. The public port ignores it.
pub const CREDENTIAL_HEADER: &str = "postern-service";

/// Makes and checks credentials.
#[derive(Debug, Clone)]
pub struct ServiceKey(hmac::Key);

impl ServiceKey {
    /// Takes the key that all services of a machine share.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The credential of a service.
    #[must_use]
    pub fn credential(&self, service: ServiceName) -> String {
        let tag = hmac::sign(&self.0, service.as_str().as_bytes());
        format!("{service}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whose credential it is; none when it is not ours.
    #[must_use]
    pub fn check(&self, credential: &str) -> Option<ServiceName> {
        let (name, tag) = credential.split_once('.')?;
        let service = ServiceName::parse(name)?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        // Compares in constant time.
        hmac::verify(&self.0, name.as_bytes(), &tag).ok()?;
        Some(service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_good_for_its_service_and_key_alone() {
        let key = ServiceKey::new(&[1; 32]);
        let graph = key.credential(ServiceName::Graph);
        assert_eq!(key.check(&graph), Some(ServiceName::Graph));
        assert_eq!(key.check(&graph.replace("graph.", "messaging.")), None);
        assert_eq!(ServiceKey::new(&[2; 32]).check(&graph), None);
        for junk in ["", "graph", "graph.", "graph.AAAA", "nobody.AAAA"] {
            assert_eq!(key.check(junk), None, "{junk}");
        }
    }
}
