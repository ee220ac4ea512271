//! What is served against what is declared: every RPC has its row, its port and its callers, every
//! reason its code, and reflection and health tell the same.
//!
//! The lists in `tests/golden` are printed here, so that a change of them is reviewed as a diff.

mod access;
pub mod errors;
pub mod golden;
pub mod raw;
mod reflection;
mod repeatable;

use std::collections::BTreeMap;

use postern_proto::DESCRIPTORS;
use postern_shared::{
    access::{Access, find},
    auth::ServiceKey,
    caller::ServiceName,
};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::transport::Channel;

use crate::suite::{Person, Suite};

/// One RPC of the contract.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// `/package.Service/Method`.
    pub path: String,
    /// What the access table says of it.
    pub access: Access,
    /// What the contract says of it.
    pub method: MethodDescriptor,
}

/// Which ports a service is served on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub public: bool,
    pub internal: bool,
}

/// Every RPC of the contract.
pub fn rpcs() -> Vec<Rpc> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let methods: Vec<_> = pool
        .services()
        .flat_map(|s| s.methods().collect::<Vec<_>>())
        .collect();
    methods
        .into_iter()
        .map(|method| {
            let service = method.parent_service().full_name().to_owned();
            let path = format!("/{service}/{}", method.name());
            let row = find(&path).unwrap_or_else(|| panic!("`{path}` has no row"));
            Rpc {
                path,
                access: row.access,
                method,
            }
        })
        .collect()
}

/// Where the contract says that a service is served.
pub fn ports(service: &str) -> Ports {
    // The other services fetch the keys for access tokens over the internal port, and messaging
    // blocks there in the name of a person who declines and blocks.
    let both = [
        "postern.identity.v1.SessionService",
        "postern.graph.v1.GraphService",
    ];
    let comment = &comments()[service];
    let internal = comment.contains("Internal port only.");
    Ports {
        public: !internal,
        internal: internal || both.contains(&service),
    }
}

/// The comments of services, methods and the values of enums, by their full names, on one line.
pub fn comments() -> BTreeMap<String, String> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    set.file.iter().flat_map(comments_of).collect()
}

fn comments_of(file: &FileDescriptorProto) -> Vec<(String, String)> {
    let package = file.package();
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let index = |place: &i32| usize::try_from(*place).unwrap();
    let named = locations.filter_map(|location| {
        let name = match location.path.as_slice() {
            [6, service] => file.service[index(service)].name().to_owned(),
            [6, service, 2, method] => {
                let service = &file.service[index(service)];
                format!(
                    "{}.{}",
                    service.name(),
                    service.method[index(method)].name()
                )
            }
            [5, list, 2, value] => file.enum_type[index(list)].value[index(value)]
                .name()
                .to_owned(),
            _ => return None,
        };
        let words: Vec<_> = location.leading_comments().split_whitespace().collect();
        Some((format!("{package}.{name}"), words.join(" ")))
    });
    named.collect()
}

/// The credential of a service, as its calls carry it.
pub fn credential(suite: &Suite, service: ServiceName) -> String {
    let key = std::fs::read(suite.home.path().join("service.key")).unwrap();
    ServiceKey::new(&key.try_into().unwrap()).credential(service)
}

/// A port that serves an RPC, and the header of someone who may call it.
pub fn allowed<'a>(
    suite: &'a Suite,
    person: &Person,
    rpc: &Rpc,
) -> (&'a Channel, Vec<(&'static str, String)>) {
    match rpc.access {
        Access::Anyone => (&suite.channel, Vec::new()),
        Access::User | Access::AnyStanding => (&suite.channel, vec![bearer(person)]),
        Access::Holder(roles) => {
            let holder = suite.with_role(person, roles[0]);
            (&suite.channel, vec![bearer(&holder)])
        }
        Access::Services(names) => {
            let credential = credential(suite, names[0]);
            (&suite.internal, vec![("postern-service", credential)])
        }
    }
}

/// The header of a signed-in person.
pub fn bearer(person: &Person) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", person.token))
}
