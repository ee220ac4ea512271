//! Calls between services are made again after a failure: the contract says of each of them that
//! this does no harm.

use postern_shared::access::Access;
use prost_types::method_options::IdempotencyLevel;

use super::{Rpc, rpcs};

/// Fetched by every service over the internal port, and open to anyone.
const KEYS: &str = "/postern.identity.v1.SessionService/GetJwks";

/// Called by messaging in a person's name.
const BLOCK: &str = "/postern.graph.v1.GraphService/Block";

fn level(rpc: &Rpc) -> IdempotencyLevel {
    let options = rpc.method.method_descriptor_proto().options.as_ref();
    options.map_or(IdempotencyLevel::IdempotencyUnknown, |options| {
        options.idempotency_level()
    })
}

fn called_by_services() -> Vec<Rpc> {
    let called = |rpc: &Rpc| {
        matches!(rpc.access, Access::Services(_)) || [KEYS, BLOCK].contains(&rpc.path.as_str())
    };
    let called: Vec<_> = rpcs().into_iter().filter(called).collect();
    assert!(called.iter().any(|rpc| rpc.path == KEYS));
    assert!(called.len() > 1);
    called
}

#[test]
fn what_services_call_may_be_repeated() {
    for rpc in called_by_services() {
        let level = level(&rpc);
        assert_ne!(level, IdempotencyLevel::IdempotencyUnknown, "{}", rpc.path);
    }
}

#[test]
fn what_services_call_is_one_request_and_one_answer() {
    for Rpc { path, method, .. } in called_by_services() {
        let streams = method.is_client_streaming() || method.is_server_streaming();
        assert!(!streams, "{path} cannot be held whole and sent again");
    }
}
