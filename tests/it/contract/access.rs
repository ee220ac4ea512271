//! Who may call what, and where: every RPC of the contract against every caller, on both ports.

use std::collections::BTreeSet;

use postern_proto::{
    common::v1::ErrorReason::{
        self, CallerNotAllowed, ServiceCredentialInvalid, TokenExpired, TokenInvalid, TokenMissing,
        UnknownRpc,
    },
    identity::v1::{GetAccountRequest, GetAccountResponse},
};
use postern_shared::{
    access::{self, Access},
    caller::ServiceName,
};
use prost::Message as _;
use tonic::transport::Channel;

use super::{Ports, Rpc, bearer, credential, errors::only_reason, ports, raw, rpcs};
use crate::suite::{Suite, assert_fails};

/// Reasons that tell a caller to stay out.
const REFUSALS: [ErrorReason; 5] = [
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    ServiceCredentialInvalid,
    CallerNotAllowed,
];

/// Someone who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Principal {
    Nobody,
    Person,
    Service(ServiceName),
    /// A service that calls for a person.
    ServiceFor(ServiceName),
    Forger,
}

fn principals() -> Vec<Principal> {
    use Principal::{Forger, Nobody, Person, Service, ServiceFor};
    let services = ServiceName::ALL
        .into_iter()
        .flat_map(|name| [Service(name), ServiceFor(name)]);
    [Nobody, Person, Forger]
        .into_iter()
        .chain(services)
        .collect()
}

/// What keeps a caller from an RPC; none when nothing does.
fn expected(served: bool, public: bool, access: Access, caller: Principal) -> Option<ErrorReason> {
    let service = match caller {
        // Credentials count for nothing on the public port.
        Principal::Service(name) | Principal::ServiceFor(name) if !public => Some(name),
        _ => None,
    };
    let person = matches!(caller, Principal::Person | Principal::ServiceFor(_));
    match (access, service) {
        _ if !served => Some(UnknownRpc),
        _ if caller == Principal::Forger && !public => Some(ServiceCredentialInvalid),
        (Access::Anyone, _) => None,
        (Access::User, _) if person => None,
        (Access::User, _) => Some(TokenMissing),
        (Access::Services(names), Some(name)) if names.contains(&name) => None,
        (Access::Services(_), Some(_)) => Some(CallerNotAllowed),
        (Access::Services(_), None) => Some(ServiceCredentialInvalid),
    }
}

struct Matrix {
    suite: Suite,
    bearer: (&'static str, String),
}

impl Matrix {
    fn headers(&self, caller: Principal) -> Vec<(&'static str, String)> {
        let shown = |name| ("postern-service", credential(&self.suite, name));
        match caller {
            Principal::Nobody => vec![],
            Principal::Person => vec![self.bearer.clone()],
            Principal::Service(name) => vec![shown(name)],
            Principal::ServiceFor(name) => vec![shown(name), self.bearer.clone()],
            Principal::Forger => {
                let (name, real) = shown(ServiceName::Messaging);
                vec![(name, real.replace("messaging.", "identity."))]
            }
        }
    }

    /// What keeps a caller from an RPC, by asking.
    async fn ask(&self, channel: &Channel, rpc: &Rpc, caller: Principal) -> Option<ErrorReason> {
        let headers = self.headers(caller);
        let answer = raw::call(channel, &rpc.path, &headers, &[]).await;
        let reason = only_reason(&answer.err()?);
        assert_ne!(reason, ErrorReason::Internal, "{} {caller:?}", rpc.path);
        (REFUSALS.contains(&reason) || reason == UnknownRpc).then_some(reason)
    }
}

#[test]
fn every_rpc_has_a_row_and_every_row_an_rpc() {
    let declared: BTreeSet<_> = rpcs().into_iter().map(|rpc| rpc.path).collect();
    let rows: Vec<_> = access::all()
        .map(|row| format!("/{}/{}", row.service, row.method))
        .collect();
    let unique: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), unique.len(), "a row stands twice");
    let standard = |path: &&String| path.starts_with("/grpc.");
    assert_eq!(unique.iter().filter(standard).count(), 4);
    let ours: BTreeSet<_> = unique.into_iter().filter(|path| !standard(&path)).collect();
    assert_eq!(ours, declared);
}

#[test]
fn what_is_for_services_is_served_on_the_internal_port_alone() {
    for rpc in rpcs() {
        let Ports { public, .. } = ports(rpc.method.parent_service().full_name());
        let for_services = matches!(rpc.access, Access::Services(_));
        assert_eq!(public, !for_services, "{}", rpc.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_answers_every_caller_as_the_table_says() {
    let suite = Suite::start().await;
    let bearer = bearer(&suite.person("ada").await);
    let matrix = Matrix { suite, bearer };
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for rpc in rpcs() {
        let ports = ports(rpc.method.parent_service().full_name());
        for (public, served) in [(true, ports.public), (false, ports.internal)] {
            let channel = match public {
                true => &matrix.suite.channel,
                false => &matrix.suite.internal,
            };
            for caller in principals() {
                let expected = expected(served, public, rpc.access, caller);
                let found = matrix.ask(channel, &rpc, caller).await;
                tried += 1;
                if found != expected {
                    wrong.push(format!(
                        "{} public: {public} {caller:?}: {found:?}, expected {expected:?}",
                        rpc.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(tried, rpcs().len() * 2 * 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_contract_is_unknown() {
    let suite = Suite::start().await;
    let bearer = bearer(&suite.person("ada").await);
    for path in [
        "/",
        "/postern.identity.v1.AccountService",
        "/postern.identity.v1.AccountService/",
        "/postern.identity.v1.AccountService/getAccount",
        "/postern.identity.v1.AccountService/GetAccount/",
        "/postern.identity.v1.AccountService/GetAccount2",
        "//postern.identity.v1.AccountService/GetAccount",
        "/postern.identity.v2.AccountService/GetAccount",
        "/postern.policy.v1.FenceService/Lower",
        "/grpc.reflection.v1.ServerReflection/Nothing",
        "/metrics",
    ] {
        for channel in [&suite.channel, &suite.internal] {
            let answer = raw::call(channel, path, std::slice::from_ref(&bearer), &[]).await;
            let reason = answer.as_ref().map_err(only_reason);
            assert_eq!(reason, Err(UnknownRpc), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_name_nobody() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let forged: Vec<_> = [
        "x-user-id",
        "x-postern-user",
        "x-postern-user-id",
        "x-postern-principal",
        "x-postern-service",
        "x-forwarded-user",
        "postern-user",
        "x-forwarded-client-cert",
    ]
    .map(|name| (name, ben.id.to_string()))
    .into();
    let path = "/postern.identity.v1.AccountService/GetAccount";
    let message = GetAccountRequest::default().encode_to_vec();
    let answer = raw::call(&suite.channel, path, &forged, &message).await;
    assert_fails(answer, tonic::Code::Unauthenticated, TokenMissing);
    let answer = raw::call(&suite.internal, path, &forged, &message).await;
    assert_fails(answer, tonic::Code::Unimplemented, UnknownRpc);

    let headers = [forged, vec![bearer(&ada)]].concat();
    let answer = raw::call(&suite.channel, path, &headers, &message).await;
    let answer = GetAccountResponse::decode(answer.unwrap()[0].as_slice()).unwrap();
    assert_eq!(answer.account.unwrap().user_id, ada.id.to_string());
}
