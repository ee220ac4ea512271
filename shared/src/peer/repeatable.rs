//! Which calls may be made again: those that the contract marks with an `idempotency_level`.
//!
//! The contract alone decides. A test of the contract holds it to marking every RPC that services
//! call.

use std::{collections::BTreeSet, sync::Arc};

use postern_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::{FileDescriptorSet, method_options::IdempotencyLevel};

/// The paths of those RPCs.
#[derive(Debug, Clone)]
pub(super) struct Repeatable(Arc<BTreeSet<String>>);

impl Repeatable {
    pub(super) fn by_contract() -> Self {
        let set = FileDescriptorSet::decode(DESCRIPTORS);
        let set = set.expect("the build wrote the descriptors that it read itself");
        let mut paths = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let level = method.options.as_ref().map(|all| all.idempotency_level());
                    if level.is_some_and(|l| l != IdempotencyLevel::IdempotencyUnknown) {
                        let (package, service) = (file.package(), service.name());
                        paths.insert(format!("/{package}.{service}/{}", method.name()));
                    }
                }
            }
        }
        Self(Arc::new(paths))
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_is_repeatable_and_what_writes_is_not() {
        let repeatable = Repeatable::by_contract();
        assert!(repeatable.contains("/postern.graph.v1.RelationshipService/GetRelationship"));
        assert!(repeatable.contains("/postern.identity.v1.SessionService/GetJwks"));
        assert!(!repeatable.contains("/postern.identity.v1.SessionService/RefreshSession"));
        assert!(!repeatable.contains("/postern.messaging.v1.MessageService/SendMessage"));
        assert!(!repeatable.contains("/postern.graph.v1.RelationshipService/Nothing"));
    }
}
