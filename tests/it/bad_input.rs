//! What nobody should send: the answer says what is wrong, nothing comes of it, and the suite goes
//! on serving.

mod fields;
mod frames;
mod injection;
mod names;
mod pages;
mod tokens;

use postern_proto::common::v1::ErrorReason;
use postern_shared::caller::ServiceName;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    contract::{bearer, credential, raw},
    suite::{Person, Suite, assert_fails},
};

/// Calls `/postern.<rpc>` in a person's name.
async fn ask(person: &Person, rpc: &str, message: &impl Message) -> Result<Vec<u8>, Status> {
    let path = format!("/postern.{rpc}");
    let message = message.encode_to_vec();
    let answers = raw::call(&person.channel, &path, &[bearer(person)], &message).await?;
    Ok(answers.concat())
}

/// Calls it as a service.
async fn ask_as(
    suite: &Suite,
    service: ServiceName,
    rpc: &str,
    message: &impl Message,
) -> Result<Vec<u8>, Status> {
    let path = format!("/postern.{rpc}");
    let headers = [("postern-service", credential(suite, service))];
    let answers = raw::call(&suite.internal, &path, &headers, &message.encode_to_vec()).await?;
    Ok(answers.concat())
}

/// The fields that an answer calls wrong.
#[track_caller]
fn wrong_fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    for violation in &violations {
        assert!(!violation.description.is_empty(), "{status:?}");
    }
    violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// Everything that a person sees of what is stored about them.
async fn stored(person: &Person) -> String {
    let mut seen = Vec::new();
    for rpc in [
        "identity.v1.AccountService/GetAccount",
        "identity.v1.SessionService/ListSessions",
        "settings.v1.SettingsService/GetSettings",
        "graph.v1.GraphService/GetCounts",
        "graph.v1.GraphService/ListBlocked",
    ] {
        // Each of these requests may be empty.
        seen.push(ask(person, rpc, &()).await.unwrap());
    }
    format!(
        "{seen:?} {:?} {:?}",
        person.inbox().await,
        person.filtered().await
    )
}
