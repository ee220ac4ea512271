//! The RPCs against owners that a test makes say anything: nothing is guessed, nothing is stored
//! that the facts do not allow, and who hides cannot be told from who is gone.

mod blocking;
mod budgets;
mod caching;
mod closed;
mod consents;
mod decisions;
mod deleting;
mod disguise;
mod every;
mod explaining;
mod fake;
mod moving;
mod nonsense;
mod preview;
mod races;
mod raising;
mod receiving;
mod refetching;
mod requests;
mod restricted;
mod verdicts;

use std::{sync::Arc, time::Duration};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    messaging::v1::{
        Content, Delivered, Refused, SendMessageRequest, SendMessageResponse, content,
        message_service_server::MessageService as _, send_message_response::Outcome,
    },
};
use postern_shared::{
    caller::{Caller, User},
    clock::Timestamp,
    error::reason_of,
    id::{SessionId, UserId},
    random::Random,
};
use tonic::{Code, Request, Status};

use super::Rpc;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A request in the name of a person who waits so long.
fn by<T>(user: UserId, within: Duration, message: T) -> Request<T> {
    let session = SessionId::new(Timestamp::from_unix_millis(0), &Random::system());
    let user = User::plain(user, session, Arc::from("token"));
    let caller = Caller {
        user: Some(user),
        ..Caller::system(within)
    };
    caller.ask(message)
}

/// Someone whom nobody knows.
fn person() -> UserId {
    UserId::random(&Random::system())
}

fn text(to: Person, id: &str, text: &str) -> SendMessageRequest {
    SendMessageRequest {
        recipient: Some(PersonRef { person: Some(to) }),
        client_message_id: id.to_owned(),
        content: Some(Content {
            content: Some(content::Content::Text(text.to_owned())),
        }),
    }
}

fn to(user: UserId) -> Person {
    Person::UserId(user.to_string())
}

fn named(handle: &str) -> Person {
    Person::Handle(handle.to_owned())
}

async fn ask(
    rpc: &Rpc,
    from: UserId,
    person: Person,
    id: &str,
) -> Result<SendMessageResponse, Status> {
    let message = text(person, id, "hello");
    let answer = rpc.send_message(by(from, LONG, message)).await?;
    Ok(answer.into_inner())
}

async fn send(
    rpc: &Rpc,
    from: UserId,
    other: UserId,
    id: &str,
) -> Result<SendMessageResponse, Status> {
    ask(rpc, from, to(other), id).await
}

#[track_caller]
fn delivered(answer: Result<SendMessageResponse, Status>) -> Delivered {
    match answer.unwrap().outcome {
        Some(Outcome::Delivered(delivered)) => delivered,
        other => panic!("expected a delivery, got {other:?}"),
    }
}

#[track_caller]
fn refused(answer: Result<SendMessageResponse, Status>) -> Refused {
    match answer.unwrap().outcome {
        Some(Outcome::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[track_caller]
fn fails<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: ErrorReason) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason_of(&status)), (code, Some(reason)));
}

#[track_caller]
fn undecidable<T: std::fmt::Debug>(answer: Result<T, Status>) {
    fails(
        answer,
        Code::Unavailable,
        ErrorReason::DependencyUnavailable,
    );
}
