//! What a server tells of itself: reflection in both versions, and health.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::FileDescriptorProto;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse,
    server_reflection_request::MessageRequest::{
        self, FileByFilename, FileContainingSymbol, ListServices,
    },
    server_reflection_response::MessageResponse::{
        self, ErrorResponse, FileDescriptorResponse, ListServicesResponse,
    },
};

use super::{ports, raw, rpcs};
use crate::suite::Suite;

/// The packages of reflection; their messages read alike.
pub const VERSIONS: [&str; 2] = ["grpc.reflection.v1", "grpc.reflection.v1alpha"];

async fn reflect(channel: &Channel, version: &str, ask: MessageRequest) -> MessageResponse {
    let path = format!("/{version}.ServerReflection/ServerReflectionInfo");
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(ask),
    };
    let answers = raw::call(channel, &path, &[], &request.encode_to_vec())
        .await
        .unwrap();
    let answer = ServerReflectionResponse::decode(answers[0].as_slice()).unwrap();
    answer.message_response.unwrap()
}

/// The services that a port lists.
pub async fn services(channel: &Channel, version: &str) -> BTreeSet<String> {
    match reflect(channel, version, ListServices(String::new())).await {
        ListServicesResponse(listed) => listed.service.into_iter().map(|one| one.name).collect(),
        other => panic!("{other:?}"),
    }
}

async fn file(channel: &Channel, version: &str, ask: MessageRequest) -> FileDescriptorProto {
    match reflect(channel, version, ask.clone()).await {
        FileDescriptorResponse(found) => {
            let file = found.file_descriptor_proto[0].as_slice();
            FileDescriptorProto::decode(file).unwrap()
        }
        other => panic!("{ask:?}: {other:?}"),
    }
}

/// What the contract says that a port serves.
fn declared(public: bool) -> BTreeSet<String> {
    let names = rpcs()
        .into_iter()
        .map(|rpc| rpc.method.parent_service().full_name().to_owned());
    let served = |name: &String| match public {
        true => ports(name).public,
        false => ports(name).internal,
    };
    names.filter(served).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_what_the_port_serves() {
    let suite = Suite::start().await;
    for (public, channel) in [(true, &suite.channel), (false, &suite.internal)] {
        let mut expected = declared(public);
        expected.insert("grpc.health.v1.Health".to_owned());
        for version in VERSIONS {
            assert_eq!(services(channel, version).await, expected, "{version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_resolves_services_imports_and_error_details() {
    let suite = Suite::start().await;
    let details = ["BadRequest", "ErrorInfo", "RetryInfo", "Status"];
    let details = details.map(|name| format!("google.rpc.{name}"));
    for (public, channel) in [(true, &suite.channel), (false, &suite.internal)] {
        for version in VERSIONS {
            let symbols = declared(public).into_iter().chain(details.clone());
            let mut seen = BTreeSet::new();
            let mut wanted: Vec<_> = symbols.map(FileContainingSymbol).collect();
            while let Some(ask) = wanted.pop() {
                let file = file(channel, version, ask).await;
                if seen.insert(file.name().to_owned()) {
                    wanted.extend(file.dependency.into_iter().map(FileByFilename));
                }
            }
            assert!(seen.contains("google/protobuf/timestamp.proto"), "{seen:?}");
            assert!(seen.contains("postern/common/v1/page.proto"), "{seen:?}");
            let nothing = FileContainingSymbol("postern.nothing.v1.Nothing".to_owned());
            let answer = reflect_or_status(channel, version, nothing).await;
            assert_eq!(answer, Code::NotFound, "{version}");
        }
    }
}

/// How reflection says no: in its answer or as a status.
async fn reflect_or_status(channel: &Channel, version: &str, ask: MessageRequest) -> Code {
    let path = format!("/{version}.ServerReflection/ServerReflectionInfo");
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(ask),
    };
    match raw::call(channel, &path, &[], &request.encode_to_vec()).await {
        Err(status) => status.code(),
        Ok(answers) => {
            let answer = ServerReflectionResponse::decode(answers[0].as_slice()).unwrap();
            match answer.message_response {
                Some(ErrorResponse(error)) => Code::from_i32(error.error_code),
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let path = "/grpc.health.v1.Health/Check";
    let answers = raw::call(channel, path, &[], &request.encode_to_vec()).await;
    let answers = answers.map_err(|status| status.code())?;
    let answer = HealthCheckResponse::decode(answers[0].as_slice()).unwrap();
    Ok(answer.status())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_knows_the_services_of_its_port_and_no_other() {
    let suite = Suite::start().await;
    for (public, channel) in [(true, &suite.channel), (false, &suite.internal)] {
        let (here, there) = (declared(public), declared(!public));
        for service in here.iter().map(String::as_str).chain([""]) {
            let status = health(channel, service).await;
            assert_eq!(status, Ok(ServingStatus::Serving), "{service}");
        }
        let elsewhere = there.difference(&here).map(String::as_str);
        for service in elsewhere.chain(["postern", "postern.nothing.v1.Nothing", "é\0"]) {
            assert_eq!(
                health(channel, service).await,
                Err(Code::NotFound),
                "{service}"
            );
        }
    }
}
